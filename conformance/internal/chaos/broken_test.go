package chaos

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
	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/brokenagent"
)

// faultVariable makes this test binary an agent: the Go agent with a fault.
const faultVariable = "ZERODUPLEX_BROKEN_AGENT"

func TestMain(m *testing.M) {
	fault := os.Getenv(faultVariable)
	if fault == "" {
		code := m.Run()
		if left, err := filepath.Glob(fmt.Sprintf("/dev/shm/*zdc-%d-*", os.Getpid())); err != nil || len(left) > 0 {
			fmt.Fprintln(os.Stderr, "the runs left files:", left, err)
			code = 1
		}
		os.Exit(code)
	}
	if err := brokenagent.Run(brokenagent.Fault(fault), os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

// agentWith writes a program that is the Go agent with a fault.
func agentWith(t *testing.T, fault brokenagent.Fault) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "agent")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\n%s=%s exec %s \"$@\"\n", faultVariable, fault, self), 0o755))
	return path
}

var testLimits = Limits{Allowance: 2 * time.Second, Patience: 8 * time.Second}

// event is a round of the simplest kind.
func event(kind Kind, side, survivor string, load Load) Round {
	return Round{
		Kind: kind, Side: side, Survivor: survivor, Load: load, Window: 2, Step: 7, Delay: 3000, Pause: 60,
		Channel: Channel{Payload: 64 << 10, Workers: 1, ServerWait: "block", ClientWait: "block"},
	}
}

const (
	serverSide = agentproto.RoleServer
	clientSide = agentproto.RoleClient
)

func rounds(some ...Round) []Round {
	for i := range some {
		some[i].Number = i + 1
	}
	return some
}

// often is the same round again and again.
func often(n int, r Round) []Round {
	var all []Round
	for range n {
		all = append(all, r)
	}
	return rounds(all...)
}

