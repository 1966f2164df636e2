package zeroduplex

import (
	"context"

	"github.com/zeroduplex/zeroduplex/go/internal/ordered"
	"github.com/zeroduplex/zeroduplex/go/internal/stream"
)

// FrameBuffer is ring space acquired for one frame. Fill Data, then Commit or Abort; until then other writers of the process wait. Nothing
// but its own bytes changes in shared memory before Commit, so that Abort leaves no trace.
//
// It is a value that belongs to one goroutine. After Commit or Abort its methods fail with ErrFrameReleased, Data by a panic.
type FrameBuffer struct {
	writer     *Writer
	data       []byte
	generation uint64
}

// AcquireFrameBuffer claims size bytes of the ring to be filled in place. Its timeouts and errors are those of WriteFrame.
func (w *Writer) AcquireFrameBuffer(ctx context.Context, size int) (FrameBuffer, error) {
	p := pause{ctx: ctx, timeout: w.writeTimeout}
	return w.acquire(&p, opAcquire, size)
}

func (w *Writer) acquire(p *pause, op string, size int) (FrameBuffer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if size < 0 {
		return FrameBuffer{}, w.fail(ErrorCodeInvalidFrameSize, op, "a negative number of bytes")
	}
	place, err := w.claim(p, op, size)
	if err != nil {
		return FrameBuffer{}, err
	}
	w.turn.buffer, w.place = true, place
	return FrameBuffer{writer: w, data: w.ring.Data(place), generation: w.nextBuffer()}, nil
}

// nextBuffer makes every handle of an acquired buffer stale and returns the generation of the next; mu is held.
func (w *Writer) nextBuffer() uint64 {
	next := w.acquired.Load() + 1
	ordered.Store64(&w.acquired, next)
	return next
}

func (b FrameBuffer) live() bool {
	return b.writer != nil && b.writer.acquired.Load() == b.generation
}

// Data is the frame's bytes in shared memory, with stale contents until they are written. It panics after Commit or Abort.
func (b FrameBuffer) Data() []byte {
	if !b.live() {
		panic(&Error{Code: ErrorCodeFrameReleased, Op: "use frame buffer"})
	}
	return b.data
}

// Commit publishes the frame and returns its sequence number. Errors: ErrFrameReleased, and ErrClosed, ErrReaderDead or ErrCorrupted, which
// abort; ErrSystem.
func (b FrameBuffer) Commit() (uint64, error) {
	w := b.writer
	if w == nil {
		return 0, &Error{Code: ErrorCodeFrameReleased, Op: opCommit}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !b.live() {
		return 0, w.fail(ErrorCodeFrameReleased, opCommit, "")
	}
	w.nextBuffer()
	defer w.finish()
	if w.failure == nil {
		_ = w.checkReader(opCommit) // its error is the failure
	}
	return w.publish(opCommit, w.place)
}

// Abort gives the space back. It does nothing after Commit or Abort, so it may be deferred.
func (b FrameBuffer) Abort() {
	w := b.writer
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !b.live() {
		return
	}
	w.nextBuffer()
	w.finish()
}

// resize changes the frame's size where it stands, without waiting. False: it cannot, and everything is as it was.
func (b *FrameBuffer) resize(size int) bool {
	w := b.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	if !b.live() || w.failure != nil {
		return false
	}
	place, ok := w.ring.Resize(w.place, uint64(size))
	if !ok {
		return false
	}
	if free, err := w.ring.Free(); err != nil || free < place.Need() {
		return false
	}
	w.place, b.data = place, w.ring.Data(place)
	return true
}

// largest is the most bytes, up to limit, that a frame can have at the present position.
func (w *Writer) largest(limit int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return int(w.ring.Largest(uint64(limit)))
}

// limit is the largest frame that the buffer can ever hold, in bytes.
func (w *Writer) limit() uint64 { return stream.Limit(uint64(len(w.buffer.Payload))) }
