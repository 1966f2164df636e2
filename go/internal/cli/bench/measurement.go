package bench

import (
	"context"

	"github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/stats"
)

// measurement is one client at work.
type measurement struct {
	clientOptions
	client     zeroduplex.DuplexClient
	dual       bool // a v1 channel
	line       *benchproto.Line
	semaphores *benchproto.Semaphores
	clock      benchproto.Clock
	filler     filler
	copies     *copies
	threads    *threads // nil when not asked for
	next       uint64   // sequence number of the next frame, which is also what it is filled with

	samples, lineSamples, semaphoreSamples, threadSamples []int64
	elapsed                                               int64
	observer                                              benchproto.Observer
	own, server                                           benchproto.Usage
	small                                                 [copyUpTo]byte
}

func newMeasurement(o clientOptions, client zeroduplex.DuplexClient, line *benchproto.Line, semaphores *benchproto.Semaphores) *measurement {
	_, dual := client.(*zeroduplex.DualBufferDuplexChannel)
	m := &measurement{clientOptions: o, client: client, dual: dual, line: line, semaphores: semaphores, clock: benchproto.NewClock(), next: 1,
		filler: filler{touch: o.touch, size: o.size}, copies: newCopies(o.size)}
	m.own.RanOn, m.server.RanOn = []int{}, []int{} // no CPUs are [], not null
	m.samples = make([]int64, 0, max(o.count, o.warmup))
	clear(m.samples[:cap(m.samples)]) // their first use must cause no page faults later
	m.lineSamples = make([]int64, 0, benchproto.Blocks*benchproto.LimitRounds)
	m.semaphoreSamples = make([]int64, 0, benchproto.Blocks*benchproto.SemaphoreRounds)
	return m
}

// run warms up and then alternates between a block of frames, the raw limits and a block of the same work between threads.
func (m *measurement) run(ctx context.Context) error {
	if err := m.block(ctx, m.warmup); err != nil {
		return err
	}
	m.samples = m.samples[:0]
	for _, frames := range benchproto.BlockSizes(m.count) {
		if err := m.counted(ctx, frames); err != nil {
			return err
		}
		if err := m.limitBatches(ctx); err != nil {
			return err
		}
		m.copies.batch(m.clock)
		if m.threads != nil {
			var err error
			if m.threadSamples, err = m.threads.block(frames+1, m.clock, m.threadSamples); err != nil {
				return err
			}
		}
	}
	return m.noteMemory(ctx)
}

// counted is a block during which time and what both processes use up are counted.
func (m *measurement) counted(ctx context.Context, frames int) error {
	server, err := m.serverNote(ctx)
	if err != nil {
		return err
	}
	own, err := m.observer.Note()
	if err != nil {
		return err
	}
	began := m.clock.Now()
	if err := m.block(ctx, frames); err != nil {
		return err
	}
	m.elapsed += m.clock.Now() - began
	ownThen, err := m.observer.Note()
	if err != nil {
		return err
	}
	serverThen, err := m.serverNote(ctx)
	m.own.Add(own, ownThen)
	m.server.Add(server, serverThen)
	return err
}

// serverNote is what the server knows about itself.
func (m *measurement) serverNote(ctx context.Context) (benchproto.Note, error) {
	err := m.ask(ctx, benchproto.AskNote, func() error { return nil })
	return m.line.ReadNote(), err
}

// noteMemory asks both sides how much of the channel's memory is theirs.
func (m *measurement) noteMemory(ctx context.Context) error {
	own, err := benchproto.SharedMemory(m.name)
	if err != nil {
		return err
	}
	m.own.SharedBytes = &own
	err = m.ask(ctx, benchproto.AskMemory, func() error { return nil })
	m.server.SharedBytes = m.line.ReadMemory()
	return err
}

func (m *measurement) result() benchproto.ClientResult {
	sdk, bare := stats.Summarize(m.samples), stats.Summarize(m.threadSamples)
	copied := m.copied()
	return benchproto.ClientResult{P50NS: sdk.P50, P99NS: sdk.P99, P999NS: sdk.P999, Samples: len(m.samples), ElapsedNS: m.elapsed, CPU: m.cpu,
		ClockNS: m.clock.Cost(), LimitP50NS: stats.Summarize(m.lineSamples).P50, LimitSemaphoreP50NS: stats.Summarize(m.semaphoreSamples).P50,
		MemcpyP50NS: stats.Summarize(m.copies.samples).P50, ThreadsP50NS: bare.P50, ThreadsP99NS: bare.P99, CopiedBytes: &copied, Client: &m.own, Server: &m.server}
}

// copied is what the SDK copies per frame: small requests, and a v1 server every request into its response's place.
func (m *measurement) copied() (bytes int64) {
	if m.isSmall() {
		bytes += int64(m.size)
	}
	if m.dual {
		bytes += int64(m.size)
	}
	return bytes
}
