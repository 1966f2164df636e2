package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/stats"
)

const clientUsage = `usage: zeroduplex bench-client --name N --size B --count K --warmup W --inflight M --wait spin|hybrid|block --cpu C
       --limit-object PATH [--touch none|page|all] [--threads-cpu T]

The measuring side of a measurement; zeroduplex bench starts it.`

type clientOptions struct {
	peerOptions
	count, warmup int
	threadsCPU    int
}

// RunClient runs the client's side and returns its exit code.
func RunClient(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	set := flags.New("bench-client", clientUsage, stderr)
	var o clientOptions
	finish := o.bind(set)
	set.IntVar(&o.count, "count", 1000, "frames to measure")
	set.IntVar(&o.warmup, "warmup", 100, "frames to send before")
	set.IntVar(&o.threadsCPU, "threads-cpu", -1, "CPU of the helper thread that the same work is measured with, -1 not to")
	if _, code, ok := set.Parse(args); !ok {
		return code
	}
	err := finish()
	if err == nil && (o.count < 1 || o.warmup < 0) {
		err = errors.New("--count must be at least 1, --warmup not negative")
	}
	if err != nil {
		return set.Misuse(err)
	}
	result, err := o.measure(ctx)
	if err != nil {
		return set.Fail(err)
	}
	return set.Finish(json.NewEncoder(stdout).Encode(result))
}

// measurement is one client at work.
type measurement struct {
	clientOptions
	client  zeroduplex.DuplexClient
	line    *benchproto.Line
	clock   benchproto.Clock
	filler  filler
	threads *threads // nil when not asked for
	next    uint64   // sequence number of the next frame, which is also what it is filled with

	samples, limit, threadSamples []int64
	small                         [callUpTo]byte
}

// callUpTo is the size up to which copying a frame is cheaper than the two more calls of filling it in place.
const callUpTo = 4096

func (o clientOptions) measure(ctx context.Context) (result benchproto.ClientResult, err error) {
	if err := pinProcess(o.cpu); err != nil {
		return result, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	line, err := benchproto.OpenLine(o.limitObject)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, line.Close()) }()
	client, err := zeroduplex.DefaultFactory().CreateClient(ctx, o.name, zeroduplex.WithWait(o.wait), zeroduplex.WithResponseConfig(o.room()))
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()

	m := measurement{clientOptions: o, client: client, line: line, clock: benchproto.NewClock(), next: 1, filler: filler{touch: o.touch}}
	m.samples = make([]int64, 0, max(o.count, o.warmup))
	m.limit = make([]int64, 0, benchproto.Blocks*benchproto.LimitRounds)
	if o.threadsCPU >= 0 {
		if m.threads, err = startThreads(o.size, o.threadsCPU, o.touch); err != nil {
			return result, err
		}
		defer m.threads.stop()
	}
	if err := m.run(ctx); err != nil {
		return result, err
	}
	sdk, limit, bare := stats.Summarize(m.samples), stats.Summarize(m.limit), stats.Summarize(m.threadSamples)
	return benchproto.ClientResult{P50NS: sdk.P50, P99NS: sdk.P99, Samples: len(m.samples), LimitP50NS: limit.P50, CPU: o.cpu,
		ClockNS: m.clock.Cost(), ThreadsP50NS: bare.P50, ThreadsP99NS: bare.P99}, nil
}

// run warms up and then alternates between a block of frames, a limit batch and a block of the same work between threads.
func (m *measurement) run(ctx context.Context) error {
	if err := m.block(ctx, m.warmup); err != nil {
		return err
	}
	m.samples = m.samples[:0]
	for _, frames := range benchproto.BlockSizes(m.count) {
		if err := m.block(ctx, frames); err != nil {
			return err
		}
		if err := m.limitBatch(ctx); err != nil {
			return err
		}
		if m.threads != nil {
			var err error
			if m.threadSamples, err = m.threads.block(frames, m.clock, m.threadSamples); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *measurement) block(ctx context.Context, frames int) error {
	if m.inflight == 1 {
		return m.roundTrips(ctx, frames)
	}
	return m.pipelined(ctx, frames)
}

// roundTrips sends a frame only when the one before it is back. Consecutive samples share a clock reading.
func (m *measurement) roundTrips(ctx context.Context, frames int) error {
	before := m.clock.Now()
	for range frames {
		if err := m.exchange(ctx); err != nil {
			return err
		}
		now := m.clock.Now()
		m.samples = append(m.samples, m.clock.Sample(before, now))
		before = now
	}
	return nil
}

// exchange is one round trip, the way an application makes it: small frames are copied by a call, larger ones are filled in place.
func (m *measurement) exchange(ctx context.Context) error {
	if m.size > callUpTo || m.filler.touch != benchproto.TouchNone {
		sequence, err := m.send(ctx)
		if err != nil {
			return err
		}
		return m.receive(ctx, sequence)
	}
	data := m.small[:m.size]
	m.filler.fill(data, m.next)
	m.next++
	response, err := m.client.Call(ctx, data)
	if err != nil {
		return err
	}
	response.Release()
	return nil
}

// pipelined keeps several frames on their way and receives the oldest first.
func (m *measurement) pipelined(ctx context.Context, frames int) error {
	type sent struct {
		sequence uint64
		at       int64
	}
	var underway []sent
	for left := frames; left > 0 || len(underway) > 0; {
		for ; left > 0 && len(underway) < m.inflight; left-- {
			at := m.clock.Now()
			sequence, err := m.send(ctx)
			if err != nil {
				return err
			}
			underway = append(underway, sent{sequence, at})
		}
		if err := m.receive(ctx, underway[0].sequence); err != nil {
			return err
		}
		m.samples = append(m.samples, m.clock.Sample(underway[0].at, m.clock.Now()))
		underway = underway[1:]
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

// limitBatch bounces the ball with the server's handler. A v1 request cannot ask for that, so there is no limit to compare with then.
func (m *measurement) limitBatch(ctx context.Context) error {
	if _, dual := m.client.(*zeroduplex.DualBufferDuplexChannel); dual {
		return nil
	}
	m.line.Prepare(benchproto.LimitRounds)
	buffer, err := m.client.AcquireRequestBuffer(ctx, m.size, 0)
	if err != nil {
		return err
	}
	m.next++
	buffer.SetOpcode(benchproto.OpcodeLimit)
	sequence, err := buffer.Commit()
	if err != nil {
		return err
	}
	var stalled error
	m.limit, stalled = m.line.Serve(benchproto.LimitRounds, m.clock, m.limit)
	response, err := m.client.ReceiveResponseFor(ctx, sequence)
	if err := errors.Join(stalled, err); err != nil {
		return fmt.Errorf("limit batch: %w", err)
	}
	response.Release()
	return nil
}
