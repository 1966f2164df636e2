package birth

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOrder(t *testing.T) {
	early, later, latest := Time{5, 999}, Time{6, 1}, Time{6, 2}
	require.True(t, early.Before(later))
	require.True(t, later.Before(latest))
	require.False(t, latest.Before(later))
	require.False(t, later.Before(early))
	require.False(t, early.Before(early), "made within a tick")
	require.False(t, Time{}.Before(early), "not known")
	require.False(t, early.Before(Time{}), "not known")
}
