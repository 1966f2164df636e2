package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/ring"
	"github.com/zeroduplex/zeroduplex/go/internal/sem"
	"github.com/zeroduplex/zeroduplex/go/internal/spin"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// DuplexClient is the client's side of a channel, whatever its protocol. All methods are safe for concurrent use.
//
// Where a context has no deadline, the timeouts of the client's options apply. What is sent with a cancelled context is not sent; a
// deadline that has passed makes a call try once without waiting. Any call may fail with ErrServerDead, ErrCorrupted,
// ErrClosed, ErrTimeout (ErrBufferFull for sends) or ErrCancelled, besides what it names itself.
type DuplexClient interface {
	// SendRequest copies data into the ring and publishes it. It returns the request's sequence number.
	SendRequest(ctx context.Context, data []byte) (uint64, error)
	// Send is SendRequest with an opcode, a capacity for a larger response, or one-way.
	Send(ctx context.Context, r Request) (uint64, error)
	// AcquireRequestBuffer claims size bytes of the ring to be filled in place; the response may have up to capacity bytes (0: as size).
	// One buffer per channel is out at a time; other senders queue behind it.
	AcquireRequestBuffer(ctx context.Context, size, capacity int) (RequestBuffer, error)
	// ReceiveResponse waits for a response that nobody waits for by number. Release it when done.
	ReceiveResponse(ctx context.Context) (Response, error)
	// ReceiveResponseFor waits for the response to one request.
	ReceiveResponseFor(ctx context.Context, sequence uint64) (Response, error)
	// Call sends and waits for the response. A call that times out cancels its request if the server has not taken it; a late response is dropped.
	Call(ctx context.Context, data []byte) (Response, error)
	// CallRequest is Call with an opcode or a capacity.
	CallRequest(ctx context.Context, r Request) (Response, error)
	// Cancel takes back a request that the server has not taken: true; whoever waits for its response gets ErrCancelled. False: too
	// late, the response is there or will come.
	Cancel(sequence uint64) (bool, error)
	// SetMetadata writes this client's metadata, once per connection. The server may read it from then on.
	SetMetadata(content []byte) error
	// ServerMetadata is a copy of the server's metadata, nil when it has written none.
	ServerMetadata() ([]byte, error)
	// MemoryReport says what became of WithPrefault and WithHugePages, also after Close.
	MemoryReport() MemoryReport
	// IsServerConnected reports whether the server lives, now.
	IsServerConnected() bool
	// Close wakes all waiting calls with ErrClosed and disconnects. While Responses or a RequestBuffer are out, the disconnect follows
	// the release of the last one. Closing again does nothing.
	Close() error
}

var _ DuplexClient = (*InPlaceDuplexChannel)(nil)

// Request is what Send and CallRequest send.
type Request struct {
	Data []byte
	// Opcode is the application's tag for the handler.
	Opcode uint32
	// Capacity is the number of bytes the response may have, 0 for as many as Data, rounded up to 64.
	Capacity int
	// OneWay wants no answer.
	OneWay bool
}

// InPlaceDuplexChannel is the client of an in-place duplex channel: the server changes requests where they stand, and the response
// is read at the same place.
type InPlaceDuplexChannel struct {
	name    string
	options clientOptions
	seg     *segment
	report  MemoryReport

	mu       sync.Mutex
	idle     sync.Cond // waits went down while closing
	ring     *ring.Client
	failure  error // why nothing works any more, nil while all is well
	detached bool
	turn     turnQueue
	waiting  waiterList
	sleeping bool // somebody sleeps on response-ready; the role is taken and left under mu
	quiet    bool // something was sent since the last sign of life from the server
	uneasy   bool // a token brought nothing, and byte 0 had been looked at too recently to look again
	metadata bool // written
	closing  bool // no call begins any more; the segment goes when nothing holds it
	holds    int  // running calls, responses and request buffers that are out
	waits    int  // calls that wait for something

	patience spin.Patience // of calls that spin for their response

	buffer    atomic.Uint64 // generation of the acquired buffer; stored under mu
	peerCheck atomic.Int64  // when byte 0 was last looked at, nanoseconds since start
	start     time.Time
}

