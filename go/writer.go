package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/stream"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

const (
	opWrite   = "write frame"
	opAcquire = "acquire frame buffer"
	opCommit  = "commit frame buffer"
)

// Writer sends frames into a ZeroBuffer v1 buffer that a Reader created. A buffer has one writer at a time. All methods are safe for
// concurrent use: writers of the process queue, first come first served.
type Writer struct {
	streamEnd
	writeTimeout time.Duration
	ring         *stream.Writer
	reads        uint64        // read_count when it was looked at last
	acquired     atomic.Uint64 // generation of the acquired buffer; stored under mu
	place        stream.Place  // of the acquired buffer
	between      func() bool   // called between two waits for room; true: the next one shall be short
}

// NewWriter attaches to the buffer of a living reader. It retries within the connect timeout what time may heal: no buffer yet, a dead
// reader's, another writer still attached. Errors: ErrBufferNotFound, ErrReaderDead, ErrWriterAlreadyConnected, ErrVersionMismatch,
// ErrPermissionDenied, ErrCorrupted, ErrInvalidName, ErrInvalidArgument, ErrCancelled, ErrUnsupportedPlatform.
func NewWriter(ctx context.Context, name string, opts ...WriterOption) (*Writer, error) {
	if err := checkPlatform(opConnectWriter, name); err != nil {
		return nil, err
	}
	if err := checkName(opConnectWriter, name); err != nil {
		return nil, err
	}
	options, problem := newWriterOptions(opts)
	if problem != "" {
		return nil, &Error{Code: ErrorCodeInvalidArgument, Op: opConnectWriter, Channel: name, Detail: problem}
	}
	a := streamAttacher{name: name, otherUsers: options.otherUsers, view: options.view}
	p := newPatience(ctx, options.connectTimeout)
	return a.attach(&p, options.commonOptions, options.writeTimeout)
}

// newWriter takes over an attached buffer.
func newWriter(buffer *streamBuffer, ring *stream.Writer, options commonOptions, writeTimeout time.Duration) *Writer {
	w := &Writer{
		streamEnd:    streamEnd{name: buffer.name, use: "use writer", options: options, buffer: buffer, peer: peer{known: true, checked: time.Now()}},
		writeTimeout: writeTimeout, ring: ring,
	}
	w.idle.L, w.wake, w.leave = &w.mu, buffer.dataRead.PostIfZero, w.detach
	return w
}

// Name is the buffer's name.
func (w *Writer) Name() string { return w.name }

// WriteFrame copies data into the ring and publishes it. It returns the frame's sequence number. Where the context has no deadline, the
// write timeout applies; a deadline that has passed makes it try once, and with a cancelled context nothing is written.
//
// Errors: ErrInvalidFrameSize, ErrFrameTooLarge, ErrFrameUnplaceable, ErrBufferFull, ErrAcquisitionOpen, ErrReaderDead, ErrCorrupted,
// ErrClosed, ErrCancelled, ErrSystem.
func (w *Writer) WriteFrame(ctx context.Context, data []byte) (uint64, error) {
	p := pause{ctx: ctx, timeout: w.writeTimeout}
	w.mu.Lock()
	defer w.mu.Unlock()
	place, err := w.claim(&p, opWrite, len(data))
	if err != nil {
		return 0, err
	}
	defer w.finish()
	area := w.ring.Data(place)
	if len(data) <= copyUnderLock {
		copy(area, data)
	} else {
		w.mu.Unlock()
		copy(area, data)
		w.mu.Lock()
	}
	return w.publish(opWrite, place)
}

// publish makes a frame the reader's; mu and the turn are held.
func (w *Writer) publish(op string, place stream.Place) (uint64, error) {
	if w.failure != nil {
		return 0, w.failure
	}
	sequence := w.ring.Publish(place)
	// One token for each frame, whatever the value. Pairs with the reader, which takes it and then looks at the count.
	if err := w.buffer.dataWritten.Post(); err != nil {
		return sequence, &Error{Code: ErrorCodeSystem, Op: op, Channel: w.name, Detail: "the frame is written, but its token is lost", Err: err}
	}
	return sequence, nil
}

// claim gets the turn and room for a frame; mu is held, and may have been let go meanwhile.
func (w *Writer) claim(p *pause, op string, size int) (stream.Place, error) {
	if w.failure != nil {
		return stream.Place{}, w.failure
	}
	if err := w.ring.Check(uint64(size)); err != nil {
		return stream.Place{}, streamError(op, w.name, err)
	}
	if err := p.ctx.Err(); errors.Is(err, context.Canceled) {
		return stream.Place{}, w.sendExpired(op, err) // a deadline that has passed still tries once
	}
	if err := w.enter(p); err != nil {
		return stream.Place{}, w.sendExpired(op, err)
	}
	place, err := w.ring.Plan(uint64(size))
	if err != nil {
		err = streamError(op, w.name, err)
	} else {
		err = w.reserve(p, op, place.Need())
	}
	if err != nil {
		err = w.sendExpired(op, err)
		w.finish()
	}
	return place, err
}

