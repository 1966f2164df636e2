package bench

import (
	"math"
	"slices"
	"time"
)

// Client is the measuring side of a peer. Frames are numbered from 1 on.
type Client interface {
	// Send fills frame n and sends it.
	Send(n uint64) error
	// Receive awaits the response to frame n, the oldest one that is on its way, and checks it.
	Receive(n uint64) error
	Close() error
}

// Result is the one line of JSON that a bench client prints.
type Result struct {
	P50NS      int64 `json:"p50_ns"`
	P99NS      int64 `json:"p99_ns"`
	P999NS     int64 `json:"p999_ns"`
	Samples    int   `json:"samples"`
	CPU        int   `json:"cpu"`
	ClockNS    int64 `json:"clock_ns"`
	LimitP50NS int64 `json:"limit_p50_ns"` // 0: the limit is measured by the project's own clients
	ElapsedNS  int64 `json:"elapsed_ns"`
}

// clock reads monotonic time and knows what one reading costs.
type clock struct {
	epoch time.Time
	cost  int64 // nanoseconds
}

// As in the project's own clients (go/internal/benchproto): one that seems slow may be so for the moment only.
const (
	slowReading = 300                           // nanoseconds
	patience    = int64(200 * time.Millisecond) // with a clock that seems slow
)

// newClock measures it: the least of ten medians of 100 readings, and of more while it seems slow.
func newClock() clock {
	c := clock{epoch: time.Now(), cost: math.MaxInt64}
	gaps := make([]int64, 100)
	for round := 0; round < 10 || c.cost > slowReading && c.now() < patience; round++ {
		before := c.now()
		for i := range gaps {
			now := c.now()
			gaps[i] = now - before
			before = now
		}
		slices.Sort(gaps)
		c.cost = min(c.cost, gaps[len(gaps)/2])
	}
	return c
}

func (c clock) now() int64 { return int64(time.Since(c.epoch)) }

func (c clock) sample(from, to int64) int64 { return max(0, to-from-c.cost) }

// measurement is a client at work.
type measurement struct {
	client   Client
	clock    clock
	inflight int
	next     uint64
	samples  []int64
}

func measure(o Options, client Client) (Result, error) {
	m := measurement{client: client, clock: newClock(), inflight: o.Inflight, next: 1, samples: make([]int64, 0, max(o.Count, o.Warmup))}
	if err := m.block(o.Warmup); err != nil {
		return Result{}, err
	}
	m.samples = m.samples[:0]
	begin := m.clock.now()
	if err := m.block(o.Count); err != nil {
		return Result{}, err
	}
	elapsed := m.clock.now() - begin
	slices.Sort(m.samples)
	return Result{P50NS: percentile(m.samples, 0.50), P99NS: percentile(m.samples, 0.99), P999NS: percentile(m.samples, 0.999),
		Samples: len(m.samples), CPU: o.CPU, ClockNS: m.clock.cost, ElapsedNS: elapsed}, nil
}

func percentile(ascending []int64, q float64) int64 {
	return ascending[min(len(ascending)-1, int(float64(len(ascending))*q))]
}

func (m *measurement) block(frames int) error {
	if m.inflight == 1 {
		return m.roundTrips(frames)
	}
	return m.pipelined(frames)
}

// roundTrips sends a frame only when the one before it is back. Consecutive samples share a clock reading.
func (m *measurement) roundTrips(frames int) error {
	before := m.clock.now()
	for range frames {
		if err := m.client.Send(m.next); err != nil {
			return err
		}
		if err := m.client.Receive(m.next); err != nil {
			return err
		}
		m.next++
		now := m.clock.now()
		m.samples = append(m.samples, m.clock.sample(before, now))
		before = now
	}
	return nil
}

// pipelined keeps several frames on their way and receives the oldest first.
func (m *measurement) pipelined(frames int) error {
	sentAt := make([]int64, m.inflight)
	oldest, end := m.next, m.next+uint64(frames)
	for oldest < end {
		for ; m.next < end && m.next < oldest+uint64(m.inflight); m.next++ {
			sentAt[m.next%uint64(m.inflight)] = m.clock.now()
			if err := m.client.Send(m.next); err != nil {
				return err
			}
		}
		if err := m.client.Receive(oldest); err != nil {
			return err
		}
		m.samples = append(m.samples, m.clock.sample(sentAt[oldest%uint64(m.inflight)], m.clock.now()))
		oldest++
	}
	return nil
}
