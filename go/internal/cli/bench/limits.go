package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
)

// openLimits opens what the raw limits need: the control file and its semaphores.
func (o *peerOptions) openLimits() (*benchproto.Line, *benchproto.Semaphores, error) {
	line, err := benchproto.OpenLine(o.limitObject)
	if err != nil {
		return nil, nil, err
	}
	semaphores, err := benchproto.OpenSemaphores(o.limitObject)
	if err != nil {
		return nil, nil, errors.Join(err, line.Close())
	}
	return line, semaphores, nil
}

// limitBatches measures the raw limits that were asked for.
func (m *measurement) limitBatches(ctx context.Context) (err error) {
	if m.limits.line {
		m.line.Prepare(benchproto.LimitRounds)
		err = m.ask(ctx, benchproto.AskLine, func() (err error) {
			m.lineSamples, err = m.line.Serve(benchproto.LimitRounds, m.clock, m.lineSamples)
			return err
		})
	}
	if err == nil && m.limits.semaphore {
		m.line.Prepare(benchproto.SemaphoreRounds)
		err = m.ask(ctx, benchproto.AskSemaphores, func() (err error) {
			m.semaphoreSamples, err = m.semaphores.Serve(benchproto.SemaphoreRounds, m.clock, m.semaphoreSamples)
			return err
		})
	}
	return err
}

// ask sends a frame that the server's handler does something else with, while we do our part. Nothing else is underway.
func (m *measurement) ask(ctx context.Context, what uint64, part func() error) error {
	m.line.Ask(what)
	defer m.line.Ask(benchproto.AskNothing)
	buffer, err := m.client.AcquireRequestBuffer(ctx, m.size, 0)
	if err != nil {
		return err
	}
	m.next++
	sequence, err := buffer.Commit()
	if err != nil {
		return err
	}
	failed := part()
	response, err := m.client.ReceiveResponseFor(ctx, sequence)
	if err := errors.Join(failed, err); err != nil {
		return fmt.Errorf("asking the server's handler for %d: %w", what, err)
	}
	response.Release()
	return nil
}

// copies is what copying a frame's bytes takes within one thread, between the same two buffers.
type copies struct {
	from, to []byte
	samples  []int64
}

func newCopies(size int) *copies {
	c := &copies{from: make([]byte, size), to: make([]byte, size)}
	for i := range c.from {
		c.from[i] = byte(i) // not the page of zeros that all untouched memory shares
	}
	return c
}

// batch takes up to 16 samples and touches not much more than 16 MiB. Small copies are timed in runs of 64 KiB.
func (c *copies) batch(clock benchproto.Clock) {
	const run, most = 1 << 16, 1 << 24
	if len(c.from) == 0 {
		return
	}
	repeat := max(1, run/len(c.from))
	for range max(1, min(16, most/(repeat*len(c.from)))) {
		before := clock.Now()
		for range repeat {
			copy(c.to, c.from)
		}
		c.samples = append(c.samples, clock.Sample(before, clock.Now())/int64(repeat))
	}
}
