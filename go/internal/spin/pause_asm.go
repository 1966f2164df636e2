//go:build amd64 || arm64

package spin

import "unsafe"

// Pause tells the processor that this is a spin loop, so that it leaves resources to a sibling thread and leaves the loop faster.
func Pause()

// FetchForWriting fetches a cache line that is about to be read and then written: once, for writing. The load itself would fetch it
// shared, and the write would have to take it away from the peer again. A hint; address must be mapped.
//
//go:noescape
func FetchForWriting(address unsafe.Pointer)
