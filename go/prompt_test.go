//go:build linux

package zeroduplex

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// promptly measures something often. A wake-up that is lost costs a whole slice every time; a busy machine costs that now and then.
func promptly(t *testing.T, measure func(t *testing.T) time.Duration) {
	t.Helper()
	const rounds = 11
	var took []time.Duration
	for range rounds {
		took = append(took, measure(t))
	}
	slices.Sort(took)
	require.Less(t, took[rounds/2], wire.DefaultV2WaitSlice/2, "of %v", took)
}

// asleep waits until somebody sleeps on response-ready.
func asleep(t *testing.T, c *InPlaceDuplexChannel) {
	t.Helper()
	eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.sleeping
	}, "nobody sleeps")
}

// waits waits until n calls wait for something.
func waits(t *testing.T, c *InPlaceDuplexChannel, n int) {
	t.Helper()
	eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.waits == n
	}, "they do not wait")
}

func TestOneWayRequestsMakeRoomPromptly(t *testing.T) {
	p := newHeap(t, 0, 128) // one frame fills it
	g := newGate()
	p.serve(g.handle, WithWait(WaitBlock))
	c := p.connect(WithWait(WaitBlock))
	send := func() error {
		_, err := c.Send(until(t), Request{Data: make([]byte, 64), OneWay: true})
		return err
	}
	require.NoError(t, send())
	promptly(t, func(t *testing.T) time.Duration {
		wait(t, g.entered)
		sent := started(send)
		waits(t, c, 1)
		start := time.Now()
		g.pass <- nil
		require.NoError(t, wait(t, sent))
		return time.Since(start)
	})
	g.pass <- nil
}

func TestLateResponsesMakeRoomPromptly(t *testing.T) {
	p := newHeap(t, 0, 128)
	g := newGate()
	p.serve(g.handle, WithWait(WaitBlock))
	c := p.connect(WithWait(WaitBlock))
	promptly(t, func(t *testing.T) time.Duration {
		ctx, cancel := context.WithCancel(until(t))
		call := started(func() error { _, err := c.Call(ctx, make([]byte, 64)); return err })
		wait(t, g.entered)
		cancel()
		require.ErrorIs(t, wait(t, call), ErrCancelled)
		sent := started(func() error { _, err := c.Send(until(t), Request{OneWay: true}); return err })
		waits(t, c, 1)
		start := time.Now()
		g.pass <- nil // the late answer, which nobody reads
		require.NoError(t, wait(t, sent))
		took := time.Since(start)
		wait(t, g.entered)
		g.pass <- nil
		return took
	})
}

func TestReleasedResponsesMakeRoomPromptly(t *testing.T) {
	p := newHeap(t, 0, 128)
	p.serve(echo, WithWait(WaitBlock))
	c := p.connect(WithWait(WaitBlock))
	promptly(t, func(t *testing.T) time.Duration {
		r, err := c.Call(until(t), make([]byte, 64))
		require.NoError(t, err)
		sent := started(func() error { _, err := c.Send(until(t), Request{OneWay: true}); return err })
		waits(t, c, 1)
		start := time.Now()
		r.Release()
		require.NoError(t, wait(t, sent))
		return time.Since(start)
	})
}

func TestDrainingServerNoticesReleasesPromptly(t *testing.T) {
	promptly(t, func(t *testing.T) time.Duration {
		p := newHeap(t, 0, 1024)
		s := p.serve(echo, WithWait(WaitBlock))
		c := p.connect(WithWait(WaitBlock))
		r, err := c.Call(until(t), nil)
		require.NoError(t, err)
		stopped := started(func() error { return s.Stop(soon) })
		eventually(t, func() bool { return phaseOf(s) == draining }, "it drains")
		start := time.Now()
		r.Release()
		require.NoError(t, wait(t, stopped))
		return time.Since(start)
	})
}

func phaseOf(s *InPlaceDuplexServer) phase {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase
}

func TestCloseWakesASleeperPromptly(t *testing.T) {
	p := newHeap(t, 0, 1024)
	p.serve(echo)
	promptly(t, func(t *testing.T) time.Duration {
		c := p.connect(WithWait(WaitBlock))
		receiving := started(func() error { _, err := c.ReceiveResponse(until(t)); return err })
		asleep(t, c)
		start := time.Now()
		require.NoError(t, c.Close())
		require.ErrorIs(t, wait(t, receiving), ErrClosed)
		return time.Since(start)
	})
}

