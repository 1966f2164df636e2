package page

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/document"
)

func results() (list []document.Result) {
	bytes := int64(24_000)
	for i, size := range []int{64, 1 << 20, 25_000_000} {
		scale := int64(1) << (4 * i)
		for j, pair := range [][2]string{{"go", "go"}, {"go", "cpp"}, {"cpp", "cpp"}} {
			list = append(list, document.Result{Client: pair[0], Server: pair[1], Size: size, Wait: "hybrid", Inflight: 1, Touch: "fill", Samples: 1000, P50NS: int64(1000*(j+1)) * scale,
				P99NS: 9000 * scale, LimitP50NS: 100, RatioToLimit: 12.34, MemcpyP50NS: 500 * scale, ThreadsP50NS: 900 * scale, RatioToThreads: 1.07,
				ClientUsage: &benchproto.Usage{CPUNS: 7_000_000, AllocatedBytes: &bytes, RanOn: []int{0}}, ServerUsage: &benchproto.Usage{RanOn: []int{0, 1}}})
		}
		list = append(list, document.Result{Client: "a<b", Server: "a<b", Outside: true, Size: size, Wait: "hybrid", Inflight: 1, Touch: "fill", Samples: 1000, P50NS: 5000 * scale, P99NS: 9900 * scale})
	}
	list = append(list, document.Result{Client: "broken", Server: "broken", Outside: true, Size: 64, Wait: "hybrid", Inflight: 1, Touch: "fill", Failed: "it died"})
	return append(list, document.Result{Client: "other", Server: "other", Outside: true, Size: 64, Wait: "hybrid", Inflight: 1, Touch: "fill", Unsupported: "no such & wait"})
}

func write(t *testing.T, folder, name string, d document.Document) {
	encoded, err := json.Marshal(d)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, name), encoded, 0o644))
}

func measured(t *testing.T) (folder string) {
	folder = t.TempDir()
	host := document.Host{CPU: "A CPU", CPUs: 2, Kernel: "6.1", GoVersion: "go1", Arch: "amd64", ClientCPU: 0, ServerCPU: 1}
	write(t, folder, "work.json", document.Document{SchemaVersion: document.SchemaVersion, Kind: "frames", Date: time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC),
		Command: "zeroduplex bench frames --passes 3", Host: host, Passes: 3, Results: results()})
	return folder
}

func page(t *testing.T, folder string) string {
	out := filepath.Join(t.TempDir(), "index.html")
	var stdout, stderr strings.Builder
	require.Equal(t, 0, Run([]string{folder, "--out", out}, &stdout, &stderr), stderr.String())
	assert.Contains(t, stdout.String(), "shows 1 benchmarks")
	content, err := os.ReadFile(out)
	require.NoError(t, err)
	return string(content)
}

func TestThePageShowsWhatTheFilesSay(t *testing.T) {
	html := page(t, measured(t))
	for _, want := range []string{"A CPU, 2 CPUs, kernel 6.1", "2030-01-02 03:04:05", "zeroduplex bench frames --passes 3", "client on CPU 0, server on CPU 1", "fill all, answer with 8 bytes, wait hybrid, 1 in flight",
		"Go → C&#43;&#43;", "a&lt;b", "12.34", "1.07", "7.00 µs", "24.0", "0 | 0,1", "Unsupported: other, 64 bytes: no such &amp; wait", "Failed: broken, 64 bytes: it died", "64 bytes: client, server"} {
		assert.True(t, strings.Contains(html, want), want)
	}
	assert.NotContains(t, html, "ZgotmplZ", "the template refused something")
}

