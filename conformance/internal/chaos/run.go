package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

// mostViolations is after how many violations a pair is given up: what is broken so thoroughly is not found more often by going on.
const mostViolations = 10

// channels counts the channels of this process, whose names must differ.
var channels atomic.Uint64

// Options say what to run.
type Options struct {
	Seed     uint64
	Plans    []Plan
	Commands map[string]string // of agents, by language
	Limits   Limits
	Progress func(pair Pair, done, of int, violation *Violation)
}

// Run plays all plans, one after the other. It fails when it was interrupted; the report then says so, too.
func Run(ctx context.Context, o Options) (*Report, error) {
	r := newReport(o)
	for _, plan := range o.Plans {
		stats := playPlan(ctx, o, plan, fmt.Sprintf("zdc-%d-chaos%d", os.Getpid(), channels.Add(1)))
		r.Pairs = append(r.Pairs, stats)
	}
	if err := ctx.Err(); err != nil {
		r.Problems = append(r.Problems, "the run was interrupted")
	}
	r.finish()
	return r, ctx.Err()
}

// tracker collects what one process uses for as long as it is the survivor.
type tracker struct {
	pid     int
	samples []Sample
}

func playPlan(ctx context.Context, o Options, plan Plan, name string) *Stats {
	stats := newStats(plan)
	began := time.Now()
	m := &match{name: name, limits: o.Limits, stats: stats, cast: newCast(plan.Pair, o.Commands)}
	trackers := map[string]*tracker{agentproto.RoleServer: {}, agentproto.RoleClient: {}}
	judge := func(number int, what string, err error) {
		if err == nil {
			return
		}
		v := stats.violate(number, what, err)
		o.Progress(plan.Pair, number, len(plan.Rounds), v)
	}
	if len(plan.Rounds) > 0 {
		if err := m.believe(plan.Rounds[0].Channel); err != nil {
			judge(0, "before the first round", err)
			m.drop()
		}
	}
	for _, round := range plan.Rounds {
		if ctx.Err() != nil || len(stats.Violations) >= mostViolations {
			break
		}
		stats.round = round.Number
		began := time.Now()
		err := m.play(round)
		if err == nil {
			err = m.track(trackers, round.Survivor)
		}
		stats.played(round, time.Since(began))
		if err != nil {
			judge(round.Number, round.What(), err)
			m.drop()
			continue
		}
		o.Progress(plan.Pair, round.Number, len(plan.Rounds), nil)
	}
	for _, side := range []string{agentproto.RoleServer, agentproto.RoleClient} {
		growth := grown(side, trackers[side].samples)
		stats.Growth = append(stats.Growth, growth)
		judge(0, "growth of the "+side, growth.err())
	}
	judge(0, "the end", m.finish())
	stats.Counts.Answers = stats.answers.Load()
	stats.Milliseconds = time.Since(began).Milliseconds()
	return stats
}

// track samples the survivor. After a violation another process takes its place, and what it uses is another story.
func (m *match) track(trackers map[string]*tracker, survivor string) error {
	process := m.server
	switch survivor {
	case "":
		return nil
	case agentproto.RoleClient:
		process = m.client
	}
	s, err := sample(process.Pid(), m.name)
	if err != nil {
		return fmt.Errorf("the surviving %s: %w", survivor, err)
	}
	t := trackers[survivor]
	if t.pid != process.Pid() {
		*t = tracker{pid: process.Pid()}
	}
	t.samples = append(t.samples, s)
	return nil
}

// finish closes both sides in good order and demands that nothing is left of the channel.
func (m *match) finish() error {
	var errs []error
	end := func(ready bool, role string) {
		process := m.server
		if role == agentproto.RoleClient {
			process = m.client
		}
		if !ready || process == nil {
			return
		}
		_, err := m.do(process, agentproto.OpClose, map[string]any{})
		if err == nil { // some languages unmap when the closed object goes, and reset lets it go
			_, err = m.do(process, agentproto.OpReset, map[string]any{})
		}
		if err == nil {
			err = lets(process.Pid(), m.name)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("closing the %s: %w", role, err))
		}
	}
	if !m.serving && m.channel != (Channel{}) { // files of a server that was killed go with the next server of the name
		errs = append(errs, m.serve(m.channel))
	}
	end(m.ready, agentproto.RoleClient)
	end(m.serving, agentproto.RoleServer)
	if errors.Is(errors.Join(errs...), errHung) {
		m.drop()
	}
	errs = append(errs, m.cast.close())
	left, err := segment.Leftovers(m.name)
	if len(left) > 0 {
		err = errors.Join(fmt.Errorf("files are left: %v", left), segment.RemoveAll(left))
	}
	return errors.Join(append(errs, err)...)
}

// lets demands that a process has nothing of the channel any more.
func lets(pid int, name string) error {
	what, err := segment.MappedBy(pid, name)
	if what != "" {
		err = errors.Join(err, fmt.Errorf("it still %s", what))
	}
	return err
}

func newReport(o Options) *Report {
	r := &Report{
		SchemaVersion: SchemaVersion, Began: time.Now().UTC().Truncate(time.Second), Seed: o.Seed, Protocol: "v2", Host: report.New(o.Seed, nil).Host,
		Limits: ReportedLimits{
			DetectionMs: o.Limits.Detection().Milliseconds(), RecoveryMs: o.Limits.Recovery().Milliseconds(), AllowanceMs: o.Limits.Allowance.Milliseconds(),
		},
		Problems: []string{},
	}
	return r
}
