package ordered

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStores(t *testing.T) {
	var u atomic.Uint64
	var i atomic.Int32
	Store64(&u, 1<<63|5)
	var w atomic.Uint32
	Store32(&w, 1<<31|3)
	StoreInt32(&i, -7)
	require.Equal(t, uint64(1<<63|5), u.Load())
	require.Equal(t, uint32(1<<31|3), w.Load())
	require.Equal(t, int32(-7), i.Load())
}

// TestFence is Dekker's: each side stores and then looks at the other's. Without the fence both looks may miss, on amd64 too.
func TestFence(t *testing.T) {
	const rounds = 200000
	var x, y, turn atomic.Uint64
	saw := [2][]uint64{make([]uint64, rounds), make([]uint64, rounds)}
	var wg sync.WaitGroup
	side := func(mine, other *atomic.Uint64, out []uint64) {
		defer wg.Done()
		for i := range uint64(rounds) {
			turn.Add(1)
			for turn.Load() < 2*(i+1) {
			}
			Store64(mine, i+1)
			Fence()
			out[i] = other.Load()
		}
	}
	wg.Add(2)
	go side(&x, &y, saw[0])
	go side(&y, &x, saw[1])
	wg.Wait()
	for i := range rounds {
		require.False(t, saw[0][i] <= uint64(i) && saw[1][i] <= uint64(i), "round %d: both sides missed the other's store", i)
	}
}
