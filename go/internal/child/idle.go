//go:build linux

package child

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	idleWindow  = 2 * time.Second
	idleWindows = 5
)

// RequireIdle fails the test unless each process uses less than one per cent of a core while nothing happens, twice that under the race
// detector, in the window of a few in which it uses least. A process that polls uses more in each; what the load of others adds is over in
// the next.
func RequireIdle(t testing.TB, pids ...int) {
	t.Helper()
	busy := pids
	for window := 1; len(busy) > 0; window++ {
		before := map[int]time.Duration{}
		for _, pid := range busy {
			before[pid] = processorTime(t, pid)
		}
		time.Sleep(idleWindow) // the measurement, not a wait for something
		var still []int
		for _, pid := range busy {
			used := processorTime(t, pid) - before[pid]
			t.Logf("process %d used %v in %v", pid, used, idleWindow)
			if used >= idleLimit {
				still = append(still, pid)
			}
		}
		busy = still
		require.False(t, len(busy) > 0 && window == idleWindows, "%v or more in each of %d windows of %v: processes %v", idleLimit, idleWindows, idleWindow, busy)
	}
}

// processorTime is what all threads of a process have used so far. /proc/PID/stat would count ticks of 10 ms, and miss what ends before one.
func processorTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	require.NoError(t, err)
	require.NotEmpty(t, threads, "the process has ended, or the kernel counts no processor time (CONFIG_SCHED_INFO)")
	used := time.Duration(0)
	for _, path := range threads {
		stat, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue // the thread has ended
		}
		require.NoError(t, err)
		var nanoseconds int64
		_, err = fmt.Sscan(string(stat), &nanoseconds)
		require.NoError(t, err)
		used += time.Duration(nanoseconds)
	}
	return used
}
