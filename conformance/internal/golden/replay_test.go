package golden_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeroduplex/zeroduplex/conformance"
	"github.com/zeroduplex/zeroduplex/conformance/internal/golden"
	"github.com/zeroduplex/zeroduplex/conformance/internal/modelagent"
	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
	"github.com/zeroduplex/zeroduplex/conformance/internal/runner"
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

// duplex is the scenario that the model cannot perform: it has no duplex channels.
const duplex = "27_duplex_echo"

// embedded is the embedded folder, so that a test can change a file of it.
func embedded(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	require.NoError(t, fs.WalkDir(conformance.Golden(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(conformance.Golden(), path)
		files[path] = &fstest.MapFile{Data: content}
		return err
	}))
	return files
}

// change changes the manifest.
func change(t *testing.T, files fstest.MapFS, how func(scenarios []any) []any) {
	t.Helper()
	var manifest map[string]any
	require.NoError(t, json.Unmarshal(files["manifest.json"].Data, &manifest))
	manifest["scenarios"] = how(manifest["scenarios"].([]any))
	content, err := json.Marshal(manifest)
	require.NoError(t, err)
	files["manifest.json"] = &fstest.MapFile{Data: content}
}

func only(ids ...string) func([]any) []any {
	return func(scenarios []any) []any {
		return slices.DeleteFunc(scenarios, func(s any) bool { return !slices.Contains(ids, s.(map[string]any)["id"].(string)) })
	}
}

// deviations are those of the embedded list that speak of the scenarios of a folder.
func deviations(t *testing.T, folder fs.FS) []golden.Deviation {
	t.Helper()
	all, err := golden.ParseDeviations(conformance.GoldenDeviations)
	require.NoError(t, err)
	manifest, _, err := golden.Load(folder)
	require.NoError(t, err)
	for i := range all {
		all[i].Where = slices.DeleteFunc(all[i].Where, func(c golden.Change) bool {
			return !slices.ContainsFunc(manifest.Scenarios, func(s golden.Scenario) bool { return s.ID == c.Scenario })
		})
	}
	return slices.DeleteFunc(all, func(d golden.Deviation) bool { return len(d.Where) == 0 })
}

func replay(t *testing.T, folder fs.FS, list []golden.Deviation, fault modelagent.Fault) (*report.Report, []golden.Used) {
	t.Helper()
	model, err := modelagent.Command(t.TempDir(), fault)
	require.NoError(t, err)
	r, used, err := golden.Replay(context.Background(), golden.Options{
		Folder: folder, Deviations: list, Pairs: []runner.Pair{{Server: "model", Client: "model"}}, Commands: map[string]string{"model": model},
		Progress: func(report.Record) {},
	})
	require.NoError(t, err)
	return r, used
}

func messages(r *report.Report) string {
	text := fmt.Sprintln(r.Problems)
	for _, rec := range r.Records {
		if rec.Red() {
			text += fmt.Sprintf("%s: %s\n", rec.Case, rec.Message)
		}
	}
	return text
}

func TestModelReplaysWhatWasRecorded(t *testing.T) {
	files := embedded(t)
	change(t, files, func(scenarios []any) []any {
		return slices.DeleteFunc(scenarios, func(s any) bool { return s.(map[string]any)["id"] == duplex })
	})
	r, used := replay(t, files, deviations(t, files), modelagent.None)
	assert.True(t, r.Green, messages(r))
	assert.Equal(t, 20, r.Totals.Pass)
	for _, u := range used {
		assert.NotZero(t, u.Steps, u.Name)
	}
}

func TestUnsupportedIsRed(t *testing.T) {
	files := embedded(t)
	change(t, files, only(duplex))
	r, _ := replay(t, files, nil, modelagent.None)
	assert.False(t, r.Green)
	assert.Contains(t, messages(r), "does not support create")
}

// A replay must see every fault that changes what is in shared memory in the scenarios.
func TestReplaySeesFaults(t *testing.T) {
	for fault, c := range map[modelagent.Fault]struct{ scenario, says string }{
		modelagent.LeavesEnd:     {"15_exact_fit", "the deviation did not occur, the bytes are as they were recorded: byte 0x31 (payload_write_pos)"},
		modelagent.CountsMarkers: {"15_exact_fit", "payload_written_count"},
		modelagent.LeavesTails:   {"12_wrap_tail8", "it should have given frame_unplaceable, it gave no error"},
		modelagent.CreditsAtRead: {"06_one_frame_100", "payload_free_bytes"},
		modelagent.NeverPosts:    {"06_one_frame_100", "the semaphore r is 0, not 1"},
		modelagent.ForgetsPost:   {"08_read_without_release", "the semaphore w is 1, not 2"},
		modelagent.MissesDeath:   {"24_writer_killed", "it should have given writer_dead, it gave timeout"},
	} {
		t.Run(string(fault), func(t *testing.T) {
			files := embedded(t)
			change(t, files, only(c.scenario))
			r, _ := replay(t, files, deviations(t, files), fault)
			assert.False(t, r.Green)
			assert.Contains(t, messages(r), c.says)
		})
	}
}

