package zeroduplex

import (
	"github.com/zeroduplex/zeroduplex/go/internal/stream"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

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
	// The free bytes grew by an atomic addition, which is sequentially consistent with the look at the value here. Pairs with the writer, which
	// takes its token and then looks at the free bytes.
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
