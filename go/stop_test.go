//go:build linux

package zeroduplex

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func TestStopDrains(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		g := newGate()
		s := p.serve(g.handle)
		c := p.connect()
		var sequences []uint64
		for range 3 {
			n, err := c.SendRequest(until(t), []byte{1})
			require.NoError(t, err)
			sequences = append(sequences, n)
		}
		g.expect(t, sequences[0])
		stopped := started(func() error { return s.Stop(soon) })
		eventually(t, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.phase == draining
		}, "it drains")
		require.Empty(t, stopped, "a handler still runs")
		g.pass <- nil
		r, err := c.ReceiveResponseFor(until(t), sequences[0])
		require.NoError(t, err, "an answer that was pending is still received")
		require.Empty(t, stopped, "the client has not consumed it")
		r.Release()
		require.NoError(t, wait(t, stopped))
		<-s.Done()

		_, err = c.ReceiveResponseFor(until(t), sequences[1])
		requireError(t, err, ErrServerDead)
		require.ErrorContains(t, err, "2 requests from 2 to 3 are lost")
		_, err = c.ReceiveResponse(until(t))
		requireError(t, err, ErrServerDead)
		_, err = c.Call(until(t), nil)
		requireError(t, err, ErrServerDead)
		require.False(t, c.IsServerConnected())
		require.Empty(t, g.entered, "nothing new was taken")
	})
}

func TestStopNeverLooksLikeCorruption(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		rounds := 30
		if w == WaitSpin {
			rounds = 3 // who never sleeps gets no token, and finds out after a slice
		}
		for range rounds {
			eachPlace(t, smallPayload, func(t *testing.T, p *place) {
				s := p.serve(echo, WithWait(w))
				c := p.connect(WithWait(w))
				calls := started(func() error {
					for {
						r, err := c.Call(until(t), nil)
						if err != nil {
							return err
						}
						r.Release()
						c.IsServerConnected()
					}
				})
				require.NoError(t, s.Stop(soon))
				require.ErrorIs(t, wait(t, calls), ErrServerDead)
			})
		}
	}
}

func TestAWaitingClientLearnsOfAStopAtOnce(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitBlock} {
		eachPlace(t, 256, func(t *testing.T, p *place) {
			g := newGate()
			s := p.serve(g.handle)
			c := p.connect(WithWait(w))
			sequence, err := c.SendRequest(until(t), make([]byte, 192))
			require.NoError(t, err)
			g.expect(t, sequence)
			receiving := started(func() error { _, err := c.ReceiveResponse(until(t)); return err })
			sending := started(func() error { _, err := c.SendRequest(until(t), nil); return err })
			require.ErrorIs(t, s.Stop(0), ErrTimeout, "the handler is left")
			start := time.Now()
			requireError(t, wait(t, receiving), ErrServerDead)
			requireError(t, wait(t, sending), ErrServerDead)
			t.Logf("%v: %v", w, time.Since(start))
			g.pass <- nil // the handler answers to the old mapping
		})
	}
}

func TestStopThatTakesTooLong(t *testing.T) {
	t.Run("a handler runs", func(t *testing.T) {
		for _, workers := range []int{1, 2} {
			p := newObject(t, 0, smallPayload)
			g := newGate()
			s := p.serve(g.handle, WithWorkers(workers))
			c := p.connect()
			_, err := c.SendRequest(until(t), nil)
			require.NoError(t, err)
			g.expect(t, 1)
			requireError(t, s.Stop(10*time.Millisecond), ErrTimeout)
			<-s.Done()
			require.Empty(t, leftovers(p.name), "the channel is removed all the same")
			requireError(t, s.Stop(soon), ErrTimeout)
			next := p.serve(echo) // while the old handler still runs
			g.pass <- nil
			require.NoError(t, c.Close())
			c = p.connect()
			r, err := c.Call(until(t), []byte("unharmed"))
			require.NoError(t, err)
			require.Equal(t, "unharmed", string(r.Data()))
			r.Release()
			require.NoError(t, c.Close())
			require.NoError(t, next.Close())
		}
	})
	t.Run("a response is not consumed", func(t *testing.T) {
		p := newObject(t, 0, smallPayload)
		s := p.serve(echo)
		c := p.connect()
		r, err := c.Call(until(t), nil)
		require.NoError(t, err)
		requireError(t, s.Stop(10*time.Millisecond), ErrTimeout)
		require.Empty(t, r.Data(), "it is still mapped")
		r.Release()
	})
}

func TestStopDoesNotWaitForAClientThatIsGone(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		g := newGate()
		s := p.serve(g.handle)
		c := p.connect()
		_, err := c.SendRequest(until(t), nil)
		require.NoError(t, err)
		g.expect(t, 1)
		g.pass <- nil
		eventually(t, func() bool { return c.seg.Response.PayloadWrittenCount.Load() == 1 }, "it is answered")
		stopped := started(func() error { return s.Stop(time.Hour) })
		require.NoError(t, c.Close())
		require.NoError(t, wait(t, stopped))
	})
}

