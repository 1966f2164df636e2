package spin

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

func TestPatienceLearns(t *testing.T) {
	var p Patience
	looks := 0
	late := func() bool { looks++; return looks > 1 }
	for range 2 * longest {
		looks = 0
		require.True(t, p.Spin(10, late))
		require.Equal(t, 2, looks)
	}
	require.Equal(t, uint32(longest), p.steps.Load(), "each first look came too early, up to the bound")
	for range 2 * longest {
		require.True(t, p.Spin(10, func() bool { return true }))
	}
	require.Zero(t, p.steps.Load(), "each first look found it")
}

func TestPatienceEnds(t *testing.T) {
	var p Patience
	looks := 0
	require.False(t, p.Spin(10, func() bool { looks++; return false }))
	require.Equal(t, 11, looks)
}

func TestFetchAllForWritingChangesNothing(t *testing.T) {
	line := [64]byte{1, 2, 3}
	at := unsafe.Pointer(&line)
	FetchAllForWriting(at, at, at)
	require.Equal(t, [64]byte{1, 2, 3}, line)
}
