// Package runner runs cases on pairs of agents and judges them.
package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
	"github.com/zeroduplex/zeroduplex/conformance/internal/suite"
)

// troubleLimit is how often an agent may die or hang on its own before the rest of its cases are not run.
const troubleLimit = 3

// Options say what to run.
type Options struct {
	Languages []string          // each with each, in this order
	Pairs     string            // patterns, separated by blanks
	Commands  map[string]string // agent by language
	Cases     []suite.Case
	Known     []Known
	Complete  bool // everything was selected
	Seed      uint64
	Jobs      int    // pairs at a time
	Logs      string // folder for logs
	Progress  func(pair string, done, of int, record report.Record)
}

// Run runs everything and reports it. An error means that the runner itself could not work.
func Run(ctx context.Context, o Options) (*report.Report, error) {
	r := report.New(o.Seed, o.Languages)
	// Logs of cases that no longer exist would only mislead.
	if err := os.RemoveAll(o.Logs); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Logs, 0o755); err != nil {
		return nil, err
	}
	pools := make(chan *pool, o.Jobs)
	var all []*pool
	for range max(1, o.Jobs) {
		p := newPool(o.Commands)
		pools <- p
		all = append(all, p)
	}
	distrusted := introduce(all[0], o, r)
	pairs := Pairs(o.Languages, o.Pairs)
	m := &matrix{options: o, report: r, dumps: map[dumpKey]map[string][]byte{}, distrusted: distrusted}
	var running sync.WaitGroup
	for _, pair := range pairs {
		p := <-pools
		running.Add(1)
		go func() {
			defer running.Done()
			defer func() { pools <- p }()
			m.runPair(ctx, p, pair)
		}()
	}
	running.Wait()
	m.compareDumps()
	for _, p := range all {
		if err := p.close(); err != nil {
			r.Problems = append(r.Problems, err.Error())
		}
	}
	applyKnown(r, o.Known, o.Complete)
	r.Finish()
	return r, ctx.Err()
}

// Pairs are the ordered pairs of languages whose names match one of the patterns, which are separated by blanks.
func Pairs(languages []string, patterns string) []Pair {
	var pairs []Pair
	for _, s := range languages {
		for _, c := range languages {
			if pair := (Pair{Server: s, Client: c}); AnyGlob(patterns, pair.String()) {
				pairs = append(pairs, pair)
			}
		}
	}
	return pairs
}

// cases are those that a pair has to run: a case that needs one side only is run by each language with itself.
func (p Pair) cases(all []suite.Case) []suite.Case {
	if p.Server == p.Client {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(c suite.Case) bool {
		server, client := c.Template.Roles()
		return !server || !client
	})
}

// introduce starts an agent of every language once, asks it for what cannot exist and notes who it is.
func introduce(p *pool, o Options, r *report.Report) map[string]error {
	distrusted := map[string]error{}
	for _, language := range o.Languages {
		agent := report.Agent{Language: language, Command: o.Commands[language]}
		if err := p.probe(language, o.Seed); err != nil {
			distrusted[language] = err
			agent.Problem = err.Error()
			r.Problems = append(r.Problems, err.Error())
		} else {
			h := p.running[slot{language, agentproto.RoleServer, 0}].Hello
			agent.Name, agent.SDKVersion, agent.Capabilities = h.Agent, h.SdkVersion, h.Capabilities
		}
		r.Agents = append(r.Agents, agent)
	}
	return distrusted
}

// channels numbers the channels of this process, so that no two cases ever share a name.
var channels atomic.Uint64

// NewChannel makes a name that this process gives nobody else. All have the same length: none is the beginning of another.
func NewChannel() string { return fmt.Sprintf("zdc-%d-%06d", os.Getpid(), channels.Add(1)) }

// matrix is a run under way.
type matrix struct {
	options    Options
	report     *report.Report
	distrusted map[string]error

	mu    sync.Mutex
	dumps map[dumpKey]map[string][]byte // by pair
}

type dumpKey struct{ test, label string }

func (m *matrix) runPair(ctx context.Context, p *pool, pair Pair) {
	clear(p.trouble)
	cases := pair.cases(m.options.Cases)
	for i, c := range cases {
		record := report.Record{Pair: pair.String(), Server: pair.Server, Client: pair.Client, Case: c.Name, Suite: c.Suite.Name}
		began := time.Now()
		switch reason := m.refuse(ctx, p, pair); {
		case reason != "":
			record.Verdict, record.Message = report.NotRun, reason
		default:
			m.runCase(p, pair, c, &record)
		}
		record.Milliseconds = float64(time.Since(began).Microseconds()) / 1000
		m.mu.Lock()
		m.report.Records = append(m.report.Records, record)
		// What people see while it runs; the report is judged when everything is known.
		judgeKnown(&record, m.options.Known)
		m.options.Progress(pair.String(), i+1, len(cases), record)
		m.mu.Unlock()
	}
}