func TestStopMoreThanOnce(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	s := p.serve(echo)
	var all sync.WaitGroup
	for range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			if err := s.Stop(soon); err != nil {
				t.Error(err)
			}
			select {
			case <-s.Done():
			default:
				t.Error("Stop returned before it was done")
			}
		}()
	}
	all.Wait()
	require.NoError(t, s.Close())
}

func TestServerThatNeverStarted(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		s := p.create()
		c := p.connect()
		_, err := c.SendRequest(until(t), nil)
		require.NoError(t, err)
		require.NoError(t, s.Stop(soon), "untaken requests keep nobody waiting")
		_, err = c.ReceiveResponse(until(t))
		requireError(t, err, ErrServerDead)
		require.ErrorContains(t, err, "request 1 is lost")
	})
}

func TestServerMisuse(t *testing.T) {
	p := newObject(t, 64, smallPayload)
	s := p.create()
	requireError(t, s.Start(context.Background(), nil), ErrInvalidArgument)
	require.NoError(t, s.Start(context.Background(), echo))
	requireError(t, s.Start(context.Background(), echo), ErrInvalidArgument)
	require.Equal(t, p.name, s.Name())
	require.NoError(t, s.Close())
	requireError(t, s.Start(context.Background(), echo), ErrClosed)
	requireError(t, s.SetMetadata(nil), ErrClosed)
	_, err := s.ClientMetadata()
	requireError(t, err, ErrClosed)
}

func TestTheEndOfTheContextStopsTheServer(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	s := p.create()
	ctx, cancel := context.WithCancel(context.Background())
	require.NoError(t, s.Start(ctx, echo))
	c := p.connect()
	r, err := c.Call(until(t), nil)
	require.NoError(t, err)
	r.Release()
	cancel()
	wait(t, s.Done())
	require.NoError(t, s.Close())
	require.Empty(t, leftovers(p.name))
	_, err = c.Call(until(t), nil)
	requireError(t, err, ErrServerDead)
}

func TestOneWayRequestsOfAClientThatLeftStillRun(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		g := newGate()
		p.serve(g.handle)
		c := p.connect()
		for i := range 10 {
			_, err := c.Send(until(t), Request{OneWay: i%2 == 0})
			require.NoError(t, err)
		}
		g.expect(t, 1)
		require.NoError(t, c.Close())
		for range 5 {
			g.pass <- nil
		}
		for _, sequence := range []uint64{3, 5, 7, 9} {
			g.expect(t, sequence) // the others have nobody who waits for them
		}
		next := p.connect()
		n, err := next.Send(until(t), Request{OneWay: true})
		require.NoError(t, err)
		require.Equal(t, uint64(1), n)
		g.expect(t, 1)
		g.pass <- nil
		require.Empty(t, g.entered)
	})
}

func TestServerDetectsACorruptedSegment(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		reported := make(chan error, 10)
		s := p.serve(echo, WithErrorFunc(func(err error) { reported <- err }))
		c := p.connect()
		r, err := c.Call(until(t), nil)
		require.NoError(t, err)
		r.Release()
		c.seg.Request.PayloadWrittenBytes.Store(1 << 40)
		c.seg.Request.PayloadWrittenCount.Store(1 << 40)
		c.seg.requestReady.PostIfZero()
		requireError(t, wait(t, reported), ErrCorrupted)
		_, err = c.Call(until(t), nil)
		if p.view == nil {
			requireError(t, err, ErrCorrupted)
		} else {
			requireError(t, err, ErrServerDead) // existing memory has no other sign of life
		}
		require.False(t, c.IsServerConnected())
		require.NoError(t, c.Close())

		next := p.connect()
		r, err = next.Call(until(t), []byte("healed"))
		require.NoError(t, err)
		require.Equal(t, "healed", string(r.Data()))
		r.Release()
		require.Empty(t, reported)
		require.NoError(t, next.Close())
		require.NoError(t, s.Close())
	})
}

func TestClientDetectsACorruptedSegment(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		p.serve(func(f Frame) error {
			if f.Opcode() == 1 {
				f.live().size = 1 << 40 // what no correct server stores
			}
			return nil
		})
		c := p.connect()
		kept, err := c.Call(until(t), []byte("kept"))
		require.NoError(t, err)
		_, err = c.CallRequest(until(t), Request{Opcode: 1})
		requireError(t, err, ErrCorrupted)
		_, err = c.Call(until(t), nil)
		requireError(t, err, ErrCorrupted)
		require.Equal(t, "kept", string(kept.Data()))
		kept.Release()
		next := p.connect() // the corrupted one detached by itself, with its last response
		r, err := next.Call(until(t), nil)
		require.NoError(t, err)
		r.Release()
	})
}