func TestDeviationsAreNeverSilent(t *testing.T) {
	files := embedded(t)
	change(t, files, only("15_exact_fit", "17_full_buffer"))
	list := deviations(t, files)
	t.Run("without the list it is red", func(t *testing.T) {
		r, _ := replay(t, files, nil, modelagent.None)
		assert.False(t, r.Green)
		assert.Contains(t, messages(r), "payload_write_pos")
	})
	t.Run("a deviation that is not there is red", func(t *testing.T) {
		wrong := append(slices.Clone(list), golden.Deviation{Name: "invented", Reason: "none", Where: []golden.Change{
			{Scenario: "17_full_buffer", Steps: []int{4}, Fields: map[string][2]uint64{"payload_write_pos": {512, 0}}},
		}})
		r, _ := replay(t, files, wrong, modelagent.None)
		assert.Contains(t, messages(r), "the deviation did not occur")
		assert.Contains(t, messages(r), "expected here: invented")
	})
	t.Run("one that misquotes the recording is red", func(t *testing.T) {
		wrong := []golden.Deviation{{Name: "misquoting", Reason: "none", Where: []golden.Change{
			{Scenario: "17_full_buffer", Steps: []int{4}, Fields: map[string][2]uint64{"payload_write_pos": {513, 0}}},
		}}}
		r, _ := replay(t, files, wrong, modelagent.None)
		assert.Contains(t, messages(r), "the recorded payload_write_pos is 512, not 513")
	})
	t.Run("one of no scenario is red", func(t *testing.T) {
		wrong := append(slices.Clone(list), golden.Deviation{Name: "lost", Reason: "none", Where: []golden.Change{{Scenario: "99_gone", Steps: []int{0}}}})
		r, _ := replay(t, files, wrong, modelagent.None)
		assert.False(t, r.Green)
		assert.Contains(t, messages(r), "which are not there")
		assert.Contains(t, messages(r), "the deviation lost did not occur anywhere")
	})
}

func TestFolderMustBeWhatWasRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(fstest.MapFS)
		says  string
	}{
		"changed snapshot": {func(f fstest.MapFS) { f["06_one_frame_100/02_write.bin"].Data[500] ^= 1 }, "is not what was recorded"},
		"missing snapshot": {func(f fstest.MapFS) { delete(f, "06_one_frame_100/02_write.bin") }, "02_write.bin"},
		"no manifest":      {func(f fstest.MapFS) { delete(f, "manifest.json") }, "manifest.json"},
		"empty manifest":   {func(f fstest.MapFS) { f["manifest.json"].Data = []byte(`{"scenarios": []}`) }, "no scenarios"},
	} {
		t.Run(name, func(t *testing.T) {
			files := embedded(t)
			c.spoil(files)
			_, _, err := golden.Replay(context.Background(), golden.Options{Folder: files})
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestUnknownStepIsRed(t *testing.T) {
	files := embedded(t)
	change(t, files, func(scenarios []any) []any {
		scenarios = only("06_one_frame_100")(scenarios)
		scenarios[0].(map[string]any)["steps"].([]any)[2].(map[string]any)["op"] = "juggle"
		return scenarios
	})
	r, _ := replay(t, files, nil, modelagent.None)
	assert.Contains(t, messages(r), `nobody knows how to perform "writer juggle"`)
}

func TestMissingAgentIsRed(t *testing.T) {
	r, _, err := golden.Replay(context.Background(), golden.Options{
		Folder: conformance.Golden(), Pairs: []runner.Pair{{Server: "go", Client: "go"}}, Commands: map[string]string{"go": "/nonexistent/agent"},
		Progress: func(report.Record) {},
	})
	require.NoError(t, err)
	assert.False(t, r.Green)
	assert.Equal(t, 21, r.Totals.NotRun)
}

func TestDeviationsAreReadStrictly(t *testing.T) {
	for _, text := range []string{
		"deviations: [{ name: a, reason: b }]", "deviations: [{ name: a, where: [{ scenario: x, steps: [1] }] }]",
		"deviations: [{ name: a, reason: b, where: [{ scenario: x, steps: [] }] }]", "deviations: [{ name: a, reason: b, where: [{ scenario: x, steps: [1], mask: all }] }]",
		"deviations: [{ name: a, reason: b, where: [{ scenario: x, steps: [1], result: [ok] }] }]", "known: []",
	} {
		_, err := golden.ParseDeviations([]byte(text))
		assert.Error(t, err, text)
	}
}