// reserve waits for room; mu and the turn are held. Running out of time gives the context's errors.
func (w *Writer) reserve(p *pause, op string, need uint64) error {
	for {
		if w.failure != nil {
			return w.failure
		}
		free, err := w.ring.Free()
		if err != nil {
			return w.broken(op, err)
		}
		if err := w.checkReader(op); err != nil {
			return err
		}
		if free >= need {
			return nil
		}
		p.begin(w.options)
		if err := p.expired(); err != nil {
			return err
		}
		w.rest(p, need)
	}
}

// checkReader makes every call fail once the reader is gone; mu is held. Calls that never wait look, too.
func (w *Writer) checkReader(op string) error {
	oieb := w.buffer.Oieb
	// Pairs with the closing reader's store.
	pid := oieb.ReaderPid.Load()
	if pid != wire.PidNone {
		// One that gets on lives, and the kernel need not be asked. Pairs with the reader's store in Next.
		if reads := oieb.PayloadReadCount.Load(); reads != w.reads {
			w.reads = reads
			return nil
		}
	}
	if !w.peer.gone(pid, time.Now()) {
		return nil
	}
	detail := "it has closed the buffer"
	if pid != wire.PidNone {
		detail = fmt.Sprintf("its process %d is dead", pid)
	}
	w.failure = w.fail(ErrorCodeReaderDead, op, detail)
	return w.failure
}

// checkAlive says that the reader is gone, or why the writer is of no use.
func (w *Writer) checkAlive() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure != nil {
		return w.failure
	}
	return w.checkReader(opWrite)
}

// allRead reports whether the reader has read everything that was written. A published writer may have counted what it did not write; then
// it counts that everything was released.
func (w *Writer) allRead() bool {
	oieb := w.buffer.Oieb
	// Pairs with the reader's stores in Next and its addition in Release.
	return oieb.PayloadReadCount.Load() == oieb.PayloadWrittenCount.Load() || oieb.PayloadFreeBytes.Load() == uint64(len(w.buffer.Payload))
}

// mode is the permission bits of the buffer, with which its peer can open what we create for it.
func (w *Writer) mode() os.FileMode {
	if own, ok := w.buffer.provider.(*SharedMemory); ok {
		return own.object.Mode() | 0o600
	}
	return os.FileMode(wire.DefaultV2ObjectMode)
}

// rest waits a little for room; mu is held on entry and return.
func (w *Writer) rest(p *pause, need uint64) {
	w.unlocked(func() {
		limit := wire.DefaultV2WaitSlice
		if w.between != nil && w.between() {
			limit = tokenPause
		}
		if !p.spinning() {
			sleep(p.ctx, w.buffer.dataRead, p.deadline, limit)
			return
		}
		for range spinBatch {
			if free, err := w.ring.Free(); err != nil || free >= need || w.buffer.Oieb.ReaderPid.Load() == wire.PidNone {
				return
			}
			relax()
		}
	})
}

// sendExpired says what a writer ran out of time for; mu is held.
func (w *Writer) sendExpired(op string, err error) error {
	if w.turn.buffer {
		return w.expired(op, err, ErrorCodeAcquisitionOpen, "an acquired frame buffer is still out")
	}
	return w.expired(op, err, ErrorCodeBufferFull, fmt.Sprintf("%d of %d bytes free", w.buffer.Oieb.PayloadFreeBytes.Load(), len(w.buffer.Payload)))
}

// SetMetadata writes the buffer's metadata, once in the life of the buffer, whoever wrote it.
// Errors: ErrMetadataAlreadyWritten, ErrMetadataTooLarge, ErrReaderDead, ErrClosed.
func (w *Writer) SetMetadata(content []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failure != nil {
		return w.failure
	}
	return w.buffer.putMetadata(content)
}

// IsReaderConnected reports whether the reader lives, now.
func (w *Writer) IsReaderConnected() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure == nil && w.lives(w.buffer.Oieb.ReaderPid.Load())
}

// Close wakes waiting writes with ErrClosed and leaves the buffer to the next writer; the reader still gets every frame that was written.
// While a FrameBuffer is out, leaving follows its Commit, which fails, or its Abort. Closing again does nothing.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shut()
	return w.leaveIfIdle()
}

// detach leaves the buffer; mu is held.
func (w *Writer) detach() error {
	// Only our own pid: whoever came after us keeps his. Pairs with the acquire loads of the reader and of the next writer.
	w.buffer.Oieb.WriterPid.CompareAndSwap(ownPid(), wire.PidNone)
	return w.buffer.unmap()
}
