package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/peers"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func TestASecondServerOfALivingNameIsRefusedAndHarmsNothing(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		first := start(t, p.server.Peer("stress-server"), "--name", channel)
		_, err := p.client.Peer("stress-server").Start(context.Background(), "--name", channel)
		assert.ErrorContains(t, err, "name_in_use")
		assert.EqualValues(t, 100, runClient(t, p.client, channel, "--count", "100").RoundTrips)
		assert.EqualValues(t, 100, stop(t, first).Handled)
	})
}

// The locks in /tmp are only there for v1: with a lock folder of its own the second server must be refused all the same.
// Only that folder is hidden from it, since the peers themselves may stand somewhere in /tmp.
func TestASecondServerWithATmpOfItsOwn(t *testing.T) {
	if err := exec.Command("unshare", "--mount", "true").Run(); err != nil {
		t.Skipf("this user may not make a mount namespace: %v", err)
	}
	neighbours(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		first := start(t, p.server.Peer("stress-server"), "--name", channel)
		elsewhere := peers.Command{"unshare", "--mount", "sh", "-c", `mkdir -p "$0" && mount -t tmpfs none "$0" && exec "$@"`, wire.LockFolder, p.client.Peer("stress-server")[0]}
		_, err := elsewhere.Start(context.Background(), "--name", channel)
		assert.ErrorContains(t, err, "name_in_use")
		assert.EqualValues(t, 100, runClient(t, p.client, channel, "--count", "100").RoundTrips)
		assert.EqualValues(t, 100, stop(t, first).Handled)
	})
}

func TestASecondClientIsRefused(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		start(t, p.server.Peer("stress-server"), "--name", channel)
		first, err := p.client.Peer("stress-client").StartUntil(context.Background(), "idle", "--name", channel, "--count", "1", "--idle", "60000")
		require.NoError(t, err)
		defer first.Kill()
		_, err = p.server.Peer("stress-client").Run(context.Background(), "--name", channel)
		assert.ErrorContains(t, err, "writer_already_connected")
	})
}

// cpuTime is what all threads of a process have run.
func cpuTime(t *testing.T, pid int) (total time.Duration) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		require.NoError(t, err)
		total += time.Duration(ns)
	}
	return total
}

func TestIdleSidesUseUnderOnePercentOfACore(t *testing.T) {
	const window = 2 * time.Second
	eachNeighbour(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		server := start(t, p.server.Peer("stress-server"), "--name", channel)
		client, err := p.client.Peer("stress-client").StartUntil(context.Background(), "idle", "--name", channel, "--count", "100", "--idle", "60000")
		require.NoError(t, err)
		defer client.Kill()
		serverBefore, clientBefore := cpuTime(t, server.Pid()), cpuTime(t, client.Pid())
		time.Sleep(window) // what is measured, not a wait for anything
		serverShare := float64(cpuTime(t, server.Pid())-serverBefore) / float64(window)
		clientShare := float64(cpuTime(t, client.Pid())-clientBefore) / float64(window)
		t.Logf("server %.3f %%, client %.3f %% of a core", 100*serverShare, 100*clientShare)
		assert.Less(t, serverShare, 0.01, "server")
		assert.Less(t, clientShare, 0.01, "client")
	})
}
