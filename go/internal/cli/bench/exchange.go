package bench

import (
	"context"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
)

// callUpTo is the size up to which copying a frame is cheaper than the two more calls of filling it in place.
const callUpTo = 4096

// calls tells whether frames go by a call, which copies the request in.
func (m *measurement) calls() bool {
	return m.inflight == 1 && m.size <= callUpTo && m.touch == benchproto.TouchNone
}

func (m *measurement) block(ctx context.Context, frames int) error {
	switch {
	case m.inflight > 1:
		return m.pipelined(ctx, frames)
	case m.calls():
		return m.roundTrips(ctx, frames, m.call)
	}
	return m.roundTrips(ctx, frames, m.exchange)
}

// roundTrips sends a frame only when the one before it is back. Consecutive samples share a clock reading.
func (m *measurement) roundTrips(ctx context.Context, frames int, exchange func(context.Context) error) error {
	before := m.clock.Now()
	for range frames {
		if err := exchange(ctx); err != nil {
			return err
		}
		now := m.clock.Now()
		m.samples = append(m.samples, m.clock.Sample(before, now))
		before = now
	}
	return nil
}

// call is one round trip of a small frame, the way an application makes it.
func (m *measurement) call(ctx context.Context) error {
	data := m.small[:m.size]
	m.filler.fill(data, m.next)
	m.next++
	response, err := m.client.Call(ctx, data)
	if err != nil {
		return err
	}
	defer response.Release()
	return m.filler.check(response.Data(), m.next-1)
}

// exchange is one round trip of a frame that is filled in place.
func (m *measurement) exchange(ctx context.Context) error {
	sequence, err := m.send(ctx)
	if err != nil {
		return err
	}
	return m.receive(ctx, sequence)
}

// pipelined keeps several frames on their way and receives the oldest first.
func (m *measurement) pipelined(ctx context.Context, frames int) error {
	type sent struct {
		sequence uint64
		at       int64
	}
	underway := make([]sent, m.inflight) // a ring: frame i at i % inflight
	first, last := 0, 0
	for left := frames; left > 0 || first < last; {
		for ; left > 0 && last-first < m.inflight; left-- {
			at := m.clock.Now()
			sequence, err := m.send(ctx)
			if err != nil {
				return err
			}
			underway[last%m.inflight] = sent{sequence, at}
			last++
		}
		oldest := underway[first%m.inflight]
		first++
		if err := m.receive(ctx, oldest.sequence); err != nil {
			return err
		}
		m.samples = append(m.samples, m.clock.Sample(oldest.at, m.clock.Now()))
	}
	return nil
}

func (m *measurement) send(ctx context.Context) (uint64, error) {
	buffer, err := m.client.AcquireRequestBuffer(ctx, m.size, 0)
	if err != nil {
		return 0, err
	}
	m.filler.fill(buffer.Data(), m.next)
	m.next++
	return buffer.Commit()
}

func (m *measurement) receive(ctx context.Context, sequence uint64) error {
	response, err := m.client.ReceiveResponseFor(ctx, sequence)
	if err != nil {
		return err
	}
	defer response.Release()
	return m.filler.check(response.Data(), sequence)
}
