package zeroduplex

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestADeadlineWakesWithoutAToken(t *testing.T) {
	r := newObject(t, 256, 4096).read()
	late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	require.False(t, sleep(late, r.buffer.dataRead, time.Now().Add(time.Millisecond), time.Minute))
	require.Zero(t, r.buffer.dataRead.Value())
	require.False(t, r.sleep(&pause{ctx: late, deadline: time.Now().Add(time.Millisecond)}))
	require.Zero(t, r.buffer.dataWritten.Value())
	require.Zero(t, r.nudges.Load())
}

func TestACancelledContextWakesByAToken(t *testing.T) {
	r := newObject(t, 256, 4096).read()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.True(t, sleep(ctx, r.buffer.dataRead, time.Now().Add(time.Minute), time.Minute))
	require.Zero(t, r.buffer.dataRead.Value())
	require.True(t, r.sleep(&pause{ctx: ctx, deadline: time.Now().Add(time.Minute)}))
	require.True(t, r.nudged())
}
