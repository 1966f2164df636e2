//go:build linux

package process

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestWhoLives(t *testing.T) {
	require.True(t, Alive(uint64(os.Getpid())))
	require.True(t, Alive(1), "of another user or not")
	for _, nobody := range []uint64{0, 1<<22 + 1, math.MaxInt32, math.MaxInt32 + 1, math.MaxUint64} {
		require.False(t, Alive(nobody), "pid %d", nobody)
	}
}

func TestAZombieIsDead(t *testing.T) {
	child := exec.Command("sleep", "1000")
	require.NoError(t, child.Start())
	pid := uint64(child.Process.Pid)
	require.True(t, Alive(pid))
	require.NoError(t, child.Process.Signal(syscall.SIGSTOP))
	require.True(t, Alive(pid), "a paused process lives")
	require.NoError(t, child.Process.Kill())
	require.Eventually(t, func() bool { return !Alive(pid) }, 30*time.Second, time.Millisecond, "nobody has waited for it yet")
	require.NoError(t, syscall.Kill(int(pid), 0), "the kernel still knows it")
	require.Error(t, child.Wait())
	require.False(t, Alive(pid))
}

func TestStatLines(t *testing.T) {
	line := func(name, state, threads string) []byte {
		return fmt.Appendf(nil, "4711 (%s) %s %s %s 0 1\n", name, state, strings.TrimSpace(strings.Repeat("0 ", 16)), threads)
	}
	require.True(t, isZombie(line("sleep", "Z", "1")))
	require.True(t, isZombie(line("a) S (b", "X", "0")))
	require.False(t, isZombie(line("Z Z) Z", "S", "1")))
	require.False(t, isZombie(line("server", "Z", "3")), "its other threads run")
	for _, broken := range []string{"", "4711", "4711 (x) Z", "4711 (x"} {
		require.False(t, isZombie([]byte(broken)))
	}
}
