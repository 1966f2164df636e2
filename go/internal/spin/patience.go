package spin

import (
	"sync/atomic"

	"github.com/zeroduplex/zeroduplex/go/internal/ordered"
)

const (
	// longest bounds Patience, to about a microsecond: whoever waits longer does not wait for a cache line.
	longest = 400
	// impatience is what a look that came too early adds; one that did not takes 1 away. So two looks of three find what they are for. Much
	// more and the two sides of a channel, each of which waits for the other, would lengthen each other's waits.
	impatience = 2
)

// Patience is how long a waiter lets the peer work before it looks for the first time, learnt from whether that look came too early.
// Each look takes the cache line away from the peer, which is about to write it and has to fetch it back: looks that come too early
// cost as much as the rest of a round trip. Its zero value is ready. Safe for concurrent use: a hint, shared by all that wait for the
// same thing.
type Patience struct {
	steps atomic.Uint32 // of Delay
}

// Wait lets the peer work.
func (p *Patience) Wait() { Delay(p.steps.Load()) }

// Learn takes in whether the first look found what it was for.
func (p *Patience) Learn(found bool) {
	switch n := p.steps.Load(); {
	case !found && n < longest:
		ordered.Relaxed32(&p.steps, min(n+impatience, longest))
	case found && n > 0:
		ordered.Relaxed32(&p.steps, n-1)
	}
}

// Spin lets the peer work and then looks so many times, with a pause between two looks, until there says that it is there.
// Where a call of there is too slow, Wait and Learn do the same around a first look.
func (p *Patience) Spin(looks int, there func() bool) bool {
	p.Wait()
	found := there()
	p.Learn(found)
	if found {
		return true
	}
	for range looks {
		Pause()
		if there() {
			return true
		}
	}
	return false
}
