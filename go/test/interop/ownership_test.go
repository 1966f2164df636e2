package interop

import (
	"context"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
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
		// It tries again and again until then: the first might leave.
		_, err = p.server.Peer("stress-client").Run(context.Background(), "--name", channel, "--connect-timeout", "500")
		assert.ErrorContains(t, err, "writer_already_connected")
	})
}

func TestIdleSidesUseUnderOnePercentOfACore(t *testing.T) {
	circle(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		server := start(t, p.server.Peer("stress-server"), "--name", channel)
		client, err := p.client.Peer("stress-client").StartUntil(context.Background(), "idle", "--name", channel, "--count", "100", "--idle", "60000")
		require.NoError(t, err)
		defer client.Kill()
		child.RequireIdle(t, server.Pid(), client.Pid())
	})
}