// play plays rounds with a good agent and, on one side, another one.
func play(t *testing.T, good, other, broken string, plan []Round) *Report {
	t.Helper()
	pair := Pair{"good", "other"}
	if broken == serverSide {
		pair = Pair{"other", "good"}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	r, err := Run(ctx, Options{
		Seed: 1, Plans: []Plan{{pair, plan}}, Commands: map[string]string{"good": good, "other": other}, Limits: testLimits,
		Progress: func(Pair, int, int, *Violation) {},
	})
	require.NoError(t, err)
	return r
}

func messages(r *Report) string {
	text := strings.Join(r.Problems, "\n")
	for _, pair := range r.Pairs {
		for _, v := range pair.Violations {
			text += fmt.Sprintf("\nround %d, %s: %s", v.Round, v.What, v.Message)
		}
	}
	return text
}

// everything is each kind of event on each side, and each named point.
func everything() []Round {
	var all []Round
	for _, kind := range []Kind{Kill, Terminate, Stop, Close} {
		for i, load := range []Load{Exchange, Acquire, Calls, OneWay, Idle} {
			r := event(kind, []string{serverSide, clientSide}[i%2], "", load)
			all = append(all, r)
			r.Side, r.Impatient = other(r.Side), true
			all = append(all, r)
		}
	}
	for _, side := range []string{serverSide, clientSide} {
		for i, name := range pointsOf(side) {
			r := event(Point, side, "", Exchange)
			r.Point, r.Impatient = name, i%2 == 0
			all = append(all, r)
		}
	}
	return rounds(all...)
}

func TestGoodAgentsAreGreen(t *testing.T) {
	plan := everything()
	r := play(t, agentWith(t, brokenagent.None), agentWith(t, brokenagent.None), clientSide, plan)
	assert.True(t, r.Green, messages(r))
	c := r.Totals
	assert.Equal(t, len(plan), c.Rounds)
	assert.Equal(t, []int{10, 10, 10, 10}, []int{c.Kills, c.Terminates, c.Stops, c.Closes})
	assert.Equal(t, len(points), c.Points)
	assert.Positive(t, c.WorstSeen)
	assert.Positive(t, c.WorstBack)
	assert.Greater(t, c.Answers, uint64(17*len(plan)), "every round verifies at least that many")
	// All but a stop, and a death that the attached client has nothing to do with, end with a successor at work.
	assert.Equal(t, len(plan)-c.Stops-1, c.Recoveries)
}

// seen says which rounds show a fault, on which side it is, and what the report must say of it.
var seen = map[brokenagent.Fault]struct {
	broken string
	rounds []Round
	says   string
}{
	brokenagent.LateNews:         {clientSide, rounds(event(Kill, serverSide, "", Exchange)), "noticing that the server is gone took"},
	brokenagent.WrongNews:        {clientSide, rounds(event(Kill, serverSide, "", Calls)), "should have failed with [server_dead]: call failed with timeout"},
	brokenagent.BelievesInGhosts: {clientSide, rounds(event(Kill, serverSide, "", Idle)), "a call without a server went well"},
	brokenagent.SlowSuccessor:    {clientSide, rounds(event(Kill, clientSide, "", Exchange)), "recovering took"},
	brokenagent.RepeatsNumber:    {clientSide, rounds(event(Stop, serverSide, "", Calls)), "was answered twice"},
	brokenagent.ShortLoop:        {clientSide, rounds(event(Stop, serverSide, "", Exchange)), "1 answers for sequence numbers"},
	brokenagent.Blind:            {clientSide, rounds(event(Kill, serverSide, "", Idle)), "verifying answers that are wrong went well"},
	brokenagent.WrongContent:     {clientSide, rounds(event(Kill, serverSide, "", Exchange)), "byte 3 is wrong"},
	brokenagent.Surplus:          {clientSide, rounds(event(Kill, serverSide, "", Exchange)), "receiving what nobody asked for went well"},
	brokenagent.FearsPauses:      {clientSide, rounds(event(Stop, serverSide, "", Exchange)), "its stopped server does not live"},
	brokenagent.TakesOver:        {clientSide, rounds(event(Stop, clientSide, "", Exchange)), "connecting beside a stopped client went well"},
	brokenagent.HandlesTwice:     {serverSide, rounds(event(Kill, clientSide, "", Exchange)), "the server handled sequence number"},
	brokenagent.LeaksDescriptors: {clientSide, often(8, event(Kill, serverSide, clientSide, Exchange)), "more descriptors in their last third"},
	brokenagent.LeaksMappings:    {clientSide, often(8, event(Close, serverSide, clientSide, Exchange)), "more mappings of shared memory in their last third"},
	brokenagent.LeaksMemory:      {clientSide, often(8, event(Kill, serverSide, clientSide, Exchange)), "more KiB of memory in their last third"},
	brokenagent.LeaksThreads:     {clientSide, often(8, event(Kill, serverSide, clientSide, Exchange)), "more threads in their last third"},
	brokenagent.LeavesObject:     {serverSide, rounds(event(Kill, clientSide, "", Exchange)), "files are left"},
	brokenagent.WrongByte:        {clientSide, rounds(event(Stop, serverSide, "", OneWay)), "is not what was asked for"},
	brokenagent.DroppedByte:      {clientSide, rounds(event(Stop, serverSide, "", OneWay)), "is not what was asked for"},
	brokenagent.Hangs:            {clientSide, rounds(event(Kill, serverSide, "", Idle)), "has not answered call within"},
	brokenagent.DiesLoudly:       {clientSide, rounds(event(Kill, serverSide, "", Calls)), "the agent is gone"},
	brokenagent.NoHello:          {clientSide, rounds(event(Kill, serverSide, "", Calls)), "it closed its standard output"},
}

func TestEveryFaultTurnsTheRunRed(t *testing.T) {
	for _, fault := range brokenagent.ChaosFaults {
		assert.Contains(t, seen, fault, "nobody says what shows this fault")
	}
	for fault, c := range seen {
		t.Run(string(fault), func(t *testing.T) {
			// Before anything runs: a program that is being written cannot be started, and a process that forks meanwhile keeps it open.
			good, broken := agentWith(t, brokenagent.None), agentWith(t, fault)
			t.Parallel()
			r := play(t, good, broken, c.broken, c.rounds)
			assert.False(t, r.Green, "a broken agent was not noticed")
			assert.Contains(t, messages(r), c.says)
			assert.Positive(t, r.Totals.Found)
			without := play(t, good, good, c.broken, c.rounds)
			assert.True(t, without.Green, "the rounds are red without the fault, too: %s", messages(without))
		})
	}
}

func TestAThoroughlyBrokenPairIsGivenUp(t *testing.T) {
	r := play(t, agentWith(t, brokenagent.None), agentWith(t, brokenagent.WrongContent), clientSide, often(3*mostViolations, event(Kill, serverSide, "", Exchange)))
	assert.Equal(t, mostViolations-1, r.Totals.Rounds, "the first one comes before the rounds")
	assert.Contains(t, r.Problems, "rounds that were planned were not played")
	assert.False(t, r.Green)
}
