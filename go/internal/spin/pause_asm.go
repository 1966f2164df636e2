//go:build amd64 || arm64

package spin

import "unsafe"

// Pause tells the processor that this is a spin loop, so that it leaves resources to a sibling thread and leaves the loop faster.
func Pause()

// Delay does nothing for n steps of about ten cycles. It hits a moment that pauses miss, of which one takes 60 cycles, or several times that
// when a sibling thread is busy; and it leaves the processor's units to that thread almost as well.
func Delay(n uint32)

// FetchAllForWriting fetches three cache lines that are about to be read and then written: once, for writing. The load itself would fetch
// them shared, and the write would have to take them away from the peer again. A hint; the addresses must be mapped and may be the same.
//
//go:noescape
func FetchAllForWriting(first, second, third unsafe.Pointer)
