//go:build (amd64 || arm64) && !race

package ordered

import (
	"sync/atomic"
	"unsafe"
)

// Store64 stores with release order.
//
//go:noescape
func Store64(p *atomic.Uint64, v uint64)

// Store32 stores with release order.
//
//go:noescape
func Store32(p *atomic.Uint32, v uint32)

// StoreInt32 stores with release order.
//
//go:noescape
func StoreInt32(p *atomic.Int32, v int32)

// Relaxed64 stores without any order: for what is only this process's and compared, never followed.
func Relaxed64(p *atomic.Uint64, v uint64) { *(*uint64)(unsafe.Pointer(p)) = v }

// Relaxed32 is Relaxed64 for 32 bits.
func Relaxed32(p *atomic.Uint32, v uint32) { *(*uint32)(unsafe.Pointer(p)) = v }

// Peek32 loads what somebody else may be storing to without any order.
func Peek32(p *atomic.Uint32) uint32 { return p.Load() }

// Fence is a full fence: stores before it are visible before loads after it look.
func Fence()
