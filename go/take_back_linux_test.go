package zeroduplex

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/hostile"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// takenBack is a client whose server publishes the answer to the first request of an empty ring and takes it back, all the time.
type takenBack struct {
	*hostilePeer
	client DuplexClient
}

// reconnect gives a new client fresh memory, where it finds that server.
func (p *takenBack) reconnect(t *testing.T) {
	t.Helper()
	p.flipper.Stop()
	view := p.begin(t, nil)
	s := overlay(p.name, view, p.layout)
	require.NoError(t, s.initialise(p.layout, nil))
	s.Request.Identity().Store(wire.OiebV2IdentityWord)
	var err error
	p.client, err = DefaultFactory().CreateClient(context.Background(), p.name, WithMemory(view), WithConnectTimeout(0), WithWait(WaitSpin))
	require.NoError(t, err)
	state := hostile.WordAt(p.ring.Payload[wire.FrameHeaderV2StateOffset:], 4)
	p.flipper.Start(state, uint64(wire.FrameStateResponse), uint64(wire.FrameStateProcessing))
}

// A server that takes an answer back between two looks of a client must not be believed twice: the answer that was seen is the one that is
// received, or found corrupted. The test waits until the latter has happened often, which shows that answers vanished between two looks.
func TestReceivingAnyResponseSurvivesAServerThatTakesItBack(t *testing.T) {
	const enough = 8
	p := &takenBack{hostilePeer: newHostilePeer(t)}
	p.makeSemaphores()
	data := []byte{1, 2, 3}
	received, vanished, waiting := 0, 0, false
	p.reconnect(t)
	for deadline := time.Now().Add(6 * farTooLong); vanished < enough; {
		require.True(t, time.Now().Before(deadline), "%d answers vanished between two looks, %d were received", vanished, received)
		if !waiting {
			_, err := p.client.SendRequest(context.Background(), data) // at the same place as all before
			require.NoError(t, err)
			waiting = true
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		response, err := p.client.ReceiveResponse(ctx)
		cancel()
		switch {
		case err == nil:
			require.Equal(t, data, response.Data())
			response.Release()
			received++
			waiting = false
		case errors.Is(err, ErrCorrupted):
			vanished++
			require.NoError(t, p.client.Close())
			p.reconnect(t)
			waiting = false
		default:
			require.ErrorIs(t, err, ErrTimeout)
		}
	}
	require.NoError(t, p.client.Close())
	p.flipper.Stop()
}
