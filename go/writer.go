package zeroduplex

import (
	"context"
	"errors"
	"fmt"
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
// ErrPermissionDenied, ErrCorrupted, ErrOutOfMemory (WithPrefault), ErrInvalidName, ErrInvalidArgument, ErrCancelled, ErrUnsupportedPlatform.
func NewWriter(ctx context.Context, name string, opts ...WriterOption) (*Writer, error) {
	if err := checkUse(opConnectWriter, name); err != nil {
		return nil, err
	}
	options, problem := newWriterOptions(opts)
	if problem != "" {
		return nil, &Error{Code: ErrorCodeInvalidArgument, Op: opConnectWriter, Channel: name, Detail: problem}
	}
	a := streamAttacher{name: name, otherUsers: options.otherUsers, pages: options.pages, view: options.view}
	p := newAttempts(ctx, options.connectTimeout)
	return a.attach(&p, options.commonOptions, options.writeTimeout)
}

// newWriter takes over an attached buffer.
func newWriter(buffer *streamBuffer, ring *stream.Writer, options commonOptions, writeTimeout time.Duration) *Writer {
	w := &Writer{
		streamEnd:    streamEnd{name: buffer.name, use: "use writer", options: options, buffer: buffer, report: reportOn(buffer.provider, options.pages), peer: peer{known: true, checked: time.Now()}},
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
	// One token for each frame, whatever the value. Pairs with the reader, which takes it and then looks at the count; both change the
	// semaphore by atomic read-modify-writes.
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
		return stream.Place{}, w.sendExpired(op, err, "") // a deadline that has passed still tries once
	}
	if err := w.enter(p); err != nil {
		return stream.Place{}, w.sendExpired(op, err, "others write before it")
	}
	place, err := w.ring.Plan(uint64(size))
	if err != nil {
		err = streamError(op, w.name, err)
	} else {
		err = w.reserve(p, op, place.Need())
	}
	if err != nil {
		err = w.sendExpired(op, err, fmt.Sprintf("%d of %d bytes free", w.buffer.Oieb.PayloadFreeBytes.Load(), len(w.buffer.Payload)))
		w.finish()
	}
	return place, err
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
