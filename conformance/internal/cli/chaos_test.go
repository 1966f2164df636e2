package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeroduplex/zeroduplex/conformance/internal/chaos"
)

func TestChaosUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--fast"}, "fast"},
		{[]string{"extra"}, `unexpected argument "extra"`},
		{[]string{"--protocol", "v1"}, "is not v2"},
		{[]string{"--allowance", "-1s"}, "must not be negative"},
		{[]string{"--pairs", "go"}, "want server/client"},
		{[]string{"--pairs", "go/rust"}, "is no pair of"},
		{[]string{"--rounds", "3"}, "less than one for each of 16 pairs"},
	} {
		code, _, stderr := run(append([]string{"chaos"}, c.args...)...)
		assert.Equal(t, exitUsage, code, c.args)
		assert.Contains(t, stderr, c.says, c.args)
	}
}

func TestChaosPlan(t *testing.T) {
	plans := func(args ...string) (all []chaos.Plan) {
		code, stdout, stderr := run(append([]string{"chaos", "--plan"}, args...)...)
		require.Equal(t, exitGreen, code, stderr)
		require.NoError(t, json.Unmarshal([]byte(stdout), &all))
		return all
	}
	all := plans("--seed", "3", "--rounds", "50")
	require.Len(t, all, 16)
	rounds := 0
	for _, plan := range all {
		assert.GreaterOrEqual(t, len(plan.Rounds), 3)
		rounds += len(plan.Rounds)
	}
	assert.Equal(t, 50, rounds)
	assert.Equal(t, plans("--seed", "3", "--rounds", "4", "--pairs", "go/cpp")[0], plans("--seed", "3", "--rounds", "8", "--pairs", "cpp/go,go/cpp")[1],
		"what repeats a pair alone")
	assert.NotEqual(t, plans("--rounds", "50"), plans("--rounds", "50"), "without a seed the clock gives one")
}

func TestChaosRuns(t *testing.T) {
	agent := goAgent(t)
	folder := t.TempDir()
	args := []string{"chaos", "--agents", filepath.Dir(filepath.Dir(agent)), "--pairs", "go/go", "--rounds", "6", "--seed", "5", "--allowance", "2s", "--out", folder}
	code, stdout, stderr := run(args...)
	assert.Equal(t, exitGreen, code, stdout+stderr)
	assert.Contains(t, stdout, "6 rounds, 0 violations")
	assert.FileExists(t, filepath.Join(folder, "junit.xml"))
	code, stdout, stderr = run(append(args, "--json")...)
	assert.Equal(t, exitGreen, code, stderr)
	onDisk, err := os.ReadFile(filepath.Join(folder, "report.json"))
	require.NoError(t, err)
	assert.Equal(t, string(onDisk), stdout)
	var r chaos.Report
	require.NoError(t, json.Unmarshal(onDisk, &r))
	assert.EqualValues(t, 5, r.Seed)
	assert.EqualValues(t, 2300, r.Limits.DetectionMs)
}

func TestChaosWithoutAgentsIsRed(t *testing.T) {
	code, stdout, _ := run("chaos", "--agents", t.TempDir(), "--pairs", "go/go", "--rounds", "2", "--seed", "5", "--out", t.TempDir())
	assert.Equal(t, exitRed, code)
	assert.Contains(t, stdout, "no such file")
	assert.Contains(t, stdout, "again: conformance chaos --seed 5 --pairs go/go --rounds 2")
	assert.Contains(t, stdout, "2 rounds, 4 violations", "the agent's probe, both rounds and the end")
}
