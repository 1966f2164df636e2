package chaos

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

func TestLimitsAreTheSpecsAndTheAllowance(t *testing.T) {
	assert.Equal(t, 300*time.Millisecond, Limits{}.Detection())
	assert.Equal(t, time.Second, Limits{}.Recovery())
	loaded := Limits{Allowance: 50 * time.Millisecond}
	assert.Equal(t, 350*time.Millisecond, loaded.Detection())
	assert.Equal(t, 1050*time.Millisecond, loaded.Recovery())
	assert.NoError(t, within("it", time.Second, time.Second))
	assert.EqualError(t, within("it", 1001*time.Millisecond, time.Second), "it took 1.001s, more than 1s")
}

func TestErrorsAreJudgedByName(t *testing.T) {
	dead := &agentError{"call", "server_dead", "it is gone"}
	assert.NoError(t, mustFail("x", dead, "server_dead"))
	assert.NoError(t, mustFail("x", dead, "timeout", "server_dead"))
	assert.ErrorContains(t, mustFail("x", nil, "server_dead"), "x went well")
	assert.ErrorContains(t, mustFail("x", dead, "timeout"), "should have failed with [timeout]")
	assert.ErrorIs(t, mustFail("x", errHung, "server_dead"), errHung)
	assert.Error(t, mustFail("x", errors.New("server_dead"), "server_dead"), "the text of another error is no name")
}

func TestSequenceNumbers(t *testing.T) {
	exchanged := func(count, first, last uint64) agentproto.ExchangeReport {
		return agentproto.ExchangeReport{Count: count, FirstSequence: first, LastSequence: last}
	}
	a := newAttachment()
	require.NoError(t, a.alone(1, true))
	assert.Error(t, a.alone(1, true), "again")
	assert.Error(t, a.alone(3, true), "one too far")
	require.NoError(t, a.exchanged(exchanged(5, 2, 6), 5))
	assert.Error(t, a.exchanged(exchanged(5, 2, 6), 5), "again")
	assert.Error(t, a.exchanged(exchanged(4, 7, 10), 5), "one is missing")
	assert.Error(t, a.exchanged(exchanged(5, 7, 12), 5), "one is missing in between")
	require.NoError(t, a.answered(9))
	require.NoError(t, a.answered(8))
	assert.ErrorContains(t, a.answered(9), "answered twice")
	assert.ErrorContains(t, a.answered(6), "answered twice")
	require.NoError(t, a.alone(15, false))
	require.NoError(t, a.alone(16, true))
	assert.Error(t, a.answered(9))
}

func TestHandledTwice(t *testing.T) {
	frames := func(numbers ...uint64) (all []agentproto.FrameReport) {
		for _, n := range numbers {
			all = append(all, agentproto.FrameReport{Sequence: n})
		}
		return all
	}
	assert.NoError(t, handledTwice(nil))
	assert.NoError(t, handledTwice(frames(4, 5, 7, 1, 2, 1, 1)))
	assert.Error(t, handledTwice(frames(4, 5, 5)))
	assert.Error(t, handledTwice(frames(1, 2, 3, 2)))
}

func samples(of func(n uint64) Sample) []Sample {
	var all []Sample
	for n := range uint64(9) {
		all = append(all, of(n))
	}
	return all
}

func TestGrowth(t *testing.T) {
	steady := grown("server", samples(func(n uint64) Sample { return Sample{7 + n%3, 5 + n%2, 4, 9000 + 100*n} }))
	assert.True(t, steady.Judged)
	require.NoError(t, steady.err())
	once := grown("server", samples(func(n uint64) Sample { return Sample{7, 5, 4 + n/8, 9000} }))
	require.NoError(t, once.err(), "what is used in the last round only is no growth")
	for what, of := range map[string]func(uint64) Sample{
		"4 more descriptors":   func(n uint64) Sample { return Sample{7 + n, 5, 4, 9000} },
		"8 more threads":       func(n uint64) Sample { return Sample{7, 5 + 2*n, 4, 9000} },
		"4 more mappings":      func(n uint64) Sample { return Sample{7, 5, 4 + n, 9000} },
		"20000 more KiB":       func(n uint64) Sample { return Sample{7, 5, 4, 5000 * n} },
		"1 more mappings of s": func(n uint64) Sample { return Sample{7, 5, 4 + n/6, 9000} },
	} {
		assert.ErrorContains(t, grown("server", samples(of)).err(), what)
	}
	few := grown("server", samples(func(n uint64) Sample { return Sample{100 * n, 5, 4, 9000} })[:fewestSamples-1])
	assert.False(t, few.Judged)
	assert.NoError(t, few.err())
	assert.Equal(t, Growth{Side: "server"}, grown("server", nil))
}

func TestSampleSeesThisProcess(t *testing.T) {
	before, err := sample(os.Getpid(), "zdc-chaos-sample")
	require.NoError(t, err)
	assert.Positive(t, before.Descriptors)
	assert.Positive(t, before.Threads)
	assert.Positive(t, before.Kibibytes)
	assert.Zero(t, before.Mappings)
	_, err = sample(1<<30, "x")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

// A server that does not notice that its client is gone, made of bytes.
func TestADeadClientThatIsNotNoticed(t *testing.T) {
	m := &match{name: "zdc-chaos-unnoticed", limits: Limits{Patience: 100 * time.Millisecond}, stats: &Stats{}}
	t.Cleanup(func() {
		left, err := segment.Leftovers(m.name)
		assert.NoError(t, errors.Join(err, segment.RemoveAll(left)))
	})
	var p segment.Peer
	require.NoError(t, p.Build(m.name, segment.Building{MetadataRequest: 16, Payload: 1024, Mode: 0o600}))
	defer func() { assert.NoError(t, p.Crash()) }()
	require.NoError(t, p.Set("request.writer_pid", 0, 77))
	assert.ErrorIs(t, m.noticed(time.Now()), errHung)
	require.NoError(t, p.Set("request.writer_pid", 0, 0))
	assert.ErrorContains(t, m.noticed(time.Now().Add(-time.Second)), "noticing the dead client took")
	assert.NoError(t, m.noticed(time.Now()))
	assert.GreaterOrEqual(t, m.stats.Counts.WorstSeen, 1000.0)
}
