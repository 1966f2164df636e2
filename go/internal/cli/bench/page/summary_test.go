package page

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/document"
)

// summarized runs the command for a Markdown file that has the content and returns its exit code, what the file has then, and the errors.
func summarized(t *testing.T, content, of string) (code int, after, complaint string) {
	folder := measured(t)
	file := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
	var stdout, stderr strings.Builder
	code = Run([]string{folder, "--out", filepath.Join(t.TempDir(), "index.html"), "--summary", file, "--of", of}, &stdout, &stderr)
	read, err := os.ReadFile(file)
	require.NoError(t, err)
	return code, string(read), stderr.String()
}

func TestTheSummaryReplacesTheOneBefore(t *testing.T) {
	code, after, complaint := summarized(t, "before\n"+summaryBegins+"\nold\n"+summaryEnds+"\nafter\n", "work")
	require.Equal(t, 0, code, complaint)
	assert.True(t, strings.HasPrefix(after, "before\n"+summaryBegins+"\n**Work on frames.** `zeroduplex bench frames --passes 3`, 2030-01-02; A CPU, 2 CPUs"), after)
	assert.True(t, strings.HasSuffix(after, "\n"+summaryEnds+"\nafter\n"), after)
	for _, line := range []string{
		"| | 64 B, fill | 1,048,576 B, fill | 25,000,000 B, fill |",
		"| Go | 1.00 µs / 1.07 |",
		"| C++ | 3.00 µs / 1.07 |",
		"| a<b | 5.00 µs |",
		"| broken | – | – | – |",
	} {
		assert.Contains(t, after, line)
	}
	assert.NotContains(t, after, "old")
	assert.NotContains(t, after, "→", "pairs of two languages are the page's")
}

func TestTheSummaryIsOfTheBestWait(t *testing.T) {
	result := func(wait string, ns int64) document.Result {
		return document.Result{Client: "go", Server: "go", Size: 64, Wait: wait, Inflight: 1, Touch: "none", P50NS: ns, RatioToLimit: float64(ns) / 100}
	}
	many := result("spin", 10)
	many.Inflight = 16
	summary, err := Summary([]File{{"rtt", document.Document{Kind: "rtt", Results: []document.Result{result("block", 9000), result("spin", 250), result("hybrid", 300), many}}}}, []string{"rtt"})
	require.NoError(t, err)
	assert.Contains(t, summary, "| | 64 B |\n|---|---:|\n| Go | 250 ns / 2.50 |\n")
}

func TestTheSummaryOfTwoBuffersIsTheirRatios(t *testing.T) {
	r := document.Result{Client: "cpp", Server: "cpp", Size: 64, Inflight: 1, Touch: "fill", P50NS: 50, Dual: &document.DualResult{P50NS: 100, Ratio: 0.5, ShmRatio: 0.5011}}
	d := document.Document{Kind: "dual", Command: "zeroduplex bench dual --outside a=/some/where,b=/else --passes 1", Results: []document.Result{r, {Client: "other", Server: "other", Outside: true, Size: 64, Inflight: 1, Touch: "fill", P50NS: 70}}}
	summary, err := Summary([]File{{"dual", d}}, []string{"dual"})
	require.NoError(t, err)
	assert.NotContains(t, summary, "other")
	assert.Contains(t, summary, "`zeroduplex bench dual --outside … --passes 1`")
	assert.Contains(t, summary, "| C++ | 0.50, 0.501 |")
}

func TestTheSummaryNeedsAPlaceAndAFile(t *testing.T) {
	for content, of := range map[string]string{"no place\n": "work", summaryEnds + summaryBegins + "\n": "work", summaryBegins + "\n" + summaryEnds: "missing"} {
		code, after, complaint := summarized(t, content, of)
		assert.Equal(t, 1, code)
		assert.Equal(t, content, after, "the file is left as it was")
		if of == "missing" {
			assert.Contains(t, complaint, "there is no missing.json among the results")
		} else {
			assert.Contains(t, complaint, "no place for a summary")
		}
	}
}

func TestTheSummaryIsRefusedWithoutBothOfItsFlagsAndWithoutItsFile(t *testing.T) {
	for _, c := range []struct {
		flags []string
		code  int
		want  string
	}{
		{[]string{"--summary", "README.md"}, 2, "--summary and --of go together"},
		{[]string{"--of", "work"}, 2, "--summary and --of go together"},
		{[]string{"--summary", filepath.Join(t.TempDir(), "missing.md"), "--of", "work"}, 1, "no such file"},
	} {
		var stdout, stderr strings.Builder
		assert.Equal(t, c.code, Run(append([]string{measured(t), "--out", filepath.Join(t.TempDir(), "index.html")}, c.flags...), &stdout, &stderr), c.flags)
		assert.Contains(t, stderr.String(), c.want)
		assert.Empty(t, stdout.String())
	}
}
