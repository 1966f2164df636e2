package zeroduplex

import (
	"fmt"
	"sync/atomic"

	"github.com/zeroduplex/zeroduplex/go/internal/ordered"
	"github.com/zeroduplex/zeroduplex/go/internal/ring"
)

// Handler changes a request where it stands; what it leaves in the frame is the response. An error, or a panic, answers a failure
// instead: Failure(code, message) gives an application's code, any other error the library's. With several workers it is called
// from several goroutines.
type Handler func(f Frame) error

// Frame is a request in a handler's hands. It is a value: copies mean the same request. It is the handler's until it returns;
// afterwards its methods panic with ErrFrameReleased, and slices that Data gave must not be used.
type Frame struct {
	work       *work
	generation uint64
}

// work is what a worker has in its hands. Each worker reuses one.
type work struct {
	frame      ring.Claimed
	size       uint64 // of the response
	generation atomic.Uint64
	move       func(size int) // of v1, where another size may need another place
}

// begin returns the handler's view of the frame that was taken.
func (w *work) begin() Frame {
	w.size = w.frame.Size
	return Frame{work: w, generation: w.generation.Load()}
}

// end makes the handler's views stale.
func (w *work) end() { ordered.Relaxed64(&w.generation, w.generation.Load()+1) }

func (f Frame) live() *work {
	if f.work == nil || f.work.generation.Load() != f.generation {
		panic(&Error{Code: ErrorCodeFrameReleased, Op: "use frame"})
	}
	return f.work
}

// Data is the frame's bytes in shared memory: the request, and after the handler the response. Its length follows Resize.
func (f Frame) Data() []byte {
	w := f.live()
	return w.frame.Data[:w.size]
}

// Size is the length of Data in bytes.
func (f Frame) Size() int { return int(f.live().size) }

// Capacity is how many bytes the response may have.
func (f Frame) Capacity() int { return int(f.live().frame.Capacity) }

// Sequence is the request's sequence number.
func (f Frame) Sequence() uint64 { return f.live().frame.Sequence }

// Opcode is the application's tag, 0 unless the client set one.
func (f Frame) Opcode() uint32 { return f.live().frame.Opcode }

// OneWay reports whether nobody waits for an answer.
func (f Frame) OneWay() bool { return f.live().frame.OneWay }

// Resize sets the response's length. New bytes have whatever the memory holds. ErrResponseTooLarge beyond the capacity; a handler
// that returns it answers just that.
func (f Frame) Resize(n int) error {
	w := f.live()
	if n < 0 {
		return &Error{Code: ErrorCodeInvalidArgument, Op: "resize frame", Detail: fmt.Sprintf("to %d bytes", n)}
	}
	if uint64(n) > w.frame.Capacity {
		return &Error{Code: ErrorCodeResponseTooLarge, Op: "resize frame", Detail: fmt.Sprintf("to %d bytes, its capacity is %d", n, w.frame.Capacity)}
	}
	if w.move != nil {
		w.move(n)
	}
	w.size = uint64(n)
	return nil
}
