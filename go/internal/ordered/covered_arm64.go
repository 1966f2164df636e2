//go:build !race

package ordered

import "sync/atomic"

// Covered64 stores with release order.
func Covered64(p *atomic.Uint64, v uint64) { Store64(p, v) }

// Covered32 stores with release order.
func Covered32(p *atomic.Uint32, v uint32) { Store32(p, v) }

// CoveredInt32 stores with release order.
func CoveredInt32(p *atomic.Int32, v int32) { StoreInt32(p, v) }
