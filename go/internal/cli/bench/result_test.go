package bench

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/document"
)

func ptr(n int64) *int64 { return &n }

// threePasses are figures whose medians are those of the third.
func threePasses() (passes []figures) {
	for _, c := range []benchproto.ClientResult{
		{P50NS: 300, P99NS: 900, P999NS: 1000, LimitP50NS: 100, LimitSemaphoreP50NS: 50, ThreadsP50NS: 150, ElapsedNS: 10_000, MemcpyP50NS: 10,
			Client: &benchproto.Usage{CPUNS: 5, MinorFaults: 0, AllocatedBytes: ptr(7), RanOn: []int{1}}, Server: &benchproto.Usage{AllocatedBytes: ptr(1)}},
		{P50NS: 100, P99NS: 500, P999NS: 3000, LimitP50NS: 120, LimitSemaphoreP50NS: 70, ThreadsP50NS: 50, ElapsedNS: 1000, MemcpyP50NS: 20,
			Client: &benchproto.Usage{CPUNS: 7, MinorFaults: 0, AllocatedBytes: ptr(9), RanOn: []int{0, 1}}, Server: &benchproto.Usage{}},
		{P50NS: 200, P99NS: 700, P999NS: 2000, LimitP50NS: 80, LimitSemaphoreP50NS: 60, ThreadsP50NS: 100, ElapsedNS: 4000, MemcpyP50NS: 15, CopiedBytes: ptr(3),
			Client: &benchproto.Usage{CPUNS: 6, MinorFaults: 4, MajorFaults: 1, AllocatedBytes: ptr(8)}, Server: &benchproto.Usage{AllocatedBytes: ptr(1)}},
	} {
		twice := c
		twice.P50NS, twice.P99NS = 2*c.P50NS, 2*c.P99NS
		passes = append(passes, figures{measured: measured{ClientResult: c, shm: 101}, dual: measured{ClientResult: twice, shm: 200}})
	}
	return passes
}

func TestMediansOverThePasses(t *testing.T) {
	s := series{pair: pair{client: "go", server: "cpp"}, setting: setting{size: 64, wait: "spin", inflight: 1, count: 10, touch: "none"}, passes: threePasses()}
	client := benchproto.Usage{CPUNS: 6, AllocatedBytes: ptr(8), RanOn: []int{0, 1}}
	server := benchproto.Usage{RanOn: []int{}} // one pass does not know what was allocated
	assert.Equal(t, document.Result{Client: "go", Server: "cpp", Size: 64, Wait: "spin", Inflight: 1, Touch: "none", Samples: 10, P50NS: 200, P99NS: 700, P999NS: 2000,
		PerSecond: 2_500_000, LimitP50NS: 100, RatioToLimit: 2, LimitSemaphoreP50NS: 60, RatioToSemaphore: 3.333, MemcpyP50NS: 15, RatioToMemcpy: 13.333,
		ThreadsP50NS: 100, RatioToThreads: 2, ShmBytes: ptr(101), ClientUsage: &client, ServerUsage: &server}, s.combine())

	s.setting.dual = true
	assert.Equal(t, &document.DualResult{P50NS: 400, P99NS: 1400, P999NS: 2000, Ratio: 0.5, ShmBytes: 200, ShmRatio: 0.505, ClientUsage: &client, ServerUsage: &server}, s.combine().Dual)
	s.pair.outside = true
	assert.Nil(t, s.combine().Dual)
	s.passes[1].Server = nil
	assert.Nil(t, s.combine().ServerUsage)

	assert.Equal(t, 0.333, ratio(1, 3))
	assert.Zero(t, ratio(1, 0))
}

func TestReport(t *testing.T) {
	d := document.Document{SchemaVersion: document.SchemaVersion, Kind: "frames", Host: document.ThisHost(0, -1), Passes: 3,
		Results: []document.Result{{Client: "go", Server: "cpp", Size: 3110416, Wait: "hybrid", Inflight: 1, Samples: 10, P50NS: 250_000, P99NS: 300_000, P999NS: 310_000, PerSecond: 4001,
			LimitP50NS: 90, RatioToLimit: 2777.8, ThreadsP50NS: 240_000, RatioToThreads: 1.042, ClientUsage: &benchproto.Usage{CPUNS: 2_000_000}}}}
	file := filepath.Join(t.TempDir(), "bench.json")
	var text, encoded strings.Builder
	require.NoError(t, options{file: file}.report(d, &text))
	for _, want := range []string{"3,110,416", "250 µs", "310 µs", "4,001", "90 ns", "two threads", "1.04", "client on CPU 0, server on any CPU", "200 µs"} {
		assert.Contains(t, text.String(), want)
	}
	require.NoError(t, options{json: true}.report(d, &encoded))
	written, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, encoded.String(), string(written))
	var decoded map[string]any
	require.NoError(t, json.Unmarshal(written, &decoded))
	assert.EqualValues(t, 2, decoded["schema_version"])
	result := decoded["results"].([]any)[0].(map[string]any)
	for _, key := range []string{"client", "server", "size", "wait", "inflight", "p50_ns", "p99_ns", "p999_ns", "limit_p50_ns", "ratio_to_limit"} {
		assert.Contains(t, result, key)
	}
	for _, unknown := range []string{"server_usage", "shm_bytes", "copied_bytes"} {
		assert.Contains(t, result, unknown)
		assert.Nil(t, result[unknown])
	}
	assert.Error(t, options{file: filepath.Join(file, "below")}.report(d, &text))
}

func TestWhatCannotBeWrittenIsNotMeasured(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, options{}.prepare())
	file := filepath.Join(folder, "new", "bench.json")
	require.NoError(t, options{file: file}.prepare())
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Empty(t, entries, "a run that fails must leave no empty result")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, options{file: file}.prepare(), "it may be replaced")
	assert.Error(t, options{file: filepath.Join(file, "below.json")}.prepare())
	assert.Error(t, options{file: folder}.prepare())
}

func TestReportOfTwoBuffers(t *testing.T) {
	d := document.Document{Kind: "dual", Results: []document.Result{{P50NS: 100, ShmBytes: ptr(6_221_000), Dual: &document.DualResult{P50NS: 200, Ratio: 0.5, ShmBytes: 12_441_000, ShmRatio: 0.5001}}}}
	var text strings.Builder
	require.NoError(t, options{}.report(d, &text))
	for _, want := range []string{"two buffers", "200 ns", "0.50", "6,221,000", "12,441,000", "0.5001"} {
		assert.Contains(t, text.String(), want)
	}
}
