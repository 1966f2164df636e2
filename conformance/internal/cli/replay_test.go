package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeroduplex/zeroduplex/conformance/internal/modelagent"
)

func TestMain(m *testing.M) {
	asked, err := modelagent.BeAgent()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if !asked {
		os.Exit(m.Run())
	}
}

func TestReplayUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"replay", "extra"}, exitUsage, `unexpected argument "extra"`},
		{[]string{"replay", "--deviations", "/nonexistent"}, exitUsage, "/nonexistent"},
		{[]string{"replay", "--agents", "go,cpp", "--pairs", "go->rust"}, exitUsage, "matches no pair"},
		{[]string{"replay", "--dir", "/nonexistent"}, exitRed, "manifest.json"},
	} {
		code, _, stderr := run(c.args...)
		assert.Equal(t, c.code, code, c.args)
		assert.Contains(t, stderr, c.says, c.args)
	}
}

func TestReplaySaysWhatItDid(t *testing.T) {
	model, err := modelagent.Command(t.TempDir(), modelagent.None)
	require.NoError(t, err)
	out := t.TempDir()
	code, stdout, stderr := run("replay", "--languages", "model", "--agent", "model="+model, "--dir", "../../testdata/golden-v1", "--out", out)
	// The model has no duplex channels; everything else is as it was recorded.
	assert.Equal(t, exitRed, code, stderr)
	assert.Contains(t, stdout, "fail   model->model golden-v1/27_duplex_echo: step 0, server_start: the server does not support create")
	assert.Contains(t, stdout, "20 of 21 scenarios are as recorded")
	assert.Contains(t, stdout, "deviation position-0-after-an-exact-fit, in 24 steps: ")
	assert.Contains(t, stdout, "PROBLEM the deviation complement-instead-of-0x5a did not occur anywhere")
	assert.Contains(t, stdout, "\n20 passed, 3 failed\n")
	for _, file := range []string{"report.json", "junit.xml", "index.html"} {
		assert.FileExists(t, filepath.Join(out, file))
	}
}

func TestAgentsMayBeAFolderOrAList(t *testing.T) {
	o, err := parseReplay([]string{"--agents", "go,csharp", "--agents", "some/folder"}, os.Stderr)
	require.NoError(t, err)
	names, commands := o.commands()
	assert.Equal(t, []string{"go", "csharp"}, names)
	assert.Equal(t, "some/folder/csharp/agent", commands["csharp"])
}
