package zeroduplex

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/lock"
	"github.com/zeroduplex/zeroduplex/go/internal/ring"
	"github.com/zeroduplex/zeroduplex/go/internal/shm"
	"github.com/zeroduplex/zeroduplex/go/internal/spin"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// DuplexServer is the server's side of a channel, whatever its protocol. All methods are safe for concurrent use.
type DuplexServer interface {
	// Name is the channel's name.
	Name() string
	// Start begins to answer requests with handler and returns at once. The end of ctx stops the server in good order, as Close does.
	// A server starts once.
	Start(ctx context.Context, handler Handler) error
	// SetMetadata writes the server's metadata, once.
	SetMetadata(content []byte) error
	// ClientMetadata is a copy of the client's metadata, nil when it has written none.
	ClientMetadata() ([]byte, error)
	// MemoryReport says what became of WithPrefault and WithHugePages, also after the server has stopped.
	MemoryReport() MemoryReport
	// Stop takes nothing new, lets handlers finish and waits until the client consumed their responses or is gone, then removes the
	// channel. ErrTimeout when that took longer; the channel is removed all the same. Stopping again waits for the first.
	Stop(timeout time.Duration) error
	// Close is Stop with the stop timeout of the options.
	Close() error
	// Done is closed when the server has stopped.
	Done() <-chan struct{}
}

var _ DuplexServer = (*InPlaceDuplexServer)(nil)

// phase is the life of a server.
type phase int32

const (
	created phase = iota
	serving
	draining
	stopped
)

const (
	opStart    = "start server"
	nilHandler = "the handler is nil"
)

// mayStart says why a server may not be started, 0 when it may.
func (p phase) mayStart() (code ErrorCode, detail string) {
	switch {
	case p == serving:
		return ErrorCodeInvalidArgument, "it was started before"
	case p != created:
		return ErrorCodeClosed, ""
	}
	return 0, ""
}

// InPlaceDuplexServer owns an in-place duplex channel and answers its requests where they stand.
type InPlaceDuplexServer struct {
	name    string
	config  BufferConfig
	options serverOptions
	owner   *lock.Owner
	handler Handler
	done    chan struct{}

	mu       sync.Mutex
	work     sync.Cond // there may be something to take, or a role
	finished sync.Cond // running went down, or a deadline passed
	phase    phase
	current  *tenure
	metadata []byte  // of the server, kept for a new object; nil until written
	polling  bool    // a worker looks for requests; the role is taken and left under mu
	idle     int     // workers waiting on work
	err      error   // of Stop
	reports  []error // for the error function

	resting bool          // watch has stopped its clock
	busy    chan struct{} // tells it to go on

	kicks atomic.Uint32 // grows when a spinning worker must look at more than the ring
}

// tenure is one segment from its creation until it is stopped or given up; a server that gives one up starts another.
type tenure struct {
	seg        *segment
	report     MemoryReport
	ring       *ring.Server
	references int // running handlers, plus one while it is the server's current tenure
	running    int // running handlers; the only worker counts as one while it works without the lock
	corrupt    bool
	resetting  bool
	deadline   time.Time // of the reset
	retry      time.Time // not before this is a failed reset tried again
	checkDue   bool      // byte 1 is to be looked at
	drowsy     bool      // the last sleep ended without a token
	spun       bool      // the spin window has just passed in vain
	patience   spin.Patience
	checked    time.Time // when it was
}

// newServer takes over a complete segment and the owner lock.
func newServer(name string, config BufferConfig, options serverOptions, owner *lock.Owner, s *segment) *InPlaceDuplexServer {
	srv := &InPlaceDuplexServer{name: name, config: config, options: options, owner: owner, done: make(chan struct{}), busy: make(chan struct{}, 1), current: newTenure(s, options.pages)}
	srv.work.L, srv.finished.L = &srv.mu, &srv.mu
	return srv
}

func newTenure(s *segment, pages shm.PageWish) *tenure {
	return &tenure{seg: s, report: reportOn(s.provider, pages), ring: ring.NewServer(s.Memory), references: 1, checked: time.Now()}
}

// Name implements DuplexServer.
func (s *InPlaceDuplexServer) Name() string { return s.name }

// Done implements DuplexServer.
func (s *InPlaceDuplexServer) Done() <-chan struct{} { return s.done }

func (s *InPlaceDuplexServer) fail(code ErrorCode, op, detail string) error {
	return &Error{Code: code, Op: op, Channel: s.name, Detail: detail}
}

