package runner_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeroduplex/zeroduplex/conformance/internal/brokenagent"
	"github.com/zeroduplex/zeroduplex/conformance/internal/modelagent"
	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
	"github.com/zeroduplex/zeroduplex/conformance/internal/runner"
	"github.com/zeroduplex/zeroduplex/conformance/internal/suite"
)

// faultVariable makes this test binary an agent: the Go agent with a fault.
const faultVariable = "ZERODUPLEX_BROKEN_AGENT"

func TestMain(m *testing.M) {
	fault := os.Getenv(faultVariable)
	asked, err := modelagent.BeAgent()
	if fault == "" && !asked {
		code := m.Run()
		if left, err := filepath.Glob(fmt.Sprintf("/dev/shm/*zdc-%d-*", os.Getpid())); err != nil || len(left) > 0 {
			fmt.Fprintln(os.Stderr, "the runs left files:", left, err)
			code = 1
		}
		os.Exit(code)
	}
	if fault != "" {
		err = brokenagent.Run(brokenagent.Fault(fault), os.Args[1], os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// cases are the least that every fault must be seen by.
const cases = `
suite: minimal
title: Minimal
doc: What every fault must be seen by.
cases:
  - name: offsets
    doc: Both sides say where their fields are.
    timeout_ms: 2000
    steps:
      - { do: runner.offsets, with: { actor: server }, expect: { problems: "" } }
      - { do: runner.offsets, with: { actor: client }, expect: { problems: "" } }
  - name: call
    doc: A call and its data.
    timeout_ms: 2000
    server: { payload_size: 1024 }
    client: {}
    steps:
      - { do: client.call, with: { size: 100, seed: 1 }, expect: { size: 100, data: { xor: 1 } } }
  - name: error
    doc: An error and its code.
    timeout_ms: 2000
    server: { payload_size: 1024 }
    client: {}
    steps:
      - { do: client.send, with: { size: 1000, seed: 1 }, error: frame_too_large }
`

// agentWith writes a program that is the Go agent with a fault.
func agentWith(t *testing.T, fault brokenagent.Fault) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "agent")
	script := fmt.Sprintf("#!/bin/sh\n%s=%s exec %s \"$@\"\n", faultVariable, fault, self)
	require.NoError(t, os.WriteFile(path, []byte(script), 0o755))
	return path
}

// run runs cases on the pairs of a good agent and another one.
func run(t *testing.T, text string, known []runner.Known, agents map[string]string) *report.Report {
	t.Helper()
	s, err := suite.Parse("minimal.yaml", []byte(text))
	require.NoError(t, err)
	return runCases(t, suite.Expand([]*suite.Suite{s}), known, agents)
}

func runCases(t *testing.T, cases []suite.Case, known []runner.Known, agents map[string]string) *report.Report {
	t.Helper()
	var languages []string
	for _, language := range []string{"good", "other"} {
		if _, ok := agents[language]; ok {
			languages = append(languages, language)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	r, err := runner.Run(ctx, runner.Options{
		Languages: languages, Pairs: "*", Commands: agents, Cases: cases, Known: known, Complete: true, Seed: 1, Jobs: 1,
		Logs: filepath.Join(t.TempDir(), "logs"), Progress: func(string, int, int, report.Record) {},
	})
	require.NoError(t, err)
	return r
}

func messages(r *report.Report) string {
	text := strings.Join(r.Problems, "\n")
	for _, rec := range r.Records {
		if rec.Red() {
			text += fmt.Sprintf("\n%s %s %s: %s", rec.Verdict, rec.Pair, rec.Case, rec.Message)
		}
	}
	return text
}

func TestGoodAgentsAreGreen(t *testing.T) {
	r := run(t, cases, nil, map[string]string{"good": agentWith(t, brokenagent.None), "other": agentWith(t, brokenagent.None)})
	assert.True(t, r.Green, messages(r))
	assert.Equal(t, 12, r.Totals.Pass)
	assert.Len(t, r.Pairs, 4)
}

// said is what a report must say of each fault.
var said = map[brokenagent.Fault]string{
	brokenagent.WrongOffset:    "frame_header_v2.state is at 28",
	brokenagent.MissingField:   "frame_header_v2.state is missing",
	brokenagent.WrongVersion:   "speaks agent protocol 2",
	brokenagent.NoHello:        "it closed its standard output",
	brokenagent.DroppedByte:    "size: expected 100, got 99",
	brokenagent.WrongByte:      "crc32: expected",
	brokenagent.AnswersTwice:   "answered before",
	brokenagent.WrongID:        "never asked",
	brokenagent.Hangs:          "call has not answered",
	brokenagent.Deaf:           "call has not answered",
	brokenagent.DiesSilently:   "the agent is gone",
	brokenagent.DiesLoudly:     "signal: killed",
	brokenagent.LiesOk:         "it cannot be believed",
	brokenagent.EmptyOk:        "outcome ok without a result",
	brokenagent.Garbage:        "cannot be read",
	brokenagent.CutOff:         "cut off",
	brokenagent.LeavesFiles:    "files are left",
	brokenagent.WrongErrorCode: "has code 16, not 15",
	brokenagent.UnexpectedFail: "out of luck",
	brokenagent.Unsupported:    "unsupported",
}

func TestEveryFaultTurnsTheRunRed(t *testing.T) {
	for _, fault := range brokenagent.Faults {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			agents := map[string]string{"good": agentWith(t, brokenagent.None), "other": agentWith(t, fault)}
			r := run(t, cases, nil, agents)
			if fault == brokenagent.Unsupported {
				// It counts where a language claims the whole protocol.
				for i := range r.Records {
					r.Records[i].Server, r.Records[i].Client = "go", "cpp"
				}
				r.Finish()
			}
			assert.False(t, r.Green, "a broken agent was not noticed")
			require.Contains(t, said, fault, "nobody says what must be said of this fault")
			assert.Contains(t, messages(r), said[fault])
			// The good agent with itself is not to blame.
			assert.Equal(t, report.Counts{Pass: 3}, r.Pairs["good->good"])
			assert.Len(t, r.Records, 12, "a case was lost")
		})
	}
}

func TestMissingAgentIsRed(t *testing.T) {
	r := run(t, cases, nil, map[string]string{"good": agentWith(t, brokenagent.None), "other": "/nonexistent/agent"})
	assert.False(t, r.Green)
	assert.Equal(t, report.Counts{NotRun: 3}, r.Pairs["good->other"])
	assert.Equal(t, report.Counts{Pass: 3}, r.Pairs["good->good"])
	assert.Contains(t, messages(r), "/nonexistent/agent")
}

func TestNothingRunIsRed(t *testing.T) {
	r, err := runner.Run(context.Background(), runner.Options{Pairs: "*", Jobs: 1, Logs: t.TempDir()})
	require.NoError(t, err)
	assert.False(t, r.Green)
	assert.Contains(t, r.Problems, "nothing was run")
}

func TestInterruptedRunIsRed(t *testing.T) {
	s, err := suite.Parse("minimal.yaml", []byte(cases))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := runner.Run(ctx, runner.Options{
		Languages: []string{"good"}, Pairs: "*", Commands: map[string]string{"good": agentWith(t, brokenagent.None)}, Cases: suite.Expand([]*suite.Suite{s}),
		Seed: 1, Jobs: 1, Logs: t.TempDir(), Progress: func(string, int, int, report.Record) {},
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, r.Green)
	assert.Equal(t, report.Counts{NotRun: 3}, r.Totals)
}

func TestDumpsThatDifferAreRed(t *testing.T) {
	const dumping = `
suite: minimal
title: Minimal
doc: A dump.
cases:
  - name: dump
    doc: The bytes after a call.
    server: { payload_size: 1024 }
    client: {}
    steps:
      - { do: client.call, with: { size: 100, seed: 1 } }
      - { do: runner.until, with: { at: response.payload_written_bytes, is: { least: 99 } } }
      - { do: runner.until, with: { at: response.payload_written_count, is: 1 } }
      - { do: runner.dump, with: { label: called } }
`
	good, other := agentWith(t, brokenagent.None), agentWith(t, brokenagent.WrongByte)
	assert.True(t, run(t, dumping, nil, map[string]string{"good": good, "other": good}).Green)
	r := run(t, dumping, nil, map[string]string{"good": good, "other": other})
	assert.False(t, r.Green)
	assert.Contains(t, messages(r), `dump "called" differs`)
}

func TestKnownFailures(t *testing.T) {
	dropping := map[string]string{"good": agentWith(t, brokenagent.None), "other": agentWith(t, brokenagent.DroppedByte)}
	line := runner.Known{Pair: "*->other", Case: "minimal/call", Reason: "the agent drops a byte", Message: "expected 100, got 99"}

	t.Run("an expected failure is not red", func(t *testing.T) {
		r := run(t, cases, []runner.Known{line}, dropping)
		assert.True(t, r.Green, messages(r))
		assert.Equal(t, 2, r.Totals.XFail)
	})
	t.Run("another failure than the known one is red", func(t *testing.T) {
		other := line
		other.Message = "something else"
		r := run(t, cases, []runner.Known{other}, dropping)
		assert.False(t, r.Green)
		assert.Contains(t, messages(r), "but this is another")
	})
	t.Run("one of several lines must match", func(t *testing.T) {
		other := line
		other.Message = "something else"
		r := run(t, cases, []runner.Known{other, line}, dropping)
		assert.True(t, r.Green, messages(r))
		assert.Equal(t, 2, r.Totals.XFail)
	})
	t.Run("an unexpected pass is red", func(t *testing.T) {
		wide := line
		wide.Pair = "*"
		r := run(t, cases, []runner.Known{wide}, dropping)
		assert.False(t, r.Green)
		assert.Contains(t, messages(r), "expected to fail")
	})
	t.Run("a line that matches nothing is red", func(t *testing.T) {
		stale := line
		stale.Case = "minimal/gone"
		r := run(t, cases, []runner.Known{line, stale}, dropping)
		assert.False(t, r.Green)
		assert.Contains(t, messages(r), "matches no case")
	})
}

func TestKnownFailuresAreReadStrictly(t *testing.T) {
	for _, text := range []string{
		"known_failing: [{ pair: a, case: b, reason: c }]", "known_failing: [{ pair: a, case: b, reason: c, message: d, issue: 4 }]", "known: []",
	} {
		_, err := runner.ParseKnown([]byte(text))
		assert.Error(t, err, text)
	}
	known, err := runner.ParseKnown([]byte("known_failing: [{ pair: a, case: b, reason: c, message: d }]"))
	require.NoError(t, err)
	assert.Equal(t, []runner.Known{{Pair: "a", Case: "b", Reason: "c", Message: "d"}}, known)
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"a", "a", true}, {"a", "ab", false}, {"a*", "ab", true}, {"*b", "ab", true}, {"go->*", "go->cpp", true},
		{"*->cpp", "cpp->go", false}, {"a*b*c", "a-b-c", true}, {"a*b*c", "acb", false}, {"ab*ba", "aba", false},
	} {
		assert.Equal(t, c.want, runner.Glob(c.pattern, c.text), "%s %s", c.pattern, c.text)
	}
}
