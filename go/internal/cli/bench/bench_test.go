package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/protocol"
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
	o := options{kind: "rtt", passes: 2, inflight: "1,4", peers: twoLanguages(t), sizes: "64,1000", waits: "spin", cpus: "1,0"}
	p, err := o.plan()
	require.NoError(t, err)
	assert.Equal(t, []setting{
		{size: 64, inflight: 1, count: 20000, warmup: 2000, wait: "spin", touch: "none"},
		{size: 64, inflight: 4, count: 20000, warmup: 2000, wait: "spin", touch: "none"},
		{size: 1000, inflight: 1, count: 20000, warmup: 2000, wait: "spin", touch: "none"},
		{size: 1000, inflight: 4, count: 20000, warmup: 2000, wait: "spin", touch: "none"},
	}, p.settings)
	assert.Len(t, p.pairs, 4)
	assert.Equal(t, [2]int{1, 0}, [2]int{p.clientCPU, p.serverCPU})

	o = options{kind: "frames", passes: 1, inflight: "1", peers: o.peers, pairs: "go/cpp"}
	p, err = o.plan()
	require.NoError(t, err)
	assert.Equal(t, []setting{{size: 3110416, inflight: 1, count: 400, warmup: 40, wait: "hybrid", touch: "page", threads: true}}, p.settings)
	require.Len(t, p.pairs, 1)
	assert.Equal(t, "go", p.pairs[0].client)
	assert.Equal(t, "cpp", p.pairs[0].server)

	o = options{kind: "dual", passes: 1, inflight: "2", peers: o.peers}
	p, err = o.plan()
	require.NoError(t, err)
	assert.Equal(t, []setting{
		{size: 3110416, inflight: 2, count: 400, warmup: 40, wait: "hybrid", touch: "page", dual: true},
		{size: 25000000, inflight: 2, count: 400, warmup: 40, wait: "hybrid", touch: "page", dual: true},
	}, p.settings)
}

func TestPlanRefuses(t *testing.T) {
	folder := twoLanguages(t)
	for want, o := range map[string]options{
		`"speed" is not one of rtt, frames, dual`:       {kind: "speed"},
		"--passes must be at least 1":                   {kind: "rtt"},
		`--sizes: "x" is no number of at least 0`:       {kind: "rtt", sizes: "64,x"},
		`--inflight: "0" is no number of at least 1`:    {kind: "rtt", inflight: "0"},
		`wait "doze" is not one of spin, hybrid, block`: {kind: "rtt", waits: "doze"},
		`--cpus wants two numbers, "0" has 1`:           {kind: "rtt", cpus: "0"},
		`--cpus: "-2" is no number of at least -1`:      {kind: "rtt", cpus: "0,-2"},
		`--pairs: there is no pair "go/rust"`:           {kind: "rtt", pairs: "go/rust"},
		"run `make peers`":                              {kind: "rtt", peers: filepath.Join(folder, "none")},
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

func TestMediansOverThePasses(t *testing.T) {
	var passes []figures
	for _, c := range []benchproto.ClientResult{
		{P50NS: 300, P99NS: 900, LimitP50NS: 100, ThreadsP50NS: 150},
		{P50NS: 100, P99NS: 500, LimitP50NS: 120, ThreadsP50NS: 50},
		{P50NS: 200, P99NS: 700, LimitP50NS: 80, ThreadsP50NS: 100},
	} {
		passes = append(passes, figures{ClientResult: c, dual: benchproto.ClientResult{P50NS: 2 * c.P50NS, P99NS: 2 * c.P99NS}, shm: 101, dualShm: 200})
	}
	r := series{pair: pair{client: "go", server: "cpp"}, setting: setting{size: 64, wait: "spin", inflight: 1, count: 10, touch: "none"}, passes: passes}.combine()
	assert.Equal(t, Result{Client: "go", Server: "cpp", Size: 64, Wait: "spin", Inflight: 1, Touch: "none", Samples: 10, P50NS: 200, P99NS: 700, LimitP50NS: 100,
		RatioToLimit: 2, ThreadsP50NS: 100, RatioToThreads: 2, DualP50NS: 400, DualP99NS: 1400, RatioToDual: 0.5}, r)
	r = series{setting: setting{dual: true}, passes: passes}.combine()
	assert.Equal(t, []any{int64(101), int64(200), 0.505}, []any{r.ShmBytes, r.DualShmBytes, r.ShmRatio})
	assert.Equal(t, 0.333, ratio(1, 3))
	assert.Zero(t, ratio(1, 0))
}

func TestReport(t *testing.T) {
	d := Document{SchemaVersion: SchemaVersion, Kind: "frames", Host: describeHost(0, 1), Passes: 3,
		Results: []Result{{Client: "go", Server: "cpp", Size: 3110416, Wait: "hybrid", Inflight: 1, P50NS: 250_000, P99NS: 300_000, LimitP50NS: 90, RatioToLimit: 2777.8, ThreadsP50NS: 240_000, RatioToThreads: 1.042}}}
	file := filepath.Join(t.TempDir(), "bench.json")
	var text, encoded strings.Builder
	require.NoError(t, options{file: file}.report(d, &text))
	for _, want := range []string{"3,110,416", "250 µs", "90 ns", "two threads", "1.04", "client on CPU 0"} {
		assert.Contains(t, text.String(), want)
	}
	require.NoError(t, options{json: true}.report(d, &encoded))
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, encoded.String(), string(written))
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(written, &decoded))
	assert.EqualValues(t, 1, decoded["schema_version"])
	result := decoded["results"].([]any)[0].(map[string]any)
	for _, key := range []string{"client", "server", "size", "wait", "inflight", "p50_ns", "p99_ns", "limit_p50_ns", "ratio_to_limit"} {
		assert.Contains(t, result, key)
	}
	assert.Error(t, options{file: filepath.Join(file, "below")}.report(d, &text))
}

