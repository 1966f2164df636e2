package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
)

func run(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = Run(context.Background(), args, &out, &err)
	return code, out.String(), err.String()
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "usage:"},
		{[]string{"jump"}, `unknown command "jump"`},
		{[]string{"run", "--fast"}, "fast"},
		{[]string{"run", "extra"}, `unexpected argument "extra"`},
		{[]string{"run", "--jobs", "0"}, "-jobs"},
		{[]string{"run", "--agent", "rust"}, "language=path"},
		{[]string{"run", "--run", "no/such-case"}, "matches no case"},
		{[]string{"run", "--known", "/nonexistent"}, "/nonexistent"},
		{[]string{"run", "--suites", "/nonexistent"}, "matches no case"},
	} {
		code, _, stderr := run(c.args...)
		assert.Equal(t, exitUsage, code, c.args)
		assert.Contains(t, stderr, c.says, c.args)
	}
	code, stdout, _ := run("help")
	assert.Equal(t, exitGreen, code)
	assert.Contains(t, stdout, "usage:")
}

func TestListSelects(t *testing.T) {
	code, all, _ := run("list")
	require.Equal(t, exitGreen, code)
	assert.GreaterOrEqual(t, strings.Count(all, "\n"), MinimumCases)
	_, some, _ := run("list", "--run", "ring/* pauses/*", "--skip", "ring/random*")
	assert.Contains(t, some, "ring/full\n")
	assert.Contains(t, some, "pauses/paused-client\n")
	assert.NotContains(t, some, "ring/random")
	assert.NotContains(t, some, "layout/")
}

// goAgent builds the real agent of the Go SDK.
func goAgent(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "go", "agent")
	out, err := exec.Command("go", "build", "-o", path, "../../agents/go").CombinedOutput()
	require.NoError(t, err, string(out))
	return path
}

func TestRunEndsWithTheSum(t *testing.T) {
	agent := goAgent(t)
	out := t.TempDir()
	arguments := []string{
		"run", "--languages", "go,rust", "--agents", filepath.Dir(filepath.Dir(agent)), "--agent", "rust=" + agent, "--run", "layout/offsets names/invalid*",
		"--out", out, "--seed", "5",
	}
	code, stdout, stderr := run(arguments...)
	assert.Equal(t, exitGreen, code, stdout+stderr)
	assert.True(t, strings.HasSuffix(stdout, "\n48 passed, 0 failed\n"), stdout)
	content, err := os.ReadFile(filepath.Join(out, "report.json"))
	require.NoError(t, err)
	var r report.Report
	require.NoError(t, json.Unmarshal(content, &r))
	assert.True(t, r.Green)
	assert.Equal(t, uint64(5), r.Seed)
	assert.Equal(t, report.Counts{Pass: 12}, r.Pairs["rust->go"])
	for _, rec := range r.Records {
		require.NotEmpty(t, rec.Logs)
		for _, path := range rec.Logs {
			assert.FileExists(t, filepath.Join(out, path))
		}
	}
	code, page, _ := run("page", filepath.Join(out, "report.json"))
	assert.Equal(t, exitGreen, code)
	onDisk, err := os.ReadFile(filepath.Join(out, "index.html"))
	require.NoError(t, err)
	assert.Equal(t, string(onDisk), page)
	code, _, _ = run("page", "/nonexistent")
	assert.Equal(t, exitRed, code)
}

func TestMissingAgentIsRed(t *testing.T) {
	agent := goAgent(t)
	code, stdout, _ := run("run", "--agents", filepath.Dir(filepath.Dir(agent)), "--run", "layout/offsets", "--out", t.TempDir())
	assert.Equal(t, exitRed, code)
	assert.Contains(t, stdout, "\n1 passed, 18 failed\n", "15 pairs not run and 3 agents missing")
}
