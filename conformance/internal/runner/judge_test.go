package runner

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/conformance/internal/suite"
)

// A step that leaves open whether it fails says what it must give where it does not.
func TestWhatMayFailIsJudgedWhereItSucceeds(t *testing.T) {
	step := &suite.Step{Error: suite.Names{suite.NoError, "timeout"}, Expect: suite.Map{"size": uint64(64)}}
	x := &execution{}
	require.NoError(t, x.judge(step, outcome{result: map[string]any{"size": uint64(64)}}))
	require.ErrorContains(t, x.judge(step, outcome{result: map[string]any{"size": uint64(65)}}), "size")
	require.NoError(t, x.judge(step, outcome{name: "timeout"}))
	require.ErrorContains(t, x.judge(step, outcome{name: "corrupted"}), "expected the error none or timeout")
}
