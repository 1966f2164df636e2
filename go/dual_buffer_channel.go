package zeroduplex

import (
	"errors"
	"sync"
)

// DualBufferDuplexChannel is the client of a ZeroBuffer v1 server: requests go into one buffer, copies of the server's answers come back in
// another, which this client creates ({name}_request and {name}_response).
//
// v1 has no opcodes, no cancelling, no empty requests and no failures: an opcode is ErrInvalidArgument, an empty request
// ErrInvalidFrameSize, Cancel says false, and what a failing handler leaves comes as a response like any other. A capacity means nothing.
// Since the n-th response answers the n-th request, a one-way request is answered too; this client drops that answer.
type DualBufferDuplexChannel struct {
	name     string
	options  clientOptions
	request  *Writer
	response *Reader

	mu       sync.Mutex
	failure  error
	sent     []*exchange // not answered yet, oldest first; their sequence numbers are consecutive
	arrived  []*exchange // answered and not received, oldest first
	unwanted int         // those of sent whose answers will be dropped
	reading  bool        // a goroutine reads responses; the role is taken and left under mu
	bell     bell        // something arrived, or a role was left
}

var _ DuplexClient = (*DualBufferDuplexChannel)(nil)

// exchange is a request and, once it has arrived, its response. The fields belong to the channel's mu, but the frame to whoever received it.
type exchange struct {
	sequence uint64
	frame    ReceivedFrame
	answered bool
	taken    bool // somebody waits for it by number
	unwanted bool // one-way or abandoned
}

func newDualBufferChannel(name string, options clientOptions, request *Writer, response *Reader) *DualBufferDuplexChannel {
	c := &DualBufferDuplexChannel{name: name, options: options, request: request, response: response}
	request.between = c.pump
	return c
}

// Name is the channel's name.
func (c *DualBufferDuplexChannel) Name() string { return c.name }

// MemoryReport implements DuplexClient for both buffers together.
func (c *DualBufferDuplexChannel) MemoryReport() MemoryReport {
	return c.request.report.and(c.response.report)
}

func (c *DualBufferDuplexChannel) fail(code ErrorCode, op, detail string) error {
	return &Error{Code: code, Op: op, Channel: c.name, Detail: detail}
}

// clientError gives an error of one of the buffers the meaning that it has for a client; mu is held.
func (c *DualBufferDuplexChannel) clientError(op string, err error) error {
	var failed *Error
	if !errors.As(err, &failed) {
		return err
	}
	switch {
	case failed.Code == ErrorCodeReaderDead:
		return &Error{Code: ErrorCodeServerDead, Op: op, Channel: c.name, Detail: c.lost(), Err: failed}
	case failed.Code.is(ErrorCodeCorrupted) && c.failure == nil:
		// Nothing tells any more which response is whose.
		c.failure = &Error{Code: failed.Code, Op: op, Channel: c.name, Err: failed}
		return c.failure
	}
	return &Error{Code: failed.Code, Op: op, Channel: c.name, Detail: failed.Detail, Err: failed.Err}
}

// lost names the requests that will never be answered; mu is held.
func (c *DualBufferDuplexChannel) lost() string {
	var l losses
	for _, e := range c.sent {
		if !e.unwanted {
			l.add(e.sequence)
		}
	}
	return l.String()
}

// Cancel implements DuplexClient: v1 takes nothing back. Error: ErrUnknownSequence when no response to the request is outstanding.
func (c *DualBufferDuplexChannel) Cancel(sequence uint64) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		return false, c.failure
	}
	if c.find(sequence) == nil {
		return false, c.unknown("cancel", sequence)
	}
	return false, nil
}

// SetMetadata implements DuplexClient. A v1 buffer takes metadata once, and the server's stays for all its clients: a second client gets
// ErrMetadataAlreadyWritten.
func (c *DualBufferDuplexChannel) SetMetadata(content []byte) error {
	err := c.request.SetMetadata(content)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.clientError("set metadata", err)
}

// ServerMetadata implements DuplexClient. The server writes it when it answers this client's first request.
func (c *DualBufferDuplexChannel) ServerMetadata() ([]byte, error) {
	content, err := c.response.Metadata()
	c.mu.Lock()
	defer c.mu.Unlock()
	return content, c.clientError("read server metadata", err)
}

// IsServerConnected implements DuplexClient.
func (c *DualBufferDuplexChannel) IsServerConnected() bool {
	c.mu.Lock()
	failed := c.failure != nil
	c.mu.Unlock()
	return !failed && c.request.IsReaderConnected()
}

// Close implements DuplexClient.
func (c *DualBufferDuplexChannel) Close() error {
	c.mu.Lock()
	c.failure = c.fail(ErrorCodeClosed, "use channel", "")
	for _, e := range c.arrived {
		e.frame.Release()
	}
	c.arrived = nil
	c.bell.ring()
	c.mu.Unlock()
	// The responses first: whoever waits for one looks at the server through the requests.
	if err := errors.Join(c.response.Close(), c.request.Close()); err != nil {
		return &Error{Code: ErrorCodeSystem, Op: "close channel", Channel: c.name, Err: err}
	}
	return nil
}
