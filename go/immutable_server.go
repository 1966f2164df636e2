package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const opCreateImmutable = "create immutable duplex server"

// ImmutableDuplexServer owns a ZeroBuffer v1 channel: it reads requests from {name}_request and answers each of them, in order, with a frame
// in its client's {name}_response. Requests stay as they are; the response is written elsewhere.
//
// v1 cannot mark a failure: what a failing handler answers is its message as a response like any other, and the error function is told.
// A client that is gone gets no answers; the server goes on with the next one. One handler runs at a time.
type ImmutableDuplexServer struct {
	name    string
	config  BufferConfig
	options serverOptions
	done    chan struct{}
	ended   chan struct{} // the goroutine that serves has ended

	stopping context.Context // ends when nothing new is taken
	halt     context.CancelFunc
	leaving  context.Context // ends when no answer waits for room any more
	abort    context.CancelFunc
	unwatch  func() bool // ends the watch over Start's context

	mu        sync.Mutex
	phase     phase
	requests  *Reader
	responses *Writer // of the present client, nil when it has none or is gone
	metadata  []byte  // nil until written
	answer    answerer
	err       error // of Stop
}

var _ DuplexServer = (*ImmutableDuplexServer)(nil)

// answerer makes the response to a request.
type answerer func(f ReceivedFrame, d *draft) error

// newImmutableServer takes over the request buffer.
func newImmutableServer(name string, config BufferConfig, options serverOptions, requests *Reader) *ImmutableDuplexServer {
	s := &ImmutableDuplexServer{name: name, config: config, options: options, requests: requests, done: make(chan struct{}), ended: make(chan struct{}), unwatch: func() bool { return false }}
	s.stopping, s.halt = context.WithCancel(context.Background())
	s.leaving, s.abort = context.WithCancel(context.Background())
	return s
}

// createRequests makes the buffer that a server reads.
func createRequests(name string, config BufferConfig, options serverOptions) (*Reader, error) {
	r, err := newReader(name+requestSuffix, config, readerOptions{commonOptions: options.commonOptions, mode: options.mode})
	var failed *Error
	if errors.As(err, &failed) {
		code := failed.Code
		if code == ErrorCodeReaderAlreadyConnected {
			code = ErrorCodeNameInUse
		}
		return nil, &Error{Code: code, Op: opCreateImmutable, Channel: name, Err: err}
	}
	return r, err
}

// Name implements DuplexServer.
func (s *ImmutableDuplexServer) Name() string { return s.name }

// Done implements DuplexServer.
func (s *ImmutableDuplexServer) Done() <-chan struct{} { return s.done }

func (s *ImmutableDuplexServer) fail(code ErrorCode, op, detail string) error {
	return &Error{Code: code, Op: op, Channel: s.name, Detail: detail}
}

// Start implements DuplexServer: the handler of an in-place server serves here, too. The frame's data is a copy of the request in the response
// buffer; its capacity is the largest frame that this buffer holds. What stands in it afterwards is the response. Resize may move it, so take
// Data anew then.
func (s *ImmutableDuplexServer) Start(ctx context.Context, handler Handler) error {
	if handler == nil {
		return s.fail(ErrorCodeInvalidArgument, opStart, nilHandler)
	}
	var w work
	return s.start(ctx, func(f ReceivedFrame, d *draft) error { return changeCopy(&w, f, d, handler) })
}

// StartImmutable is Start for a handler that reads the request where it stands and writes a response of its own.
func (s *ImmutableDuplexServer) StartImmutable(ctx context.Context, handler ImmutableHandler) error {
	if handler == nil {
		return s.fail(ErrorCodeInvalidArgument, opStart, nilHandler)
	}
	return s.start(ctx, func(f ReceivedFrame, d *draft) error { return respond(f, d, handler) })
}

func (s *ImmutableDuplexServer) start(ctx context.Context, answer answerer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if code, detail := s.phase.mayStart(); code != 0 {
		return s.fail(code, opStart, detail)
	}
	s.phase, s.answer = serving, answer
	go s.serve()
	s.unwatch = context.AfterFunc(ctx, func() { _ = s.Close() }) // whoever wants the error calls Stop, which waits for this one
	return nil
}

// SetMetadata implements DuplexServer. Each client gets it in its response buffer, when its first request is answered; one whose buffer is
// too small for it gets none, and the error function is told.
func (s *ImmutableDuplexServer) SetMetadata(content []byte) error {
	const op = "set metadata"
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.phase > serving:
		return s.fail(ErrorCodeClosed, op, "")
	case s.metadata != nil:
		return s.fail(ErrorCodeMetadataAlreadyWritten, op, "")
	}
	if s.responses != nil {
		if err := s.responses.SetMetadata(content); err != nil && !errors.Is(err, ErrReaderDead) {
			return err
		}
	}
	s.metadata = append([]byte{}, content...)
	return nil
}

