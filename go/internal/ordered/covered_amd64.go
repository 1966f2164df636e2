//go:build !race

package ordered

import (
	"sync/atomic"
	"unsafe"
)

// Covered64 stores with the processor's release order, which on amd64 every store has. Only for what a later store of the same side covers:
// no call keeps the compiler from exchanging the two stores of a pair of these.
func Covered64(p *atomic.Uint64, v uint64) { *(*uint64)(unsafe.Pointer(p)) = v }

// Covered32 is Covered64 for 32 bits.
func Covered32(p *atomic.Uint32, v uint32) { *(*uint32)(unsafe.Pointer(p)) = v }

// CoveredInt32 is Covered64 for 32 bits.
func CoveredInt32(p *atomic.Int32, v int32) { *(*int32)(unsafe.Pointer(p)) = v }
