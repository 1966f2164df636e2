package bench

import (
	"context"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
)

// copyUpTo is the size up to which copying a frame is cheaper than the two more calls of filling it in place.
const copyUpTo = 4096

// isSmall tells whether frames are copied in by the call that sends them.
func (m *measurement) isSmall() bool {
	return m.size <= copyUpTo && m.touch == benchproto.TouchNone
}

func (m *measurement) block(ctx context.Context, frames int) error {
	switch {
	case m.inflight > 1:
		return m.pipelined(ctx, frames)
	case m.isSmall():
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

// pipelined keeps several frames on their way and receives the oldest first. A frame is sent when the one before it was received, so the two
// share a clock reading.
func (m *measurement) pipelined(ctx context.Context, frames int) error {
	type sent struct {
		sequence uint64
		at       int64
	}
	underway := make([]sent, m.inflight) // a ring: frame i at i % inflight
	first, last := 0, 0
	now := m.clock.Now()
	for left := frames; left > 0 || first < last; {
		for ; left > 0 && last-first < m.inflight; left-- {
			sequence, err := m.send(ctx)
			if err != nil {
				return err
			}
			underway[last%m.inflight] = sent{sequence, now}
			last++
		}
		oldest := underway[first%m.inflight]
		first++
		if err := m.receive(ctx, oldest.sequence); err != nil {
			return err
		}
		now = m.clock.Now()
		m.samples = append(m.samples, m.clock.Sample(oldest.at, now))
	}
	return nil
}

func (m *measurement) send(ctx context.Context) (uint64, error) {
	if m.isSmall() {
		data := m.small[:m.size]
		m.filler.fill(data, m.next)
		m.next++
		return m.client.SendRequest(ctx, data)
	}
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
