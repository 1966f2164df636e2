package zeroduplex

import (
	"fmt"
	"os"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/shm"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// WaitStrategy says how a side waits for the other.
type WaitStrategy int

// The wait strategies. They need not be the same on both sides.
const (
	// WaitHybrid spins for the spin window and then sleeps. The default.
	WaitHybrid WaitStrategy = iota
	// WaitSpin never sleeps: lowest latency, one core busy all the time.
	WaitSpin
	// WaitBlock sleeps at once: least processor time, a wake-up of 5 to 60 µs per wait.
	WaitBlock
)

var waitNames = [...]string{WaitHybrid: "hybrid", WaitSpin: "spin", WaitBlock: "block"}

// String is "hybrid", "spin" or "block".
func (w WaitStrategy) String() string {
	if w < 0 || int(w) >= len(waitNames) {
		return fmt.Sprintf("WaitStrategy(%d)", int(w))
	}
	return waitNames[w]
}

// ParseWaitStrategy reads "hybrid", "spin" or "block".
func ParseWaitStrategy(s string) (WaitStrategy, error) {
	for i, name := range waitNames {
		if s == name {
			return WaitStrategy(i), nil
		}
	}
	return 0, &Error{Code: ErrorCodeInvalidArgument, Op: "parse wait strategy", Detail: fmt.Sprintf("%q is none of spin, hybrid, block", s)}
}

// LapMode says when an empty ring starts again at its beginning.
type LapMode int

// The lap modes.
const (
	// LapEager starts over whenever nothing is in flight: the same cache-warm bytes again and again. The default.
	LapEager LapMode = iota
	// LapNeeded starts over only when a frame would not fit otherwise: walks through the whole ring.
	LapNeeded
)

// commonOptions are the knobs of both sides.
type commonOptions struct {
	wait       WaitStrategy
	spinWindow time.Duration
	otherUsers bool
	pages      shm.PageWish
}

func defaultCommon() commonOptions {
	return commonOptions{wait: WaitHybrid, spinWindow: wire.DefaultV2SpinWindow}
}

func (o commonOptions) check() string {
	switch {
	case o.wait < WaitHybrid || o.wait > WaitBlock:
		return fmt.Sprintf("unknown wait strategy %d", int(o.wait))
	case o.spinWindow < 0:
		return fmt.Sprintf("spin window %v is negative", o.spinWindow)
	}
	return ""
}

type serverOptions struct {
	commonOptions
	workers      int
	resetTimeout time.Duration
	stopTimeout  time.Duration
	mode         os.FileMode
	onError      func(error)
}

// connectOptions are the knobs of those who attach.
type connectOptions struct {
	connectTimeout time.Duration
	view           *SharedMemoryView
}

type clientOptions struct {
	commonOptions
	connectOptions
	callTimeout time.Duration
	sendTimeout time.Duration
	lap         LapMode
	responses   BufferConfig // of v1
}

// ServerOption changes how a server works.
type ServerOption interface{ applyServer(*serverOptions) }

// ClientOption changes how a client works.
type ClientOption interface{ applyClient(*clientOptions) }

// ReaderOption changes how a Reader works.
type ReaderOption interface{ applyReader(*readerOptions) }

// WriterOption changes how a Writer works.
type WriterOption interface{ applyWriter(*writerOptions) }

// Option is an option of everything: servers, clients, readers and writers.
type Option interface {
	ServerOption
	ClientOption
	ReaderOption
	WriterOption
}

// OwnerOption is an option of those who create shared memory.
type OwnerOption interface {
	ServerOption
	ReaderOption
}

// ConnectOption is an option of those who attach to what somebody else created.
type ConnectOption interface {
	ClientOption
	WriterOption
}

type commonOption func(*commonOptions)

func (f commonOption) applyServer(o *serverOptions) { f(&o.commonOptions) }
func (f commonOption) applyClient(o *clientOptions) { f(&o.commonOptions) }
func (f commonOption) applyReader(o *readerOptions) { f(&o.commonOptions) }
func (f commonOption) applyWriter(o *writerOptions) { f(&o.commonOptions) }

type serverOption func(*serverOptions)

func (f serverOption) applyServer(o *serverOptions) { f(o) }

type clientOption func(*clientOptions)

func (f clientOption) applyClient(o *clientOptions) { f(o) }

type connectOption func(*connectOptions)

func (f connectOption) applyClient(o *clientOptions) { f(&o.connectOptions) }
func (f connectOption) applyWriter(o *writerOptions) { f(&o.connectOptions) }

type modeOption os.FileMode

func (m modeOption) applyServer(o *serverOptions) { o.mode = os.FileMode(m) }
func (m modeOption) applyReader(o *readerOptions) { o.mode = os.FileMode(m) }

func checkMode(mode os.FileMode) string {
	if mode.Perm() != mode || mode&0o600 != 0o600 {
		return fmt.Sprintf("mode %#o is not permission bits with at least 0600", uint32(mode))
	}
	return ""
}

// WithWait sets the wait strategy.
func WithWait(w WaitStrategy) Option { return commonOption(func(o *commonOptions) { o.wait = w }) }

// WithSpinWindow sets how long a hybrid wait spins before it sleeps (50 µs).
func WithSpinWindow(d time.Duration) Option {
	return commonOption(func(o *commonOptions) { o.spinWindow = d })
}

// AllowOtherUsers accepts objects that belong to another user: a client or Writer attaches to them. Without it they are refused with
// ErrPermissionDenied. The owner's mode (WithMode) decides who can open the object at all.
func AllowOtherUsers() Option { return commonOption(func(o *commonOptions) { o.otherUsers = true }) }

// WithPrefault makes every page of this process's mapping present and writable before the first call, so that the first frames cost as much
// as later ones. Creating and connecting take as long as the page faults would have, and fail with ErrOutOfMemory when a page cannot be had.
// Each side prefaults its own mapping. MemoryReport says what was done.
func WithPrefault() Option { return commonOption(func(o *commonOptions) { o.pages.Prefault = true }) }

// WithHugePages asks the kernel for huge pages. It is a wish and never an error: MemoryReport says whether they are used. Who creates the
// memory has to ask, and prefaults by that; /dev/shm must be mounted with huge=advise, within_size or always.
func WithHugePages() Option { return commonOption(func(o *commonOptions) { o.pages.HugePages = true }) }

// WithWorkers sets how many handlers run at the same time (1). With more than one, answers may come out of order.
func WithWorkers(n int) ServerOption { return serverOption(func(o *serverOptions) { o.workers = n }) }

// WithResetTimeout sets how long handlers of a client that is gone may run on before the server gives the object up and makes a
// new one (2 s). It should be below the clients' connect timeout.
func WithResetTimeout(d time.Duration) ServerOption {
	return serverOption(func(o *serverOptions) { o.resetTimeout = d })
}

// WithStopTimeout sets how long Close and the end of Start's context wait for handlers and for responses to be consumed (5 s).
func WithStopTimeout(d time.Duration) ServerOption {
	return serverOption(func(o *serverOptions) { o.stopTimeout = d })
}

// WithMode sets the permission bits of the object and its semaphores (0600). To let another user connect, both sides need it:
// the server WithMode(0o660) or 0o666, the client AllowOtherUsers.
func WithMode(mode os.FileMode) OwnerOption { return modeOption(mode) }

// WithErrorFunc is told of errors that no call returns: failing one-way handlers, a corrupted segment, a failed reset. It is
// called from the server's goroutines and must not block.
func WithErrorFunc(f func(error)) ServerOption {
	return serverOption(func(o *serverOptions) { o.onError = f })
}

// WithConnectTimeout sets how long connecting may take (5 s); 0 tries once.
func WithConnectTimeout(d time.Duration) ConnectOption {
	return connectOption(func(o *connectOptions) { o.connectTimeout = d })
}

// WithCallTimeout sets how long calls and receives wait when their context has no deadline (5 s).
func WithCallTimeout(d time.Duration) ClientOption {
	return clientOption(func(o *clientOptions) { o.callTimeout = d })
}

// WithSendTimeout sets how long sends and acquisitions wait for room when their context has no deadline (5 s).
func WithSendTimeout(d time.Duration) ClientOption {
	return clientOption(func(o *clientOptions) { o.sendTimeout = d })
}

// WithLap sets when an empty ring starts over.
func WithLap(m LapMode) ClientOption { return clientOption(func(o *clientOptions) { o.lap = m }) }

// WithMemory connects to an in-place channel, or a v1 buffer, that lives in existing memory.
func WithMemory(view *SharedMemoryView) ConnectOption {
	return connectOption(func(o *connectOptions) { o.view = view })
}

// WithResponseConfig sets how large the buffer is that the client of a v1 server makes for its responses (DefaultV1BufferConfig). With an
// in-place server it means nothing.
func WithResponseConfig(config BufferConfig) ClientOption {
	return clientOption(func(o *clientOptions) { o.responses = config })
}

const negativeTimeout = "a timeout is negative"

func newServerOptions(opts []ServerOption) (serverOptions, string) {
	o := serverOptions{
		commonOptions: defaultCommon(), workers: int(wire.DefaultV2Workers), resetTimeout: wire.DefaultV2ResetTimeout,
		stopTimeout: wire.DefaultV2StopTimeout, mode: os.FileMode(wire.DefaultV2ObjectMode), onError: func(error) {},
	}
	for _, opt := range opts {
		opt.applyServer(&o)
	}
	problem := o.check()
	switch {
	case problem != "":
	case o.workers < 1:
		problem = fmt.Sprintf("%d workers; at least 1 is needed", o.workers)
	case o.resetTimeout < 0 || o.stopTimeout < 0:
		problem = negativeTimeout
	case o.onError == nil:
		problem = "the error function is nil"
	default:
		problem = checkMode(o.mode)
	}
	return o, problem
}

func newClientOptions(opts []ClientOption) (clientOptions, string) {
	o := clientOptions{
		commonOptions: defaultCommon(), connectOptions: connectOptions{connectTimeout: wire.DefaultV2ConnectTimeout},
		callTimeout: wire.DefaultV2CallTimeout, sendTimeout: wire.DefaultV2SendTimeout, responses: DefaultV1BufferConfig(),
	}
	for _, opt := range opts {
		opt.applyClient(&o)
	}
	problem := o.check()
	switch {
	case problem != "":
	case o.connectTimeout < 0 || o.callTimeout < 0 || o.sendTimeout < 0:
		problem = negativeTimeout
	case o.lap != LapEager && o.lap != LapNeeded:
		problem = fmt.Sprintf("unknown lap mode %d", int(o.lap))
	}
	return o, problem
}