// Start begins to answer requests with handler and returns at once. The end of ctx stops the server in good order, as Close does.
// A server starts once. Errors: ErrInvalidArgument, ErrClosed.
func (s *InPlaceDuplexServer) Start(ctx context.Context, handler Handler) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if handler == nil {
		return s.fail(ErrorCodeInvalidArgument, opStart, nilHandler)
	}
	if code, detail := s.phase.mayStart(); code != 0 {
		return s.fail(code, opStart, detail)
	}
	s.phase = serving
	s.handler = handler
	for range s.options.workers {
		go s.serve(s.current)
	}
	go s.watch(ctx)
	return nil
}

// SetMetadata writes the server's metadata, once. Errors: ErrMetadataAlreadyWritten, ErrMetadataTooLarge, ErrClosed.
func (s *InPlaceDuplexServer) SetMetadata(content []byte) error {
	const op = "set metadata"
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.phase > serving:
		return s.fail(ErrorCodeClosed, op, "")
	case s.metadata != nil:
		return s.fail(ErrorCodeMetadataAlreadyWritten, op, "")
	}
	seg := s.current.seg
	if err := writeMetadata(seg.Response, seg.metadataResponse, content); err != nil {
		return err
	}
	s.metadata = append([]byte{}, content...)
	return nil
}

// ClientMetadata is a copy of the attached client's metadata, nil when no client is attached or it has written none.
// Errors: ErrClosed, ErrCorrupted.
func (s *InPlaceDuplexServer) ClientMetadata() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == stopped {
		return nil, s.fail(ErrorCodeClosed, "read client metadata", "")
	}
	return readMetadata(s.current.seg.Request, s.current.seg.metadataRequest)
}

// MemoryReport implements DuplexServer. A server that gave its object up and made another reports on that one.
func (s *InPlaceDuplexServer) MemoryReport() MemoryReport {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.report
}

// Close implements DuplexServer.
func (s *InPlaceDuplexServer) Close() error { return s.Stop(s.options.stopTimeout) }

// Stop implements DuplexServer. Called from a handler it runs into its timeout, since that handler is waited for.
func (s *InPlaceDuplexServer) Stop(timeout time.Duration) error {
	s.mu.Lock()
	if s.phase >= draining {
		s.mu.Unlock()
		<-s.done
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.err
	}
	deadline := time.Now().Add(timeout)
	s.phase = draining
	s.kick()
	s.work.Broadcast()
	timer := time.AfterFunc(timeout, func() {
		s.mu.Lock()
		s.finished.Broadcast()
		s.mu.Unlock()
	})
	defer timer.Stop()
	t := s.current
	for (t.running > 0 || s.polling) && time.Now().Before(deadline) {
		s.finished.Wait()
	}
	late := t.running > 0
	if !late {
		late = !s.drain(t, deadline)
	}
	s.err = s.teardown(t, late)
	s.phase = stopped
	err := s.err
	s.mu.Unlock()
	close(s.done)
	return err
}

// drain waits until the client has consumed every response or is gone; mu is held on entry and return.
func (s *InPlaceDuplexServer) drain(t *tenure, deadline time.Time) bool {
	attached := func() bool {
		// Pairs with the client's store when it leaves.
		pid := t.seg.Request.WriterPid.Load()
		return pid != wire.PidNone && pid != wire.ResetWanted && t.seg.life.clientAlive()
	}
	for !t.ring.Drained() && !t.corrupt && attached() {
		left := time.Until(deadline)
		if left <= 0 {
			return false
		}
		s.mu.Unlock()
		t.seg.responseConsumed.Wait(min(wire.DefaultV2WaitSlice, left))
		s.mu.Lock()
	}
	return true
}

// teardown removes the names that are still ours, the object last, and says that the server is gone; mu is held.
func (s *InPlaceDuplexServer) teardown(t *tenure, late bool) error {
	seg := t.seg
	errs := []error{seg.semaphores.remove(s.name)}
	if own, ok := seg.provider.(*SharedMemory); ok {
		errs = append(errs, own.object.RemoveIfNamed(s.name))
	}
	errs = append(errs, seg.life.releaseServer(), s.owner.Release())
	// A client that wakes finds byte 0 free. Over a view this store is all it can find; pairs with viewLiveness.serverAlive.
	seg.Response.WriterPid.Store(wire.PidNone)
	seg.responseReady.PostIfZero()
	seg.spaceAvailable.PostIfZero()
	errs = append(errs, t.unreference())
	if late {
		errs = append(errs, s.fail(ErrorCodeTimeout, "stop server", "handlers or responses were left"))
	}
	return errors.Join(errs...)
}

// unreference unmaps the segment when nobody uses it any more; mu is held.
func (t *tenure) unreference() error {
	t.references--
	if t.references > 0 {
		return nil
	}
	return t.seg.unmap()
}

// kick makes the polling worker look again; mu is held.
func (s *InPlaceDuplexServer) kick() {
	s.kicks.Add(1)
	s.current.seg.requestReady.PostIfZero()
}