// newChannel takes over an attached segment.
func newChannel(name string, options clientOptions, s *segment) *InPlaceDuplexChannel {
	c := &InPlaceDuplexChannel{name: name, options: options, seg: s, report: reportOn(s.provider, options.pages), ring: ring.NewClient(s.Memory, options.lap == LapEager), start: time.Now()}
	c.idle.L = &c.mu
	c.ring.Owner = c
	return c
}

// Name is the channel's name.
func (c *InPlaceDuplexChannel) Name() string { return c.name }

// MemoryReport implements DuplexClient.
func (c *InPlaceDuplexChannel) MemoryReport() MemoryReport { return c.report }

func (c *InPlaceDuplexChannel) fail(code ErrorCode, op, detail string) error {
	return &Error{Code: code, Op: op, Channel: c.name, Detail: detail}
}

// enter begins a call; mu is held. Every nil is followed by one leave.
func (c *InPlaceDuplexChannel) enter() error {
	if c.failure != nil {
		return c.failure
	}
	c.holds++
	return nil
}

// leave ends a call, or the loan of a response or buffer, that a call ended in; mu is held.
func (c *InPlaceDuplexChannel) leave() {
	c.holds--
	if c.closing {
		_ = c.detachIfIdle() // after Close has returned, a failing munmap has nobody to go to
	}
}

// waitsFor runs one wait without the lock; mu is held on entry and return. Close waits for all of them.
func (c *InPlaceDuplexChannel) waitsFor(wait func()) {
	c.waits++
	c.mu.Unlock()
	wait()
	c.mu.Lock()
	c.waits--
	if c.closing {
		c.idle.Broadcast()
	}
}

// shut makes every call fail with failure from now on and wakes the waiting ones; mu is held.
func (c *InPlaceDuplexChannel) shut(failure error) {
	if c.failure == nil {
		c.failure = failure
	}
	c.closing = true
	c.wakeAll()
}

// wakeAll makes every waiter in this process look again; mu is held.
func (c *InPlaceDuplexChannel) wakeAll() {
	if !c.detached {
		c.seg.responseReady.PostIfZero()
		c.seg.spaceAvailable.PostIfZero()
	}
	c.waiting.wakeAll()
	c.turn.wakeAll()
}

// Close implements DuplexClient.
func (c *InPlaceDuplexChannel) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failure = nil // what went wrong before no longer matters to whoever calls after Close
	c.shut(c.fail(ErrorCodeClosed, "use channel", ""))
	for c.waits > 0 {
		c.idle.Wait()
	}
	return c.detachIfIdle()
}

// detachIfIdle gives the segment back when no call runs and nothing of it is out; mu is held.
func (c *InPlaceDuplexChannel) detachIfIdle() error {
	if c.detached || c.holds > 0 {
		return nil
	}
	c.detached = true
	// The store tells the server by one load what it would otherwise ask the kernel; pairs with its acquire load in clientLeft.
	// From the unlock on the segment is somebody else's: nothing is touched but the semaphore.
	c.seg.Request.WriterPid.Store(wire.ResetWanted)
	err := c.seg.life.releaseClient()
	c.seg.requestReady.PostIfZero()
	if err = errors.Join(err, c.seg.unmap()); err != nil {
		return &Error{Code: ErrorCodeSystem, Op: "close channel", Channel: c.name, Err: err}
	}
	return nil
}

// corrupted ends the use of a segment that holds what no correct server stores; mu is held.
func (c *InPlaceDuplexChannel) corrupted(op string, err error) error {
	failure := &Error{Code: ErrorCodeCorrupted, Op: op, Channel: c.name, Err: err}
	c.shut(failure)
	return failure
}

// IsServerConnected implements DuplexClient.
func (c *InPlaceDuplexChannel) IsServerConnected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil || c.detached {
		return false
	}
	c.checkPeer()
	if c.closing {
		_ = c.detachIfIdle() // corrupted: the answer says so, Close may say more
	}
	return c.failure == nil
}

// checkPeer looks whether the server lives; mu is held and the segment attached. When it does not, answers that are there are still
// delivered, everything else fails.
func (c *InPlaceDuplexChannel) checkPeer() {
	c.peerCheck.Store(c.elapsed())
	// A server that found the segment corrupted says so here; pairs with its store in markCorrupted. The pid before the lock: a server
	// that stops stores it after it let go of the lock, and is no longer alive to whoever saw it.
	disowned := c.seg.Response.WriterPid.Load() == wire.PidNone
	alive := c.seg.life.serverAlive()
	if alive && !disowned || c.failure != nil {
		return
	}
	if alive {
		c.shut(c.fail(ErrorCodeCorrupted, "use channel", "the server found the segment corrupted"))
		return
	}
	c.failure = &Error{Code: ErrorCodeServerDead, Op: "use channel", Channel: c.name, Detail: c.lost()}
	c.wakeAll()
}

