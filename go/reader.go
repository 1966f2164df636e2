package zeroduplex

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/lock"
	"github.com/zeroduplex/zeroduplex/go/internal/stream"
)

const opRead = "read frame"

// Reader creates and owns a ZeroBuffer v1 buffer and receives the frames that its writer sends, in order, where they stand in shared
// memory. Writers come one after the other; each begins at sequence number 1. All methods are safe for concurrent use.
type Reader struct {
	streamEnd
	readTimeout time.Duration
	owner       *lock.Owner
	ring        *stream.Reader
	nudges      atomic.Int64 // tokens that we posted to wake ourselves and have not taken yet
}

// NewReader creates the buffer of a name. A writer can attach when it returns. What a dead reader left under the name is removed.
// Errors: ErrReaderAlreadyConnected, ErrNameInUse, ErrInvalidName, ErrInvalidArgument, ErrOutOfMemory, ErrPermissionDenied,
// ErrUnsupportedPlatform.
func NewReader(name string, config BufferConfig, opts ...ReaderOption) (*Reader, error) {
	if err := checkUse(opCreateReader, name); err != nil {
		return nil, err
	}
	options, problem := newReaderOptions(opts)
	if problem != "" {
		return nil, &Error{Code: ErrorCodeInvalidArgument, Op: opCreateReader, Channel: name, Detail: problem}
	}
	return newReader(name, config, options)
}

// newReader creates the buffer; name and options have been checked.
func newReader(name string, config BufferConfig, options readerOptions) (*Reader, error) {
	buffer, owner, err := createStream(name, config, options)
	if err != nil {
		return nil, err
	}
	r := &Reader{
		streamEnd:   streamEnd{name: name, use: "use reader", options: options.commonOptions, buffer: buffer, report: reportOn(buffer.provider, options.pages)},
		readTimeout: options.readTimeout, owner: owner, ring: stream.NewReader(buffer.Memory),
	}
	r.idle.L, r.wake, r.leave = &r.mu, r.nudge, buffer.unmap
	return r, nil
}

// Name is the buffer's name.
func (r *Reader) Name() string { return r.name }

// ReadFrame waits for the next frame. Where the context has no deadline, the read timeout applies; a deadline that has passed makes it try
// once. What a writer left is delivered before its end is reported, and after that error the next writer's frames can be read.
//
// Errors: ErrTimeout, ErrWriterDead, ErrCorrupted and ErrSequence (then every later call fails alike), ErrClosed, ErrCancelled.
func (r *Reader) ReadFrame(ctx context.Context) (ReceivedFrame, error) {
	p := pause{ctx: ctx, timeout: r.readTimeout}
	f, err := r.next(&p, r.checkWriter, nil)
	if err != nil {
		err = r.expired(opRead, err, ErrorCodeTimeout, "")
	}
	return f, err
}

// next waits for the next frame and reads it; await says what check is for. Should it be a writer's first, begin is called before it is read,
// and may wait. Running out of time gives the context's errors.
func (r *Reader) next(p *pause, check func() error, begin func()) (f ReceivedFrame, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err = r.enter(p); err != nil {
		return f, err
	}
	err = r.await(p, check)
	if err == nil && begin != nil && r.ring.BeginsAnew() {
		r.unlocked(begin)
		err = r.failure
	}
	if err == nil {
		f, err = r.take()
	}
	if err != nil {
		r.finish()
		return f, err
	}
	r.turn.release()
	return f, nil // which keeps the call's hold
}

// poll reads the next frame if it is there. Nobody else reads at the same time.
func (r *Reader) poll() (f ReceivedFrame, ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure != nil {
		return f, false, r.failure
	}
	if !r.announced() {
		return f, false, nil
	}
	if f, err = r.take(); err != nil {
		return f, false, err
	}
	r.holds++
	return f, true, nil
}

// take reads the frame that a token told of; mu and the turn are held.
func (r *Reader) take() (ReceivedFrame, error) {
	f, err := r.ring.Next()
	if err != nil {
		return ReceivedFrame{}, r.broken(opRead, err)
	}
	r.peer.known = true
	return ReceivedFrame{reader: r, slot: f.Slot, data: f.Data, sequence: f.Sequence, generation: f.Slot.Generation.Load()}, nil
}

// Metadata is a copy of the metadata, nil when no writer has written any. Errors: ErrCorrupted, ErrClosed.
func (r *Reader) Metadata() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return nil, r.failure
	}
	return r.buffer.getMetadata()
}

// IsWriterConnected reports whether a writer is attached and lives, now.
func (r *Reader) IsWriterConnected() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.closing && r.lives(r.buffer.Oieb.WriterPid.Load())
}

// Close wakes waiting reads with ErrClosed and removes the buffer; its writer finds its reader gone. Frames that are out stay readable until
// their release. Closing again does nothing.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	if r.shut() {
		if failed := r.buffer.withdraw(r.owner); failed != nil {
			err = &Error{Code: ErrorCodeSystem, Op: "close reader", Channel: r.name, Err: failed}
		}
	}
	return errors.Join(err, r.leaveIfIdle())
}
