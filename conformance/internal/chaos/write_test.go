package chaos

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// played is the report of a pair whose first rounds were played.
func played(planned, done int) (*Report, *Stats) {
	stats := newStats(MakePlan(1, somePair, planned))
	for _, r := range stats.Plan[:done] {
		stats.played(r, time.Second)
	}
	r := newReport(Options{Seed: 1, Limits: DefaultLimits})
	r.Pairs = append(r.Pairs, stats)
	return r, stats
}

func TestWhatIsGreen(t *testing.T) {
	r, stats := played(6, 6)
	stats.detection(120 * time.Millisecond)
	stats.round = 3
	stats.detection(-time.Millisecond)
	stats.recovery(30 * time.Millisecond)
	r.finish()
	assert.True(t, r.Green)
	assert.Equal(t, 6, r.Totals.Rounds)
	assert.Equal(t, 6, r.Totals.Kills+r.Totals.Terminates+r.Totals.Stops+r.Totals.Closes+r.Totals.Points)
	assert.InDelta(t, 120, r.Totals.WorstSeen, 1e-9)
	assert.InDelta(t, 30, r.Totals.WorstBack, 1e-9)
	assert.Equal(t, []int{0, 3}, []int{stats.Counts.SeenRound, stats.Counts.BackRound})

	r, stats = played(6, 6)
	stats.violate(2, "it", errors.New("broken"))
	r.finish()
	assert.False(t, r.Green, "a violation")

	r, _ = played(6, 5)
	r.finish()
	assert.False(t, r.Green, "a round that was not played")
	assert.Contains(t, r.Problems, "rounds that were planned were not played")

	r = newReport(Options{})
	r.finish()
	assert.False(t, r.Green)
	assert.Contains(t, r.Problems, "nothing was planned")
}

func TestWritten(t *testing.T) {
	r, stats := played(6, 5)
	stats.violate(2, stats.Plan[1].What(), errors.New("broken <badly>"))
	stats.violate(0, "the end", errors.New("files are left"))
	stats.Growth = []Growth{grown(serverSide, nil), grown(clientSide, make([]Sample, 9))}
	r.finish()
	folder := filepath.Join(t.TempDir(), "new")
	require.NoError(t, r.Write(folder))

	content, err := os.ReadFile(filepath.Join(folder, "report.json"))
	require.NoError(t, err)
	var read map[string]any
	require.NoError(t, json.Unmarshal(content, &read))
	assert.EqualValues(t, SchemaVersion, read["schema_version"])
	pair := read["pairs"].([]any)[0].(map[string]any)
	assert.Len(t, pair["plan"], 6)
	assert.Len(t, pair["violated"], 2)

	content, err = os.ReadFile(filepath.Join(folder, "junit.xml"))
	require.NoError(t, err)
	var junit struct {
		Suites []struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Errors   int `xml:"errors,attr"`
			Skipped  int `xml:"skipped,attr"`
			Cases    []struct {
				Time string `xml:"time,attr"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	require.NoError(t, xml.Unmarshal(content, &junit))
	require.Len(t, junit.Suites, 2)
	assert.Equal(t, []int{7, 2, 1, 0}, []int{junit.Suites[0].Tests, junit.Suites[0].Failures, junit.Suites[0].Errors, junit.Suites[0].Skipped})
	assert.Equal(t, "1.000", junit.Suites[0].Cases[1].Time)
	assert.Equal(t, 1, junit.Suites[1].Errors, "a problem of the run")

	var table strings.Builder
	require.NoError(t, r.Table(&table))
	assert.Contains(t, table.String(), "go/cpp")
	assert.Contains(t, table.String(), "judged of 1 of 2 survivors")
	assert.Contains(t, table.String(), "rounds that were planned were not played")
	assert.Error(t, r.Write(filepath.Join(folder, "report.json", "x")))
}
