package runner_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeroduplex/zeroduplex/conformance"
	"github.com/zeroduplex/zeroduplex/conformance/internal/modelagent"
	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
	"github.com/zeroduplex/zeroduplex/conformance/internal/runner"
	"github.com/zeroduplex/zeroduplex/conformance/internal/suite"
)

// modelWith writes a program that is the model of v1 with a fault.
func modelWith(t *testing.T, fault modelagent.Fault) string {
	t.Helper()
	path, err := modelagent.Command(t.TempDir(), fault)
	require.NoError(t, err)
	return path
}

// embedded are the embedded cases whose names match a pattern.
func embedded(t *testing.T, patterns ...string) []suite.Case {
	t.Helper()
	suites, err := suite.Load(conformance.Suites())
	require.NoError(t, err)
	var cases []suite.Case
	for _, pattern := range patterns {
		before := len(cases)
		for _, c := range suite.Expand(suites) {
			if runner.Glob(pattern, c.Name) {
				cases = append(cases, c)
			}
		}
		require.Greater(t, len(cases), before, "%q matches no case", pattern)
	}
	return cases
}

// What the suites demand of v1 follows from the protocol, not from an SDK: a model that shares no code with one is green.
func TestModelOfVersion1IsGreen(t *testing.T) {
	r := runCases(t, embedded(t, "v1-*"), nil, map[string]string{"good": modelWith(t, modelagent.None)})
	for _, rec := range r.Records {
		assert.NotContains(t, []report.Verdict{report.Fail, report.NotRun}, rec.Verdict, "%s: %s", rec.Case, rec.Message)
	}
	assert.Empty(t, r.Problems)
}

// seenBy are the cases that each fault of the model must be seen by.
var seenBy = map[modelagent.Fault]string{
	modelagent.CountsMarkers:    "v1-ring/exact-fit[acquire=false]",
	modelagent.LeavesTails:      "v1-ring/early-wrap[tail=1]",
	modelagent.LeavesEnd:        "v1-ring/whole-payload",
	modelagent.WaitsInVain:      "v1-ring/unplaceable",
	modelagent.WrapsAtAcquire:   "v1-ring/commit-behind-a-marker",
	modelagent.SkipsSequence:    "v1-ring/abort[size=100]",
	modelagent.ForgetsPost:      "v1-stream/unread-frames-are-counted",
	modelagent.RestartsDeadline: "v1-ring/trickling-tokens",
	modelagent.JudgesUnfinished: "v1-lifecycle/attach-field-after-field",
	modelagent.TakesOver:        "v1-lifecycle/second-writer",
	modelagent.KeepsPid:         "v1-lifecycle/missing-semaphores",
	modelagent.TrustsDeadReader: "v1-crashes/reader-dies-idle",
	modelagent.WritesTwice:      "v1-metadata/once",
	modelagent.LosesWritten:     "v1-stream/burst",
	modelagent.CreditsAtOnce:    "v1-ring/released-in-any-order",
	modelagent.CreditsWaste:     "v1-ring/waste-behind-a-held-frame",
	modelagent.CreditsAtRead:    "v1-layout/life-of-a-frame",
	modelagent.PostsForever:     "v1-ring/tokens-are-bounded",
	modelagent.NeverPosts:       "v1-stream/held-and-released-in-order",
	modelagent.TrustsTails:      "v1-raw-writer/implicit-wrap[tail=1,counted=0]",
	modelagent.IgnoresSequence:  "v1-raw-writer/sequence-gap[sequence=4]",
	modelagent.RefusesRestart:   "v1-lifecycle/writer-restarts",
	modelagent.MissesDeath:      "v1-crashes/writer-dies[wait=block]",
	modelagent.BlamesNobody:     "v1-ring/read-timeout",
	modelagent.LosesQueued:      "v1-lifecycle/writer-closes[wait=block]",
	modelagent.LosesUnposted:    "v1-raw-writer/died-before-the-post[wait=block]",
	modelagent.TrustsTokens:     "v1-raw-writer/token-without-a-frame",
	modelagent.VisibleTooSoon:   "v1-lifecycle/ready-last[payload=1024]",
	modelagent.TakesOneLock:     "v1-layout/locks",
	modelagent.DeletesLiving:    "v1-refusals/living-reader[locks=true]",
	modelagent.LeavesSemaphores: "v1-layout/locks",
	modelagent.LosesRead:        "v1-stream/burst",
	modelagent.ReleasesTwice:    "v1-ring/stale-frame",
	modelagent.ReadsReleased:    "v1-ring/stale-frame",
}

func TestEveryFaultOfVersion1TurnsItsCaseRed(t *testing.T) {
	for _, fault := range modelagent.Faults {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			require.Contains(t, seenBy, fault, "nobody says which case must see this fault")
			r := runCases(t, embedded(t, seenBy[fault]), nil, map[string]string{"good": modelWith(t, fault)})
			assert.False(t, r.Green, "%s did not notice", seenBy[fault])
			require.Len(t, r.Records, 1)
			assert.Equal(t, report.Fail, r.Records[0].Verdict, r.Records[0].Message)
			t.Log(r.Records[0].Message)
		})
	}
}