// lost names the requests that will never be answered.
func (c *InPlaceDuplexChannel) lost() string {
	var l losses
	for i := range c.ring.InFlight() {
		if f := c.ring.At(i); !f.OneWay && !f.Cancelled && !f.Abandoned && !f.Answered() {
			l.add(f.Sequence)
		}
	}
	return l.String()
}

func (c *InPlaceDuplexChannel) elapsed() int64 { return int64(time.Since(c.start)) }

// peerDue reports whether the last look at the server is older than age.
func (c *InPlaceDuplexChannel) peerDue(age time.Duration) bool {
	return c.elapsed()-c.peerCheck.Load() >= int64(age)
}

// tokenPause is how often at most a token that brought nothing makes us look whether the server lives.
const tokenPause = time.Millisecond

// lookAfterSleep looks at the server when that is due, or when a token may have been its farewell; mu is held.
func (c *InPlaceDuplexChannel) lookAfterSleep(token bool) {
	doubt := token || c.uneasy
	if c.failure == nil && (c.peerDue(wire.DefaultV2WaitSlice) || doubt && c.peerDue(tokenPause)) {
		c.checkPeer()
		doubt = false
	}
	c.uneasy = doubt
}

// napLimit bounds the next sleep, so that a farewell that came right after a look does not cost a whole slice; mu is held.
func (c *InPlaceDuplexChannel) napLimit() time.Duration {
	if c.uneasy {
		return tokenPause
	}
	return wire.DefaultV2WaitSlice
}

// SetMetadata implements DuplexClient. Errors: ErrMetadataAlreadyWritten, ErrMetadataTooLarge.
func (c *InPlaceDuplexChannel) SetMetadata(content []byte) error {
	const op = "set metadata"
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		return c.failure
	}
	if c.metadata {
		return c.fail(ErrorCodeMetadataAlreadyWritten, op, "")
	}
	if err := writeMetadata(c.seg.Request, c.seg.metadataRequest, content); err != nil {
		return err
	}
	c.metadata = true
	return nil
}

// ServerMetadata implements DuplexClient.
func (c *InPlaceDuplexChannel) ServerMetadata() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		return nil, c.failure
	}
	return readMetadata(c.seg.Response, c.seg.metadataResponse)
}

// Cancel implements DuplexClient. Error: ErrUnknownSequence when no response to the request is outstanding.
func (c *InPlaceDuplexChannel) Cancel(sequence uint64) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		return false, c.failure
	}
	f := c.ring.Lookup(sequence)
	if f == nil || f.Cancelled || f.Abandoned || f.Released() {
		return false, c.unknown("cancel", sequence)
	}
	if !c.ring.Cancel(f) {
		return false, nil
	}
	c.waiting.wakeAll() // whoever waits for it by number
	return true, nil
}

func (c *InPlaceDuplexChannel) unknown(op string, sequence uint64) error {
	return c.fail(ErrorCodeUnknownSequence, op, fmt.Sprintf("sequence %d", sequence))
}

// sleep waits on a semaphore until the deadline, but no longer than limit; mu is not held. Cancelling the context wakes it by a token.
func sleep(ctx context.Context, s *sem.Semaphore, deadline time.Time, limit time.Duration) bool {
	if ctx.Done() != nil {
		posted := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			if !wakesItself(ctx) {
				s.PostIfZero()
			}
			close(posted)
		})
		defer func() {
			if !stop() {
				<-posted // the caller's hold on the segment keeps the semaphore mapped no longer than the call
			}
		}()
	}
	return s.Wait(min(limit, time.Until(deadline)))
}

// wakesItself reports whether a sleeper needs no token at the end of its context: at the context's deadline, which is the sleeper's own,
// nobody might be left to take it, and the peer would find a token of nothing.
func wakesItself(ctx context.Context) bool { return errors.Is(ctx.Err(), context.DeadlineExceeded) }
