package benchproto

import (
	"slices"
	"time"
)

// Clock reads monotonic time and knows what one reading costs.
type Clock struct {
	epoch time.Time
	cost  int64 // nanoseconds
}

// A reading takes some 50 ns, but those of virtual machines were seen to take 500 for up to 65 ms at a time.
const (
	slowReading = 300                           // nanoseconds: perhaps only for the moment
	patience    = int64(200 * time.Millisecond) // with a clock that seems slow
)

// NewClock measures the cost of a reading: the least of ten medians, and of more while it seems slow. What slows the machine down for a
// moment must not be taken off every sample.
func NewClock() Clock {
	c := Clock{epoch: time.Now()}
	c.cost = leastOf(c.median, c.Now)
	return c
}

func leastOf(median, now func() int64) int64 {
	cost := median()
	for round := 1; round < 10 || cost > slowReading && now() < patience; round++ {
		cost = min(cost, median())
	}
	return cost
}

// median is that of 100 readings that follow each other at once.
func (c Clock) median() int64 {
	var gaps [100]int64
	before := c.Now()
	for i := range gaps {
		now := c.Now()
		gaps[i] = now - before
		before = now
	}
	slices.Sort(gaps[:])
	return gaps[len(gaps)/2]
}

// Now is nanoseconds since the clock was made.
func (c Clock) Now() int64 { return int64(time.Since(c.epoch)) }

// Cost is what one Now takes, in nanoseconds.
func (c Clock) Cost() int64 { return c.cost }

// Sample is the time between two readings without the reading itself, never negative.
func (c Clock) Sample(from, to int64) int64 { return max(0, to-from-c.cost) }
