package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/lock"
	"github.com/zeroduplex/zeroduplex/go/internal/ordered"
	"github.com/zeroduplex/zeroduplex/go/internal/stream"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
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
	if err := checkPlatform(opCreateReader, name); err != nil {
		return nil, err
	}
	if err := checkName(opCreateReader, name); err != nil {
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
	buffer, owner, err := createStream(name, config, options.mode)
	if err != nil {
		return nil, err
	}
	r := &Reader{
		streamEnd:   streamEnd{name: name, use: "use reader", options: options.commonOptions, buffer: buffer},
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

// await waits until the next frame is there; mu and the turn are held. Whenever it is not, check looks at the other end; its error counts
// once everything that was written has been read. Running out of time gives the context's errors.
func (r *Reader) await(p *pause, check func() error) error {
	token := false
	for {
		switch {
		case r.failure != nil:
			return r.failure
		case token && r.genuine(), r.announced():
			return nil
		}
		p.begin(r.options)
		if err := check(); err != nil {
			// The other end was looked at after the token: once more, for what came between. A writer that died between publishing and posting
			// left a frame without one.
			if r.announced() || r.ring.Recoverable() {
				return nil
			}
			return err
		}
		if err := p.expired(); err != nil {
			return err
		}
		token = r.rest(p)
	}
}

// announced takes a token that tells of a frame, if there is one; mu and the turn are held.
func (r *Reader) announced() bool {
	for r.buffer.dataWritten.TryTake() {
		if r.genuine() {
			return true
		}
	}
	return false
}

// genuine reports whether the token that was taken tells of a frame. Tokens cannot be told from each other, so what counts is their number.
func (r *Reader) genuine() bool {
	if r.nudges.Load() > 0 {
		r.nudges.Add(-1)
		return false
	}
	return r.ring.Published()
}

// nudge wakes our own sleeper.
func (r *Reader) nudge() {
	r.nudges.Add(1) // first: whoever takes a token must know how many are ours
	if r.buffer.dataWritten.Post() != nil {
		r.nudges.Add(-1) // so many tokens that nobody sleeps
	}
}

// rest waits a little for a token and reports whether it took one; mu is held on entry and return.
func (r *Reader) rest(p *pause) (token bool) {
	r.unlocked(func() {
		if !p.spinning() {
			token = r.sleep(p)
			return
		}
		for range spinBatch {
			if r.buffer.dataWritten.Value() != 0 {
				return
			}
			relax()
		}
	})
	return token
}

// sleep waits for a token until the deadline, but no longer than a slice. The end of the context wakes it.
func (r *Reader) sleep(p *pause) bool {
	if p.ctx.Done() != nil {
		nudged := make(chan struct{})
		stop := context.AfterFunc(p.ctx, func() {
			r.nudge()
			close(nudged)
		})
		defer func() {
			if !stop() {
				<-nudged // the next look takes it away again
			}
		}()
	}
	return r.buffer.dataWritten.Wait(min(wire.DefaultV2WaitSlice, time.Until(p.deadline)))
}

// checkWriter says that nobody writes any more; mu is held. A buffer that nobody ever wrote to waits for its first writer.
func (r *Reader) checkWriter() error {
	oieb := r.buffer.Oieb
	// Pairs with the attaching and the leaving writer's compare-and-swap. Who came and went between two looks has left something.
	pid := oieb.WriterPid.Load()
	if !r.peer.known && pid == wire.PidNone {
		r.peer.known = oieb.MetadataWrittenBytes.Load() > 0
	}
	if !r.peer.gone(pid, time.Now()) {
		return nil
	}
	if pid == wire.PidNone {
		return r.fail(ErrorCodeWriterDead, opRead, "it has closed")
	}
	return r.fail(ErrorCodeWriterDead, opRead, fmt.Sprintf("its process %d is dead", pid))
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

// ReceivedFrame is a frame in shared memory. It is a value: copies mean the same frame. Release it once, from any goroutine; frames may be
// released in any order, but their room comes back in the order in which they were read. Afterwards Data panics with ErrFrameReleased, and
// slices that it gave must not be used.
type ReceivedFrame struct {
	reader     *Reader
	slot       *stream.Slot
	data       []byte
	sequence   uint64
	generation uint64
}

// Data is the frame's bytes in shared memory, the reader's until Release.
func (f ReceivedFrame) Data() []byte {
	if f.slot == nil || f.slot.Generation.Load() != f.generation {
		panic(&Error{Code: ErrorCodeFrameReleased, Op: "use frame"})
	}
	return f.data
}

// Size is the frame's length in bytes.
func (f ReceivedFrame) Size() int { return len(f.data) }

// Sequence is the frame's sequence number: a writer's n-th frame has n.
func (f ReceivedFrame) Sequence() uint64 { return f.sequence }

// Release gives the bytes back to the writer. Releasing again does nothing.
func (f ReceivedFrame) Release() {
	r := f.reader
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.slot.Generation.Load() != f.generation {
		return
	}
	credited, err := r.ring.Release(f.slot, f.generation)
	// Pairs with the writer, which takes its token and then looks at the free bytes, an atomic addition.
	ordered.Fence()
	for range credited {
		if !r.buffer.dataRead.PostBelow(wire.DataReadTokenLimit) {
			break // whoever finds a token does not sleep
		}
	}
	if err != nil && r.failure == nil {
		_ = r.broken("release frame", err) // which makes every later call fail; a release has nobody to tell
	}
	r.unhold()
}
