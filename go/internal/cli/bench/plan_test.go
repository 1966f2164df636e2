package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// twoLanguages are folders with programs that do nothing: enough to plan with.
func twoLanguages(t *testing.T) string {
	folder := t.TempDir()
	for _, program := range []string{"go/bench-server", "go/bench-client", "cpp/bench-server", "cpp/bench-client"} {
		path := filepath.Join(folder, program)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755))
	}
	return folder
}

func TestPlan(t *testing.T) {
	o := options{kind: "rtt", passes: 2, inflight: "1,4", peers: twoLanguages(t), sizes: "64,1000", waits: "spin,block", cpus: "1,0"}
	p, err := o.plan()
	require.NoError(t, err)
	spin, both := limits{line: true}, limits{line: true, semaphore: true}
	assert.Equal(t, []setting{
		{size: 64, inflight: 1, count: 20000, warmup: 2000, wait: "spin", touch: "none", limits: spin},
		{size: 64, inflight: 4, count: 20000, warmup: 2000, wait: "spin", touch: "none", limits: spin},
		{size: 1000, inflight: 1, count: 20000, warmup: 2000, wait: "spin", touch: "none", limits: spin},
		{size: 1000, inflight: 4, count: 20000, warmup: 2000, wait: "spin", touch: "none", limits: spin},
		{size: 64, inflight: 1, count: 20000, warmup: 2000, wait: "block", touch: "none", limits: both},
		{size: 64, inflight: 4, count: 20000, warmup: 2000, wait: "block", touch: "none", limits: both},
		{size: 1000, inflight: 1, count: 20000, warmup: 2000, wait: "block", touch: "none", limits: both},
		{size: 1000, inflight: 4, count: 20000, warmup: 2000, wait: "block", touch: "none", limits: both},
	}, p.settings)
	assert.Len(t, p.pairs, 4)
	assert.Equal(t, placement{client: 1, server: 0}, p.place)

	o = options{kind: "frames", passes: 1, inflight: "1", peers: o.peers, pairs: "go/cpp"}
	p, err = o.plan()
	require.NoError(t, err)
	assert.Equal(t, []setting{
		{size: 3110416, inflight: 1, count: 643, warmup: 64, wait: "hybrid", touch: "fill", threads: !p.place.same(), limits: limits{line: !p.place.same(), semaphore: p.place.same()}},
		{size: 3110416, inflight: 1, count: 643, warmup: 64, wait: "hybrid", touch: "all", threads: !p.place.same(), limits: limits{line: !p.place.same(), semaphore: p.place.same()}},
	}, p.settings)
	require.Len(t, p.pairs, 1)
	assert.Equal(t, "go", p.pairs[0].client)
	assert.Equal(t, "cpp", p.pairs[0].server)

	o = options{kind: "dual", passes: 1, inflight: "2", peers: o.peers, touch: "page", cpus: "-1,-1"}
	p, err = o.plan()
	require.NoError(t, err)
	assert.Equal(t, []setting{
		{size: 3110416, inflight: 2, count: 643, warmup: 64, wait: "hybrid", touch: "page", dual: true, limits: spin},
		{size: 25000000, inflight: 2, count: 100, warmup: 10, wait: "hybrid", touch: "page", dual: true, limits: spin},
	}, p.settings)
	assert.GreaterOrEqual(t, p.place.threads, 0, "the helper has a CPU of its own even when the others have none")
}

func TestOneCPUForBothHasNoSpinners(t *testing.T) {
	for _, kind := range []string{"rtt", "frames"} {
		p, err := options{kind: kind, passes: 1, inflight: "1", peers: twoLanguages(t), sizes: "64", cpus: "same"}.plan()
		require.NoError(t, err)
		assert.Equal(t, p.place.client, p.place.server)
		for _, s := range p.settings {
			assert.NotEqual(t, "spin", s.wait)
			assert.False(t, s.threads)
			assert.Equal(t, limits{semaphore: true}, s.limits)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	folder := twoLanguages(t)
	for want, o := range map[string]options{
		`"speed" is not one of rtt, frames, dual`:       {kind: "speed"},
		"--passes must be at least 1":                   {kind: "rtt"},
		`--sizes: "x" is no number of at least 0`:       {kind: "rtt", sizes: "64,x"},
		`--inflight: "0" is no number of at least 1`:    {kind: "rtt", inflight: "0"},
		`wait "doze" is not one of spin, hybrid, block`: {kind: "rtt", waits: "doze"},
		`touch "some" is not one of none, fill`:         {kind: "frames", touch: "fill,some"},
		"rtt measures with --touch [none], not all":     {kind: "rtt", touch: "all"},
		"dual measures with --touch [fill page all]":    {kind: "dual", touch: "none"},
		`--cpus wants two numbers or same, "0" has 1`:   {kind: "rtt", cpus: "0"},
		`--cpus: "-2" is no number of at least -1`:      {kind: "rtt", cpus: "0,-2"},
		`--pairs: there is no pair "go/rust"`:           {kind: "rtt", pairs: "go/rust"},
		"run `make peers`":                              {kind: "rtt", peers: filepath.Join(folder, "none")},
		`--outside: "x" is not NAME=FOLDER`:             {kind: "rtt", outside: "x"},
	} {
		if !strings.Contains(want, "passes") {
			o.passes = 1
		}
		if o.inflight == "" {
			o.inflight = "1"
		}
		if o.peers == "" {
			o.peers = folder
		}
		_, err := o.plan()
		assert.ErrorContains(t, err, want)
	}
}
