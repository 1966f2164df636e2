package interop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/filter"
)

// The client finds out by itself which protocol its server speaks, and neither it nor the server's handler knows the difference.
func TestTheSameClientAgainstBothProtocols(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		for _, protocol := range []string{"v1", "v2"} {
			n := count(2_000, 100_000)
			result := exchange(t, p, "--payload-size 65536 --protocol "+protocol, "--min 1 --max 3000 --inflight 4 --count "+n)
			assert.Equal(t, n, fmt.Sprint(result.RoundTrips), protocol)
			assert.Zero(t, result.OutOfOrder, protocol)
		}
	})
}

// Two of them one after the other, for v1's are only welcome when nothing of the last one is left.
func TestReconnectingToV1(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		n := count(4, 300)
		result := exchange(t, p, "--protocol v1", "--count 20 --reconnects "+n)
		assert.Equal(t, n, fmt.Sprint(result.Attachments))
	})
}

func TestTheSameFilterBehindBothProtocols(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		input := rawPicture(t, 65, 33)
		want, err := os.ReadFile(input)
		require.NoError(t, err)
		require.NoError(t, filter.Invert(want, filter.Packed(65, 33)))
		for _, protocol := range []string{"v1", "v2"} {
			channel := newChannel(t)
			server := start(t, p.server.Peer("filter-server"), "--name", channel, "--filter", "invert", "--protocol", protocol)
			output := filepath.Join(t.TempDir(), protocol)
			_, err := p.client.Peer("filter-client").Run(context.Background(), "--name", channel, "--input", input, "--output", output, "--width", "65", "--height", "33",
				"--count", "5", "--inflight", "3", "--json")
			require.NoError(t, err, protocol)
			got, err := os.ReadFile(output)
			require.NoError(t, err)
			require.Equal(t, want, got, protocol)
			_, err = server.Stop()
			require.NoError(t, err, protocol)
		}
	})
}

func TestAKilledServerOfV1IsNoticedAndReplaced(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		victim, err := p.server.Peer("stress-server").Start(context.Background(), "--name", channel, "--protocol", "v1")
		require.NoError(t, err)
		client, err := p.client.Peer("stress-client").StartUntil(context.Background(), "idle", "--name", channel, "--count", "10", "--idle", "60000")
		require.NoError(t, err)
		victim.Kill()
		_, err = client.Wait()
		assert.ErrorContains(t, err, "server_dead")
		second := start(t, p.server.Peer("stress-server"), "--name", channel, "--protocol", "v1")
		assert.EqualValues(t, 10, runClient(t, p.client, channel, "--count", "10").RoundTrips)
		assert.EqualValues(t, 10, stop(t, second).Handled)
	})
}

func TestAKilledClientOfV1IsFollowedByAnother(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		server := start(t, p.server.Peer("stress-server"), "--name", channel, "--protocol", "v1")
		victim, err := p.client.Peer("stress-client").StartUntil(context.Background(), "idle", "--name", channel, "--count", "10", "--idle", "60000")
		require.NoError(t, err)
		victim.Kill()
		assert.EqualValues(t, 100, runClient(t, p.client, channel, "--count", "100").RoundTrips)
		assert.EqualValues(t, 110, stop(t, server).Handled)
	})
}