func TestReportsMayUseTheServer(t *testing.T) {
	// An error function that asks and stops the server must neither deadlock nor find the segment unmapped.
	for range 20 {
		p := newObject(t, 64, smallPayload)
		var s *InPlaceDuplexServer
		done := make(chan error, 1)
		s, err := DefaultFactory().CreateInPlaceDuplexServer(p.name, p.config, WithErrorFunc(func(error) {
			_, _ = s.ClientMetadata()
			select {
			case done <- s.Stop(soon):
			default:
			}
		}))
		require.NoError(t, err)
		require.NoError(t, s.Start(context.Background(), echo))
		c := p.connect()
		c.seg.Request.PayloadWrittenCount.Store(99)
		c.seg.requestReady.PostIfZero()
		require.NoError(t, wait(t, done))
		if _, err := c.Call(until(t), nil); !errors.Is(err, ErrServerDead) {
			require.ErrorIs(t, err, ErrCorrupted)
		}
	}
}

func TestBusyServerOfAClientThatIsGone(t *testing.T) {
	t.Run("busy until the handler ends", func(t *testing.T) {
		eachPlace(t, smallPayload, func(t *testing.T, p *place) {
			g := newGate()
			p.serve(g.handle, WithResetTimeout(time.Hour))
			c := p.connect()
			_, err := c.SendRequest(until(t), nil)
			require.NoError(t, err)
			g.expect(t, 1)
			require.NoError(t, c.Close())
			err = p.tryConnect(WithConnectTimeout(50 * time.Millisecond))
			requireError(t, err, ErrServerBusy)
			require.ErrorContains(t, err, "a client that is gone")
			requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrServerBusy)
			g.pass <- nil
			g.pass <- nil
			next := p.connect()
			r, err := next.Call(until(t), nil)
			require.NoError(t, err)
			require.Equal(t, uint64(1), r.Sequence())
			r.Release()
		})
	})
	for _, workers := range []int{1, 3} {
		t.Run("given up after the reset timeout", func(t *testing.T) {
			g := newGate()
			p := newObject(t, 256, smallPayload)
			s := p.serve(g.handle, WithResetTimeout(50*time.Millisecond), WithWorkers(workers))
			require.NoError(t, s.SetMetadata([]byte("kept")))
			c := p.connect()
			for range workers {
				_, err := c.SendRequest(until(t), []byte("old"))
				require.NoError(t, err)
			}
			for range workers {
				wait(t, g.entered)
			}
			require.NoError(t, c.Close())
			next := p.connect(WithConnectTimeout(soon)) // while the old handlers still run
			content, err := next.ServerMetadata()
			require.NoError(t, err)
			require.Equal(t, "kept", string(content))
			sequence, err := next.SendRequest(until(t), []byte("new"))
			require.NoError(t, err)
			g.expect(t, sequence)
			for range workers + 1 {
				g.pass <- nil // the late answers go to the old mapping
			}
			r, err := next.ReceiveResponse(until(t))
			require.NoError(t, err)
			require.Equal(t, "new", string(r.Data()))
			r.Release()
			require.NoError(t, next.Close())
			third := p.connect()
			g.pass <- nil
			r, err = third.Call(until(t), nil)
			require.NoError(t, err)
			r.Release()
		})
	}
}

func TestGivingUpLosesTheNameToNobody(t *testing.T) {
	// What cannot be made again is reported, and the server ends.
	g := newGate()
	reported := make(chan error, 10)
	p := newObject(t, 0, smallPayload)
	s := p.serve(g.handle, WithResetTimeout(10*time.Millisecond), WithErrorFunc(func(err error) { reported <- err }))
	c := p.connect()
	_, err := c.SendRequest(until(t), nil)
	require.NoError(t, err)
	g.expect(t, 1)
	s.mu.Lock()
	s.config.PayloadSize = 1 << 45 // no machine has that
	s.mu.Unlock()
	require.NoError(t, c.Close())
	err = wait(t, reported)
	requireError(t, err, ErrSystem)
	require.ErrorIs(t, err, ErrOutOfMemory)
	wait(t, s.Done())
	g.pass <- nil
	require.Empty(t, leftovers(p.name))
}

func TestResetThatFailsIsTriedAgain(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	reported := make(chan error, 1000)
	p.serve(echo, WithErrorFunc(func(err error) { reported <- err }))
	c := p.connect()
	// A folder in the way of a fresh semaphore's temporary name.
	obstacle := wire.TemporaryPath(p.name, "request-ready")
	mkdir(t, obstacle)
	require.NoError(t, c.Close())
	requireError(t, wait(t, reported), ErrSystem)
	requireError(t, p.tryConnect(WithConnectTimeout(20*time.Millisecond)), ErrServerBusy)
	require.Less(t, len(reported), 10, "it pauses between the tries")
	rmdir(t, obstacle)
	next := p.connect()
	r, err := next.Call(until(t), nil)
	require.NoError(t, err)
	r.Release()
}

// The supervisor's tick may come between the end of Stop's work and the moment it is told.
func TestTheSupervisorLeavesAStoppedServerAlone(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		s := p.serve(echo)
		c := p.connect()
		r, err := c.Call(until(t), []byte{1})
		require.NoError(t, err)
		r.Release()
		require.NoError(t, c.Close())
		require.NoError(t, s.Stop(soon))
		passed, rest := s.supervise(41)
		require.EqualValues(t, 41, passed)
		require.False(t, rest)
	})
}
