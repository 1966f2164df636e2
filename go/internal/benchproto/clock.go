package benchproto

import (
	"math"
	"slices"
	"time"
)

// Clock reads monotonic time and knows what one reading costs.
type Clock struct {
	epoch time.Time
	cost  int64 // nanoseconds
}

// NewClock measures the cost of a reading: the median of 100 readings that follow each other at once, the least of ten such. What slows the
// machine down for a moment must not be taken off every sample.
func NewClock() Clock {
	c := Clock{epoch: time.Now(), cost: math.MaxInt64}
	gaps := make([]int64, 100)
	for range 10 {
		before := c.Now()
		for i := range gaps {
			now := c.Now()
			gaps[i] = now - before
			before = now
		}
		slices.Sort(gaps)
		c.cost = min(c.cost, gaps[len(gaps)/2])
	}
	return c
}

// Now is nanoseconds since the clock was made.
func (c Clock) Now() int64 { return int64(time.Since(c.epoch)) }

// Cost is what one Now takes, in nanoseconds.
func (c Clock) Cost() int64 { return c.cost }

// Sample is the time between two readings without the reading itself, never negative.
func (c Clock) Sample(from, to int64) int64 { return max(0, to-from-c.cost) }