func TestContextWakesASleeperPromptly(t *testing.T) {
	p := newHeap(t, 0, 1024)
	p.serve(echo)
	c := p.connect(WithWait(WaitBlock))
	promptly(t, func(t *testing.T) time.Duration {
		ctx, cancel := context.WithCancel(context.Background())
		receiving := started(func() error { _, err := c.ReceiveResponse(ctx); return err })
		asleep(t, c)
		start := time.Now()
		cancel()
		require.ErrorIs(t, wait(t, receiving), ErrCancelled)
		return time.Since(start)
	})
}

func TestAFarewellRightAfterALookIsNoticedPromptly(t *testing.T) {
	promptly(t, func(t *testing.T) time.Duration {
		p := newObject(t, 0, 1024)
		g := newGate()
		s := p.serve(g.handle)
		c := p.connect(WithWait(WaitBlock))
		_, err := c.SendRequest(until(t), nil)
		require.NoError(t, err)
		g.expect(t, 1)
		receiving := started(func() error { _, err := c.ReceiveResponse(until(t)); return err })
		asleep(t, c)
		// As if somebody had looked at the very moment of the farewell, and will not look again for a while.
		c.peerCheck.Store(c.elapsed() + int64(tokenPause))
		start := time.Now()
		require.ErrorIs(t, s.Stop(0), ErrTimeout)
		require.ErrorIs(t, wait(t, receiving), ErrServerDead)
		took := time.Since(start)
		g.pass <- nil
		return took
	})
}

func TestTheSleepersRoleIsHandedOverPromptly(t *testing.T) {
	// Whoever sleeps gets its answer and goes; the others must not be left without anybody who listens.
	p := newHeap(t, 0, 4096)
	g := newGate()
	p.serve(g.handle, WithWait(WaitBlock))
	c := p.connect(WithWait(WaitBlock))
	promptly(t, func(t *testing.T) time.Duration {
		const n = 4
		failed := make(chan error, n)
		for range n {
			sequence, err := c.SendRequest(until(t), nil)
			require.NoError(t, err)
			go func() {
				r, err := c.ReceiveResponseFor(until(t), sequence)
				if err == nil {
					r.Release()
				}
				failed <- err
			}()
		}
		waits(t, c, n)
		start := time.Now()
		for range n {
			wait(t, g.entered)
			g.pass <- nil
			require.NoError(t, wait(t, failed))
		}
		return time.Since(start) / n
	})
}

func TestTheSleepersRoleOutlivesItsHoldersContext(t *testing.T) {
	p := newHeap(t, 0, 4096)
	g := newGate()
	p.serve(g.handle, WithWait(WaitBlock))
	c := p.connect(WithWait(WaitBlock))
	promptly(t, func(t *testing.T) time.Duration {
		sequence, err := c.SendRequest(until(t), nil)
		require.NoError(t, err)
		wait(t, g.entered)
		ctx, cancel := context.WithCancel(context.Background())
		sleeper := started(func() error { _, err := c.ReceiveResponseFor(ctx, sequence); return err })
		asleep(t, c)
		other := started(func() error {
			r, err := c.ReceiveResponse(until(t))
			if err == nil {
				r.Release()
			}
			return err
		})
		waits(t, c, 2)
		cancel()
		if err := wait(t, sleeper); !errors.Is(err, ErrCancelled) {
			require.NoError(t, err)
		}
		start := time.Now()
		g.pass <- nil // now it is anybody's, and the other must be listening
		require.NoError(t, wait(t, other))
		return time.Since(start)
	})
}

func TestManyWorkersTakePromptly(t *testing.T) {
	p := newHeap(t, 0, 4096)
	g := newGate()
	p.serve(g.handle, WithWait(WaitBlock), WithWorkers(3))
	c := p.connect(WithWait(WaitBlock))
	promptly(t, func(t *testing.T) time.Duration {
		start := time.Now()
		for range 3 {
			_, err := c.SendRequest(until(t), nil)
			require.NoError(t, err)
			wait(t, g.entered) // while the earlier ones are still busy
		}
		took := time.Since(start)
		for range 3 {
			g.pass <- nil
			r, err := c.ReceiveResponse(until(t))
			require.NoError(t, err)
			r.Release()
		}
		return took / 3
	})
}

func TestTheServerResetsPromptlyWhenItsClientLeaves(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		s := p.serve(echo, WithWait(WaitBlock))
		promptly(t, func(t *testing.T) time.Duration {
			c := p.connect()
			r, err := c.Call(until(t), nil)
			require.NoError(t, err)
			r.Release()
			start := time.Now()
			require.NoError(t, c.Close())
			eventually(t, func() bool { return s.current.seg.Request.WriterPid.Load() == wire.PidNone }, "no reset")
			return time.Since(start)
		})
	})
}
