//go:build race || (!amd64 && !arm64)

package ordered

import (
	"sync/atomic"
	"unsafe"
)

// Store64 stores with release order or stronger.
func Store64(p *atomic.Uint64, v uint64) { p.Store(v) }

// Store32 stores with release order or stronger.
func Store32(p *atomic.Uint32, v uint32) { p.Store(v) }

// StoreInt32 stores with release order or stronger.
func StoreInt32(p *atomic.Int32, v int32) { p.Store(v) }

// Covered64 stores with release order or stronger.
func Covered64(p *atomic.Uint64, v uint64) { p.Store(v) }

// Covered32 stores with release order or stronger.
func Covered32(p *atomic.Uint32, v uint32) { p.Store(v) }

// CoveredInt32 stores with release order or stronger.
func CoveredInt32(p *atomic.Int32, v int32) { p.Store(v) }

// Relaxed64 stores with any order.
func Relaxed64(p *atomic.Uint64, v uint64) { p.Store(v) }

// Relaxed32 stores with any order.
func Relaxed32(p *atomic.Uint32, v uint32) { p.Store(v) }

// Peek32 loads what somebody else may be storing to without any order, hidden from the race detector.
//
//go:norace
func Peek32(p *atomic.Uint32) uint32 { return *(*uint32)(unsafe.Pointer(p)) }

// Fence does nothing: the stores are sequentially consistent here.
func Fence() {}
