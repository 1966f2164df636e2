package spin

import (
	"sync/atomic"

	"github.com/zeroduplex/zeroduplex/go/internal/ordered"
)

// mostPauses bounds Patience, to about a microsecond: whoever waits longer does not wait for a cache line.
const mostPauses = 64

// Patience is how long a waiter lets the peer work before it looks for the first time, learnt from whether that look came too early.
// Each look takes the cache line away from the peer, which is about to write it and has to fetch it back: looks that come too early
// cost as much as the rest of a round trip. Its zero value is ready. Safe for concurrent use: a hint, shared by all that wait for the
// same thing.
type Patience struct {
	pauses atomic.Uint32
}

// Spin lets the peer work and then looks so many times, with a pause between two looks, until there says that it is there.
func (p *Patience) Spin(looks int, there func() bool) bool {
	n := p.pauses.Load()
	for range n {
		Pause()
	}
	if there() {
		if n > 0 {
			ordered.Store32(&p.pauses, n-1)
		}
		return true
	}
	if n < mostPauses {
		ordered.Store32(&p.pauses, n+1)
	}
	for range looks {
		Pause()
		if there() {
			return true
		}
	}
	return false
}
