package interop

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/document"
)

// benchOnce measures a few frames of everything that args ask for.
func benchOnce(t *testing.T, args ...string) document.Document {
	code, stdout, stderr := zeroduplex(append([]string{"bench", "--json", "--passes", "1", "--count", "5", "--peers", *peerFolder}, args...)...)
	require.Equal(t, 0, code, stderr)
	var d document.Document
	require.NoError(t, json.Unmarshal([]byte(stdout), &d))
	assert.Equal(t, document.SchemaVersion, d.SchemaVersion)
	assert.Contains(t, d.Command, args[0])
	for _, r := range d.Results {
		assert.Positive(t, r.P50NS)
		assert.GreaterOrEqual(t, r.P99NS, r.P50NS)
		assert.GreaterOrEqual(t, r.P999NS, r.P99NS)
		assert.Positive(t, r.PerSecond)
		if r.Size > 1000 {
			assert.Positive(t, r.MemcpyP50NS)
		}
		canTell := func(language string) bool { return language == "go" || language == "csharp" }
		assert.Equal(t, canTell(r.Client), r.ClientUsage.AllocatedBytes != nil, r.Client)
		assert.Equal(t, canTell(r.Server), r.ServerUsage.AllocatedBytes != nil, r.Server)
		assert.NotEmpty(t, r.ClientUsage.RanOn)
		assert.NotEmpty(t, r.ServerUsage.RanOn)
		assert.Positive(t, r.ClientUsage.CPUNS)
		assert.Positive(t, r.ServerUsage.CPUNS)
		require.NotNil(t, r.ShmBytes)
		assert.Greater(t, *r.ShmBytes, int64(r.Inflight*r.Size))
		require.NotNil(t, r.CopiedBytes)
		for _, u := range []*benchproto.Usage{r.ClientUsage, r.ServerUsage} {
			require.NotNil(t, u.SharedBytes)
			assert.Positive(t, *u.SharedBytes)
		}
	}
	return d
}

// namedCircle names pairs in which every language is client and server once.
func namedCircle(t *testing.T) (list string, pairs int) {
	found := languages(t)
	var named []string
	for i, client := range found {
		named = append(named, client.Name+"/"+found[(i+1)%len(found)].Name)
	}
	return strings.Join(named, ","), len(named)
}

func TestBenchMeasuresEveryPairOfLanguages(t *testing.T) {
	pairs := len(languages(t)) * len(languages(t))
	require.Len(t, benchOnce(t, "rtt", "--sizes", "64", "--waits", "hybrid").Results, pairs)
	d := benchOnce(t, "frames", "--sizes", "100001", "--touch", "all")
	require.Len(t, d.Results, pairs)
	for _, r := range d.Results {
		assert.Equal(t, d.Host.ClientCPU != d.Host.ServerCPU, r.ThreadsP50NS > 0)
		assert.Zero(t, *r.CopiedBytes)
	}
}

func TestBenchMeasuresEverySetting(t *testing.T) {
	named, pairs := namedCircle(t)
	for _, r := range benchOnce(t, "rtt", "--pairs", named, "--sizes", "0,5000", "--waits", "block", "--inflight", "1,3").Results {
		assert.Positive(t, r.LimitSemaphoreP50NS)
		assert.Positive(t, r.RatioToSemaphore)
	}
	require.Len(t, benchOnce(t, "frames", "--pairs", named, "--sizes", "100003", "--touch", "fill,page").Results, 2*pairs)
	for _, r := range benchOnce(t, "dual", "--pairs", named, "--sizes", "100000", "--touch", "fill").Results {
		require.NotNil(t, r.Dual)
		assert.Positive(t, r.Dual.P50NS)
		assert.Positive(t, r.Dual.ClientUsage.CPUNS)
		assert.EqualValues(t, r.Size, *r.Dual.CopiedBytes)
		// What is mapped holds one frame, or two, and no more than there is, in whole pages; each semaphore takes one.
		inPlace := *r.ClientUsage.SharedBytes + *r.ServerUsage.SharedBytes
		two := *r.Dual.ClientUsage.SharedBytes + *r.Dual.ServerUsage.SharedBytes
		assert.GreaterOrEqual(t, inPlace, int64(r.Size))
		assert.LessOrEqual(t, inPlace, *r.ShmBytes+6*4096)
		assert.GreaterOrEqual(t, two, int64(2*r.Size))
		assert.LessOrEqual(t, two, r.Dual.ShmBytes+10*4096)
		assert.InDelta(t, 0.5, r.Dual.ShmRatio, 0.005, "%d of %d bytes", *r.ShmBytes, r.Dual.ShmBytes)
	}
}

func TestBenchOnOneCPUAndOnAny(t *testing.T) {
	named, pairs := namedCircle(t)
	d := benchOnce(t, "rtt", "--pairs", named, "--sizes", "64", "--cpus", "same", "--waits", "block")
	require.Len(t, d.Results, pairs)
	for _, r := range d.Results {
		assert.Equal(t, []int{d.Host.ClientCPU}, r.ClientUsage.RanOn)
		assert.Equal(t, r.ClientUsage.RanOn, r.ServerUsage.RanOn)
		assert.Zero(t, r.LimitP50NS)
		assert.Positive(t, r.LimitSemaphoreP50NS)
	}
	for _, r := range benchOnce(t, "rtt", "--pairs", named, "--sizes", "64", "--cpus", "same", "--waits", "spin", "--count", "50").Results {
		// Who never yields uses up its time slice, milliseconds, before the other side comes to its turn. Processor time, because that of others
		// does not count.
		for _, u := range []*benchproto.Usage{r.ClientUsage, r.ServerUsage} {
			assert.Less(t, time.Duration(u.CPUNS)/50, 500*time.Microsecond, "%s to %s, %s", r.Client, r.Server, r.Wait)
		}
	}
	folder := t.TempDir()
	d = benchOnce(t, "rtt", "--pairs", "go/cpp", "--sizes", "64", "--cpus", "-1,-1", "--waits", "hybrid,block", "--out", filepath.Join(folder, "any.json"))
	require.Len(t, d.Results, 2)
	assert.Equal(t, -1, d.Host.ClientCPU)

	code, stdout, stderr := zeroduplex("bench", "report", folder, "--out", filepath.Join(folder, "index.html"))
	require.Equal(t, 0, code, stderr)
	assert.Contains(t, stdout, "shows 1 benchmarks")
	page, err := os.ReadFile(filepath.Join(folder, "index.html"))
	require.NoError(t, err)
	assert.Contains(t, string(page), "client on any CPU, server on any CPU")
}