// refuse says why a case is not even tried, "" when it is.
func (m *matrix) refuse(ctx context.Context, p *pool, pair Pair) string {
	if ctx.Err() != nil {
		return "the run was interrupted"
	}
	for _, language := range []string{pair.Server, pair.Client} {
		if err := m.distrusted[language]; err != nil {
			return err.Error()
		}
		if p.trouble[language] >= troubleLimit {
			return fmt.Sprintf("the %s agent died or hung %d times in this pair already", language, troubleLimit)
		}
	}
	return ""
}

func (m *matrix) runCase(p *pool, pair Pair, c suite.Case, record *report.Record) {
	x := newExecution(p, pair, c, NewChannel(), m.options.Seed)
	err := x.run()
	switch {
	case err == nil:
		record.Verdict = report.Pass
	case errors.Is(err, errUnsupported):
		record.Verdict, record.Message = report.Unsupported, err.Error()
	case errors.Is(err, errNotRun):
		record.Verdict, record.Message = report.NotRun, err.Error()
	default:
		record.Verdict, record.Message = report.Fail, err.Error()
	}
	if errors.Is(err, errWatchdog) || errors.Is(err, agents.ErrGone) {
		x.blame()
	}
	m.mu.Lock()
	for label, content := range x.dumps {
		key := dumpKey{c.Name, label}
		if m.dumps[key] == nil {
			m.dumps[key] = map[string][]byte{}
		}
		m.dumps[key][pair.String()] = content
	}
	m.mu.Unlock()
	if err := m.writeLogs(x, record); err != nil {
		record.Verdict, record.Message = report.Fail, record.Message+"; logs cannot be written: "+err.Error()
	}
}

// blame notes which agents are gone or hang, and gets rid of them.
func (x *execution) blame() {
	for _, s := range x.used {
		agent, running := x.pool.running[s]
		if running && (agent.Broken() != nil || agent.Busy()) {
			x.pool.trouble[s.language]++
			x.pool.drop(s)
		}
	}
}

var unsafe = regexp.MustCompile(`[^A-Za-z0-9.=_-]+`)

// writeLogs writes the runner's transcript and what each agent said on standard error.
func (m *matrix) writeLogs(x *execution, record *report.Record) error {
	base := filepath.Join(x.pair.Server+"-"+x.pair.Client, unsafe.ReplaceAllString(x.test.Name, "_"))
	folder := filepath.Join(m.options.Logs, filepath.Dir(base))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	logs := map[string][]byte{"runner": x.transcript.Bytes()}
	for actor, s := range x.used {
		logs[actor] = x.pool.takeLog(s)
	}
	record.Logs = map[string]string{}
	for _, actor := range slices.Sorted(maps.Keys(logs)) {
		path := filepath.Join(m.options.Logs, base+"."+actor+".log")
		if err := os.WriteFile(path, logs[actor], 0o644); err != nil {
			return err
		}
		record.Logs[actor] = filepath.ToSlash(filepath.Join("logs", base+"."+actor+".log"))
	}
	return nil
}

// compareDumps fails every pair whose dump is not what most pairs have; after the same steps all must be equal.
func (m *matrix) compareDumps() {
	for key, dumps := range m.dumps {
		usual := mostCommon(dumps)
		for pair, content := range dumps {
			difference := segment.Difference(usual, content)
			if difference == "" {
				continue
			}
			m.report.Fail(pair, key.test, fmt.Sprintf("dump %q differs from that of most pairs: %s", key.label, difference))
		}
	}
}

func mostCommon(dumps map[string][]byte) []byte {
	counts := map[string]int{}
	for _, content := range dumps {
		counts[string(content)]++
	}
	best := ""
	// In a fixed order, so that a tie is decided the same way every time.
	for _, content := range slices.Sorted(maps.Keys(counts)) {
		if counts[content] > counts[best] {
			best = content
		}
	}
	return []byte(best)
}

func joined(errs []error) error {
	var texts []string
	for _, err := range errs {
		if err != nil {
			texts = append(texts, err.Error())
		}
	}
	if texts == nil {
		return nil
	}
	return errors.New(strings.Join(texts, "; "))
}