func TestReportOfTwoBuffers(t *testing.T) {
	d := Document{Kind: "dual", Results: []Result{{P50NS: 100, DualP50NS: 200, RatioToDual: 0.5, ShmBytes: 6_221_000, DualShmBytes: 12_441_000, ShmRatio: 0.5001}}}
	var text strings.Builder
	require.NoError(t, options{}.report(d, &text))
	for _, want := range []string{"two buffers", "200 ns", "0.50", "6,221,000", "12,441,000", "0.5001"} {
		assert.Contains(t, text.String(), want)
	}
}

func TestMemoryOfAChannelIsAllOfItsFiles(t *testing.T) {
	for protocolName, files := range map[string]int{protocol.InPlace: 5, protocol.Dual: 6} {
		channel := fmt.Sprintf("zd-bench-test-%d", os.Getpid())
		paths := protocol.Paths(protocolName, channel)
		require.Len(t, paths, files)
		for i, path := range paths {
			_, complete := channelBytes(channel, protocolName)
			assert.False(t, complete, "%d of %d files", i, files)
			require.NoError(t, os.WriteFile(path, make([]byte, 10), 0o600))
			t.Cleanup(func() { _ = os.Remove(path) })
		}
		bytes, complete := channelBytes(channel, protocolName)
		assert.True(t, complete)
		assert.EqualValues(t, 10*files, bytes)
		// Its first look may come after the moment it is told to stop.
		assert.Eventually(t, func() bool { return watchMemory(channel, protocolName)() == int64(10*files) }, 10*time.Second, time.Millisecond)
	}
}

func TestWorkIsChecked(t *testing.T) {
	for _, touch := range []benchproto.Touch{benchproto.TouchNone, benchproto.TouchPage, benchproto.TouchAll} {
		for _, size := range []int{0, 1, 8, 4096, 4097, 10_000} {
			data := make([]byte, size)
			w := filler{touch: touch}
			w.fill(data, 258)
			invert(data, touch)
			assert.NoError(t, w.check(data, 258), "%s, %d bytes", touch, size)
			if size > 0 && touch != benchproto.TouchNone {
				data[0]++
				assert.ErrorContains(t, w.check(data, 258), "byte 0 of frame 258 is 254, expected 253")
			}
		}
	}
}

func TestThreadsDoTheSameWork(t *testing.T) {
	cpus, err := allowedCPUs()
	require.NoError(t, err)
	threads, err := startThreads(10_000, cpus[len(cpus)-1], benchproto.TouchPage)
	require.NoError(t, err)
	defer threads.stop()
	var samples []int64
	for range 3 {
		samples, err = threads.block(50, benchproto.NewClock(), samples)
		require.NoError(t, err)
	}
	assert.Len(t, samples, 3*49)

	_, err = startThreads(64, 1<<10-1, benchproto.TouchPage)
	assert.ErrorContains(t, err, "pinning to CPU 1023")
}

func TestPeersRefuseWrongArguments(t *testing.T) {
	for _, args := range [][]string{{"--wait", "doze"}, {"--touch", "some"}, {"--inflight", "0"}, {"--size", "-1"}, {"surplus"}} {
		var stderr strings.Builder
		assert.Equal(t, flags.Usage, RunServer(t.Context(), args, &stderr, &stderr), args)
		assert.Equal(t, flags.Usage, RunClient(t.Context(), args, &stderr, &stderr), args)
	}
	var stderr strings.Builder
	assert.Equal(t, flags.Usage, RunClient(t.Context(), []string{"--count", "0"}, &stderr, &stderr))
	assert.Equal(t, flags.Failed, RunServer(t.Context(), []string{"--name", "x", "--limit-object", "/missing"}, &stderr, &stderr))
	assert.Contains(t, stderr.String(), "opening the benchmark's control file")
}
