package interop

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/inspect"
)

func TestAKilledClientIsFollowedByAnother(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		server := start(t, p.server.Peer("stress-server"), "--name", channel, "--payload-size", "8192")
		// It dies with the last frames answered or taken and nothing released: reconnects keep it from ending by itself.
		victim, err := p.client.Peer("stress-client").StartUntil(context.Background(), "idle", "--name", channel, "--count", "100", "--inflight", "8", "--max", "900", "--min", "0", "--idle", "60000")
		require.NoError(t, err)
		alive := look(t, channel).V2.Alive
		assert.Equal(t, inspect.Alive{Server: true, Client: true}, alive)
		victim.Kill()
		assert.Equal(t, inspect.Alive{Server: true}, look(t, channel).V2.Alive)

		result := runClient(t, p.client, channel, "--count", "1000", "--inflight", "8", "--max", "900", "--min", "0")
		assert.EqualValues(t, 1000, result.RoundTrips)
		assert.EqualValues(t, 1100, stop(t, server).Handled)
	})
}

func TestAClientKilledWithFramesInFlight(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		server := start(t, p.server.Peer("stress-server"), "--name", channel, "--workers", "2", "--payload-size", "8192")
		ended := make(chan struct{})
		ctx, kill := context.WithCancel(context.Background())
		go func() {
			defer close(ended)
			// It is interrupted in the middle of its work; how it ends is not what this test is about.
			_, _ = p.client.Peer("stress-client").Run(ctx, "--name", channel, "--count", "1000000", "--inflight", "8", "--delay-max", "2000")
		}()
		eventually(t, "frames in flight", func() bool {
			report, err := inspect.Read(channel)
			return err == nil && report.V2 != nil && len(report.V2.Frames) >= 4
		})
		kill()
		<-ended
		result := runClient(t, p.client, channel, "--count", "500", "--inflight", "8")
		assert.EqualValues(t, 500, result.RoundTrips)
		assert.Zero(t, stop(t, server).Bad)
	})
}

func TestAKilledServerIsNoticedAndReplaced(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		victim, err := p.server.Peer("stress-server").Start(context.Background(), "--name", channel)
		require.NoError(t, err)
		client, err := p.client.Peer("stress-client").StartUntil(context.Background(), "idle", "--name", channel, "--count", "10", "--idle", "60000")
		require.NoError(t, err)
		killed := time.Now()
		victim.Kill()
		_, err = client.Wait()
		assert.ErrorContains(t, err, "server_dead")
		assert.Less(t, time.Since(killed), 2*time.Second, "a dead server is noticed within a slice")

		orphan := look(t, channel)
		assert.Equal(t, inspect.Alive{}, orphan.V2.Alive)
		assert.EqualValues(t, 10, orphan.V2.OiebRequest.Get("payload_written_count"))
		assert.Empty(t, orphan.Problems)

		second := start(t, p.server.Peer("stress-server"), "--name", channel)
		assert.EqualValues(t, 10, runClient(t, p.client, channel, "--count", "10").RoundTrips)
		assert.EqualValues(t, 10, stop(t, second).Handled)
	})
}

// Both die with requests on their way; the orphan can be looked at, frames and all.
func TestInspectShowsWhatACrashLeftBehind(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		server, err := p.server.Peer("filter-server").Start(context.Background(), "--name", channel, "--filter", "sleep")
		require.NoError(t, err)
		input := rawPicture(t, 8, 8)
		client, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = p.client.Peer("filter-client").Run(client, "--name", channel, "--input", input, "--width", "8", "--height", "8", "--count", "100000", "--inflight", "5")
		}()
		eventually(t, "five frames in flight", func() bool {
			report, err := inspect.Read(channel)
			return err == nil && report.V2 != nil && len(report.V2.Frames) == 5
		})
		live := look(t, channel)
		assert.Equal(t, inspect.Alive{Server: true, Client: true}, live.V2.Alive)
		assert.Empty(t, live.Problems)

		server.Kill()
		cancel()
		<-ended
		orphan := look(t, channel)
		assert.Equal(t, inspect.Alive{}, orphan.V2.Alive)
		assert.Empty(t, orphan.Problems)

		replaced := start(t, p.server.Peer("filter-server"), "--name", channel, "--filter", "echo")
		_, err = replaced.Stop()
		assert.NoError(t, err)
	})
}