func TestThePageLoadsNothing(t *testing.T) {
	html := page(t, measured(t))
	for _, loading := range []string{"src=", "url(", "@import", "<link", "<script", "http://", "https://"} {
		assert.False(t, strings.Contains(html, loading), loading)
	}
	for _, address := range regexp.MustCompile(`href="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		assert.True(t, strings.HasPrefix(address[1], "#"), address[1])
	}
}

func TestPlotsAreWellFormedAndInsideTheirFrame(t *testing.T) {
	plots := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page(t, measured(t)), -1)
	require.Len(t, plots, 1)
	type circle struct {
		X float64 `xml:"cx,attr"`
		Y float64 `xml:"cy,attr"`
	}
	type drawn struct {
		Lines []struct {
			Name    string   `xml:"text"`
			Circles []circle `xml:"circle"`
		} `xml:"g"`
	}
	var d drawn
	require.NoError(t, xml.Unmarshal([]byte(plots[0]), &d))
	var names []string
	for _, line := range d.Lines {
		names = append(names, line.Name)
		require.Len(t, line.Circles, 3)
		for i, c := range line.Circles {
			assert.True(t, c.X > left && c.X < plotWidth-right && c.Y >= top && c.Y <= plotHeight-bottom, "%s: %v", line.Name, c)
			if i > 0 {
				assert.Greater(t, c.X, line.Circles[i-1].X)
				assert.Less(t, c.Y, line.Circles[i-1].Y, "more time is higher")
			}
		}
	}
	assert.Equal(t, []string{"Go", "C++", "a<b", "one copy", "two threads"}, names, "crossed languages are in the table only")
}

func TestNamesDoNotCoverEachOther(t *testing.T) {
	p := &plot{Top: top, Bottom: plotHeight - bottom}
	for range 12 {
		p.Lines = append(p.Lines, line{NameY: top})
	}
	p.spreadNames()
	for i := range p.Lines {
		for j := range i {
			assert.GreaterOrEqual(t, max(p.Lines[i].NameY-p.Lines[j].NameY, p.Lines[j].NameY-p.Lines[i].NameY), 13.9)
		}
		assert.GreaterOrEqual(t, p.Lines[i].NameY, top)
		assert.LessOrEqual(t, p.Lines[i].NameY, p.Bottom)
	}
}

func TestOneSizeIsNoPlot(t *testing.T) {
	assert.Nil(t, newPlot("rtt", []document.Result{{Client: "go", Server: "go", Size: 64, Samples: 1, P50NS: 10}, {Client: "go", Server: "go", Size: 0, Samples: 1, P50NS: 10}}))
}

func TestNamesOfSizesAndTimes(t *testing.T) {
	for size, want := range map[int]string{64: "64 B", 4096: "4 KiB", 1 << 20: "1 MiB", 3_110_416: "3.1 MB", 25_000_000: "25 MB", 5000: "5000 B"} {
		assert.Equal(t, want, bytesName(size))
	}
	for ns, want := range map[float64]string{10: "10 ns", 1e3: "1 µs", 1e5: "100 µs", 1e7: "10 ms", 1e9: "1 s"} {
		assert.Equal(t, want, wholeDuration(ns))
	}
}

func TestWhatCannotBeShown(t *testing.T) {
	broken := func(content string) string {
		folder := measured(t)
		require.NoError(t, os.WriteFile(filepath.Join(folder, "other.json"), []byte(content), 0o644))
		return folder
	}
	for want, args := range map[string][]string{
		"there is no JSON file in":               {t.TempDir(), "--out", "x"},
		"other.json: unexpected end of JSON":     {broken("{"), "--out", "x"},
		"schema version 1, this program reads 2": {broken(`{"schema_version":1}`), "--out", "x"},
		"other.json has no results":              {broken(`{"schema_version":2}`), "--out", "x"},
		"--out is missing":                       {measured(t)},
		"DIR is missing":                         {"--out", "x"},
		"no such file or directory":              {measured(t), "--out", filepath.Join(t.TempDir(), "none", "x")},
	} {
		var stdout, stderr strings.Builder
		assert.NotZero(t, Run(args, &stdout, &stderr))
		assert.Contains(t, stderr.String(), want)
		assert.Empty(t, stdout.String())
	}
	_, err := Make(nil)
	assert.ErrorContains(t, err, "no benchmarks")
}