// ClientMetadata implements DuplexServer. A v1 buffer takes metadata once: it is the first client's that wrote any.
func (s *ImmutableDuplexServer) ClientMetadata() ([]byte, error) {
	s.mu.Lock()
	requests := s.requests
	s.mu.Unlock()
	return requests.Metadata()
}

// MemoryReport implements DuplexServer for the request buffer and, while a client is there, the response buffer together.
func (s *ImmutableDuplexServer) MemoryReport() MemoryReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.responses == nil {
		return s.requests.report
	}
	return s.requests.report.and(s.responses.report)
}

// Close implements DuplexServer.
func (s *ImmutableDuplexServer) Close() error { return s.Stop(s.options.stopTimeout) }

// Stop implements DuplexServer, but for waiting until the client has consumed the responses: they are left for it. Requests that were not
// taken are lost. Called from a handler it runs into its timeout, since that handler is waited for.
func (s *ImmutableDuplexServer) Stop(timeout time.Duration) error {
	s.mu.Lock()
	if s.phase >= draining {
		s.mu.Unlock()
		<-s.done
		return s.err
	}
	serving := s.phase == serving
	s.phase = draining
	s.mu.Unlock()
	s.halt()
	late := false
	if serving {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		select {
		case <-s.ended:
		case <-timer.C:
			late = true
		}
	}
	s.abort()
	s.unwatch()
	s.err = s.teardown(late)
	close(s.done)
	return s.err
}

// teardown gives both buffers back, the responses first: whoever sees that the requests are gone finds every response written.
func (s *ImmutableDuplexServer) teardown(late bool) error {
	s.mu.Lock()
	s.phase = stopped
	requests, responses := s.requests, s.responses
	s.mu.Unlock() // a handler that is late may still come back, with the request buffer's lock
	var errs []error
	if responses != nil {
		errs = append(errs, responses.Close())
	}
	errs = append(errs, requests.Close())
	if late {
		errs = append(errs, s.fail(ErrorCodeTimeout, "stop server", "a handler still runs, or waits for room for its response"))
	}
	return errors.Join(errs...)
}

func (s *ImmutableDuplexServer) report(err error) { s.options.onError(err) }

// renew replaces a request buffer in which something stands that no correct client writes: its client finds its reader gone and may connect
// again. False: the server has no buffer any more.
func (s *ImmutableDuplexServer) renew(cause error) bool {
	s.report(&Error{Code: ErrorCodeCorrupted, Op: "take request", Channel: s.name, Err: cause})
	s.dismiss()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != serving {
		return false
	}
	err := s.requests.Close()
	if err == nil {
		var requests *Reader
		if requests, err = createRequests(s.name, s.config, s.options); err == nil {
			s.requests = requests
			return true
		}
	}
	go func() {
		s.report(&Error{Code: ErrorCodeSystem, Op: "renew request buffer", Channel: s.name, Detail: "the server stops", Err: err})
		_ = s.Stop(0)
	}()
	return false
}

// CreateImmutableServer makes a ZeroBuffer v1 channel of two buffers, for clients of v1 and for our own, which find out by themselves. config
// is the request buffer's (DefaultV1BufferConfig); clients decide on their response buffers. A client can connect when it returns; its
// requests wait for Start. The name has at most 191 bytes, and there is one worker. Errors: those of CreateInPlaceDuplexServer.
func (f *DuplexChannelFactory) CreateImmutableServer(name string, config BufferConfig, opts ...ServerOption) (*ImmutableDuplexServer, error) {
	if err := checkUse(opCreateImmutable, name); err != nil {
		return nil, err
	}
	if len(name) > longestDualBufferName {
		detail := fmt.Sprintf("%d bytes; the names of the two buffers leave %d", len(name), longestDualBufferName)
		return nil, &Error{Code: ErrorCodeInvalidName, Op: opCreateImmutable, Channel: name, Detail: detail}
	}
	options, problem := newServerOptions(opts)
	if problem == "" && options.workers != 1 {
		problem = fmt.Sprintf("%d workers; v1 responses come in the order of their requests, so there is one", options.workers)
	}
	if problem != "" {
		return nil, &Error{Code: ErrorCodeInvalidArgument, Op: opCreateImmutable, Channel: name, Detail: problem}
	}
	requests, err := createRequests(name, config, options)
	if err != nil {
		return nil, err
	}
	return newImmutableServer(name, config, options, requests), nil
}
