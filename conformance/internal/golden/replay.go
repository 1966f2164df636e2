package golden

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
	"github.com/zeroduplex/zeroduplex/conformance/internal/runner"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

// SuiteName is how a replay's scenarios are called in its report: golden-v1/SCENARIO.
const SuiteName = "golden-v1"

// startPatience is how long an agent may take until its hello.
const startPatience = 30 * time.Second

// Options say what to replay with whom.
type Options struct {
	Folder     fs.FS
	Deviations []Deviation
	Pairs      []runner.Pair     // reader's language, then writer's
	Commands   map[string]string // agent by language
	Progress   func(report.Record)
}

// Used is a deviation and where it occurred.
type Used struct {
	Deviation
	Steps int // in all pairs together
}

// Replay performs every scenario with every pair. Every deviation comes back with the number of steps in which it occurred.
func Replay(ctx context.Context, o Options) (*report.Report, []Used, error) {
	manifest, snapshots, err := Load(o.Folder)
	if err != nil {
		return nil, nil, err
	}
	var languages []string
	for _, p := range o.Pairs {
		for _, language := range []string{p.Server, p.Client} {
			if !slices.Contains(languages, language) {
				languages = append(languages, language)
			}
		}
	}
	r := report.New(0, languages)
	r.Problems = append(r.Problems, checkDeviations(manifest, o.Deviations)...)
	info := report.Suite{
		Name: SuiteName, Title: "Recorded v1 segments",
		Doc: "What published implementations of " + manifest.Protocol + " left in shared memory after every step, performed again by these agents.",
	}
	for _, s := range manifest.Scenarios {
		info.Cases = append(info.Cases, report.CaseInfo{Name: SuiteName + "/" + s.ID, Doc: s.Description})
	}
	r.Suites = append(r.Suites, info)
	used := make([]Used, len(o.Deviations))
	for i, d := range o.Deviations {
		used[i].Deviation = d
	}
	for _, pair := range o.Pairs {
		running := map[string]*agents.Process{}
		for i := range manifest.Scenarios {
			s := &manifest.Scenarios[i]
			record := report.Record{
				Pair: pair.String(), Server: pair.Server, Client: pair.Client, Suite: SuiteName, Case: SuiteName + "/" + s.ID, Verdict: report.Pass,
				Logs: map[string]string{},
			}
			began := time.Now()
			steps := &performance{scenario: s, snapshots: snapshots, deviations: o.Deviations, used: used}
			if err := ctx.Err(); err != nil {
				record.Verdict, record.Message = report.NotRun, err.Error()
			} else if err := steps.run(pair, o.Commands, running); err != nil {
				record.Verdict, record.Message = report.Fail, err.Error()
				if errors.Is(err, errNoAgent) {
					record.Verdict = report.NotRun
				}
			}
			record.Milliseconds = float64(time.Since(began).Microseconds()) / 1000
			r.Records = append(r.Records, record)
			o.Progress(record)
		}
		for _, agent := range running {
			if err := agent.End(); err != nil {
				r.Problems = append(r.Problems, err.Error())
			}
		}
	}
	for _, u := range used {
		if u.Steps == 0 && len(r.Records) > 0 {
			r.Problems = append(r.Problems, fmt.Sprintf("the deviation %s did not occur anywhere", u.Name))
		}
	}
	r.Finish()
	return r, used, nil
}

var errNoAgent = errors.New("an agent could not be started")

// performance is one scenario with one pair.
type performance struct {
	scenario   *Scenario
	snapshots  map[string][]byte
	deviations []Deviation
	used       []Used
	player     *player
	buffers    map[string]*segment.Held // opened when they were first there, so that they can be read when they have no name any more
}

// run performs the scenario with the agents that run, by role. Those that are missing, killed by a scenario or by themselves, are started.
func (x *performance) run(pair runner.Pair, commands map[string]string, running map[string]*agents.Process) error {
	x.player = &player{scenario: x.scenario.ID, channel: runner.NewChannel(), agents: running}
	x.buffers = map[string]*segment.Held{}
	defer func() {
		for _, b := range x.buffers {
			b.Close()
		}
	}()
	for role, language := range map[string]string{agentproto.RoleServer: pair.Server, agentproto.RoleClient: pair.Client} {
		if agent := running[role]; agent != nil && agent.Broken() == nil {
			continue
		}
		agent, err := agents.Start(language, commands[language], role, startPatience)
		if err != nil {
			return fmt.Errorf("%w: %w", errNoAgent, err)
		}
		running[role] = agent
	}
	err := x.steps()
	return errors.Join(err, x.player.reset())
}

func (x *performance) steps() error {
	for i := range x.scenario.Steps {
		step := &x.scenario.Steps[i]
		e, err := expect(x.scenario, i, x.snapshots, x.deviations)
		if err == nil {
			err = x.step(step, e)
		}
		if err != nil {
			return fmt.Errorf("step %d, %s: %w%s", i, strings.TrimSpace(step.Actor+" "+step.Op), err, x.because(e))
		}
		for j := range x.used {
			if slices.Contains(e.deviations, x.used[j].Name) {
				x.used[j].Steps++
			}
		}
		if e.ends {
			return nil
		}
	}
	return nil
}

// because names the deviations that were expected in a step that failed.
func (x *performance) because(e *expected) string {
	if e == nil || len(e.deviations) == 0 {
		return ""
	}
	return " (expected here: " + strings.Join(e.deviations, ", ") + ")"
}

func (x *performance) step(step *Step, e *expected) error {
	got, err := x.player.perform(step)
	if err != nil {
		return err
	}
	if err := judge(e.result, got); err != nil {
		return err
	}
	deadline := time.Now()
	if step.Actor == "" {
		// A server works on its own: it may not have come as far yet.
		deadline = deadline.Add(patience / 2)
	}
	for suffix, want := range e.objects {
		for {
			problem, err := x.compare(suffix, want)
			if err != nil {
				return err
			}
			if problem == "" {
				break
			}
			if time.Now().After(deadline) {
				return errors.New(problem)
			}
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// compare tells how a buffer differs from what must be there, "" for not at all.
func (x *performance) compare(suffix string, want image) (string, error) {
	b, opened := x.buffers[suffix]
	if !opened {
		var err error
		if b, err = segment.Hold(x.player.channel + suffix); errors.Is(err, os.ErrNotExist) {
			return fmt.Sprintf("there is no buffer %q or not both semaphores", suffix), nil
		} else if err != nil {
			return "", err
		}
		x.buffers[suffix] = b
	}
	content, semaphores, err := b.Read()
	if err != nil {
		return "", err
	}
	pids := segment.MaskPids(content)
	problem := segment.Difference(want.content, content)
	for _, field := range []string{"writer_pid", "reader_pid"} {
		if problem == "" && pids[field] != want.pids[field] {
			problem = fmt.Sprintf("%s is set: %v, it should be: %v", field, pids[field], want.pids[field])
		}
	}
	for _, which := range []string{"w", "r"} {
		if problem == "" && semaphores[which] != want.semaphores[which] {
			problem = fmt.Sprintf("the semaphore %s is %d, not %d", which, semaphores[which], want.semaphores[which])
		}
	}
	if problem != "" && segment.Difference(want.golden, content) == "" && segment.Difference(want.golden, want.content) != "" {
		problem = "the deviation did not occur, the bytes are as they were recorded: " + problem
	}
	if problem != "" && suffix != "" {
		problem = suffix[1:] + ": " + problem
	}
	return problem, nil
}
