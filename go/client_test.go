//go:build linux

package zeroduplex

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func TestCallThatTimesOutDropsItsLateResponse(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		g := newGate()
		p.serve(g.handle)
		c := p.connect(WithCallTimeout(30 * time.Millisecond))
		_, err := c.Call(context.Background(), make([]byte, 100))
		requireError(t, err, ErrTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.False(t, errors.Is(err, ErrBufferFull))
		g.expect(t, 1)
		require.Less(t, c.free(t), uint64(smallPayload), "the server still has it")

		g.pass <- nil
		eventually(t, func() bool { return c.free(t) == smallPayload }, "the late response's space comes back")
		_, err = c.ReceiveResponse(context.Background())
		requireError(t, err, ErrTimeout) // nobody gets it
		_, err = c.ReceiveResponseFor(until(t), 1)
		requireError(t, err, ErrUnknownSequence)
		g.pass <- nil
		r, err := c.Call(until(t), []byte("next"))
		require.NoError(t, err)
		require.Equal(t, uint64(2), r.Sequence())
		r.Release()
	})
}

func TestCallThatTimesOutBeforeItWasTakenIsNeverRun(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		g := newGate()
		p.serve(g.handle)
		c := p.connect(WithCallTimeout(20 * time.Millisecond))
		busy, err := c.SendRequest(until(t), []byte("busy"))
		require.NoError(t, err)
		g.expect(t, busy)
		_, err = c.Call(context.Background(), []byte("impatient"))
		requireError(t, err, ErrTimeout)
		last, err := c.SendRequest(until(t), []byte("last"))
		require.NoError(t, err)
		g.pass <- nil
		g.pass <- nil
		g.expect(t, last)
		for _, sequence := range []uint64{busy, last} {
			r, err := c.ReceiveResponseFor(until(t), sequence)
			require.NoError(t, err)
			r.Release()
		}
		require.Equal(t, uint64(smallPayload), c.free(t))
	})
}

func TestReceiveThatTimesOutMayBeRepeated(t *testing.T) {
	p := newHeap(t, 0, smallPayload)
	g := newGate()
	p.serve(g.handle)
	c := p.connect(WithCallTimeout(10 * time.Millisecond))
	sequence, err := c.SendRequest(until(t), []byte("x"))
	require.NoError(t, err)
	_, err = c.ReceiveResponseFor(context.Background(), sequence)
	requireError(t, err, ErrTimeout)
	_, err = c.ReceiveResponse(context.Background())
	requireError(t, err, ErrTimeout)
	g.pass <- nil
	r, err := c.ReceiveResponseFor(until(t), sequence)
	require.NoError(t, err)
	r.Release()
}

func TestFullRing(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		s := p.create() // requests wait for Start
		c := p.connect(WithSendTimeout(20 * time.Millisecond))
		sent := 0
		var err error
		for err == nil {
			_, err = c.SendRequest(context.Background(), make([]byte, 1000))
			sent++
		}
		requireError(t, err, ErrBufferFull)
		require.False(t, errors.Is(err, ErrAcquisitionOpen))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "frames in flight")
		require.Equal(t, smallPayload/(1024+64)+1, sent)

		t.Run("the sender waits until there is room", func(t *testing.T) {
			sequence := started(func() uint64 {
				n, err := c.SendRequest(until(t), make([]byte, 1000))
				if err != nil {
					t.Error(err)
				}
				return n
			})
			require.NoError(t, s.Start(context.Background(), echo))
			for range sent - 1 {
				r, err := c.ReceiveResponse(until(t))
				require.NoError(t, err)
				r.Release()
			}
			require.Equal(t, uint64(sent), wait(t, sequence))
			r, err := c.ReceiveResponse(until(t))
			require.NoError(t, err)
			r.Release()
		})
	})
}

func TestOneWayRequestsThroughAFullRing(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
			count := 300
			if w == WaitSpin {
				count = 50 // on few processors spinning threads wait for each other
			}
			seen := make(chan uint64, count)
			s := p.serve(func(f Frame) error {
				seen <- f.Sequence()
				return nil
			}, WithWait(w))
			c := p.connect(WithWait(w))
			for range count { // many times the ring; the server's posts make the room known
				_, err := c.Send(until(t), Request{Data: make([]byte, 300), OneWay: true})
				require.NoError(t, err)
			}
			for i := range count {
				require.Equal(t, uint64(i+1), wait(t, seen))
			}
			require.NoError(t, c.Close())
			require.NoError(t, s.Close())
		}
	})
}

func TestOpenAcquisition(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		p.serve(echo)
		c := p.connect(WithSendTimeout(20 * time.Millisecond))
		buffer, err := c.AcquireRequestBuffer(until(t), 100, 0)
		require.NoError(t, err)
		_, err = c.SendRequest(context.Background(), []byte("x"))
		requireError(t, err, ErrAcquisitionOpen)
		require.ErrorIs(t, err, ErrBufferFull, "it is a kind of that")
		_, err = c.AcquireRequestBuffer(context.Background(), 1, 0)
		requireError(t, err, ErrAcquisitionOpen)
		_, err = c.Call(context.Background(), nil)
		requireError(t, err, ErrAcquisitionOpen)

		waiting := started(func() error {
			r, err := c.Call(until(t), []byte("queued"))
			if err == nil {
				r.Release()
			}
			return err
		})
		_, err = buffer.Commit()
		require.NoError(t, err)
		require.NoError(t, wait(t, waiting))
		r, err := c.ReceiveResponse(until(t))
		require.NoError(t, err)
		r.Release()
	})
}

func TestWaitingBehindASenderThatWaitsIsBufferFull(t *testing.T) {
	p := newHeap(t, 0, 128)
	p.create()
	c := p.connect(WithSendTimeout(20 * time.Millisecond))
	_, err := c.SendRequest(until(t), make([]byte, 64))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(until(t))
	first := started(func() error {
		_, err := c.SendRequest(ctx, nil)
		return err
	})
	eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.turn.held
	}, "it waits for room")
	_, err = c.SendRequest(context.Background(), nil)
	requireError(t, err, ErrBufferFull)
	require.False(t, errors.Is(err, ErrAcquisitionOpen), "nobody has a buffer in his hands")
	cancel()
	requireError(t, wait(t, first), ErrCancelled)
}

func TestSendersAreServedFirstComeFirstServed(t *testing.T) {
	p := newHeap(t, 0, smallPayload)
	p.serve(echo)
	c := p.connect()
	buffer, err := c.AcquireRequestBuffer(until(t), 0, 0)
	require.NoError(t, err)
	const n = 20
	sequences := make([]uint64, n)
	var all sync.WaitGroup
	for i := range n {
		all.Add(1)
		go func() {
			defer all.Done()
			var err error
			if sequences[i], err = c.SendRequest(until(t), nil); err != nil {
				t.Error(err)
			}
		}()
		eventually(t, func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return len(c.turn.queue) == i+1
		}, "it queues up")
	}
	buffer.Abort()
	all.Wait()
	for i, sequence := range sequences {
		require.Equal(t, uint64(i+1), sequence)
	}
}

func TestFrameThatCanNeverFit(t *testing.T) {
	p := newHeap(t, 0, smallPayload)
	p.serve(echo)
	c := p.connect()
	for _, r := range []Request{
		{Data: make([]byte, smallPayload)}, {Data: make([]byte, smallPayload-63)}, {Capacity: smallPayload - 63}, {Capacity: int(wire.MaxFrameData) + 1},
	} {
		start := time.Now()
		_, err := c.Send(until(t), r)
		requireError(t, err, ErrFrameTooLarge)
		require.Less(t, time.Since(start), soon/2, "at once")
	}
	_, err := c.AcquireRequestBuffer(until(t), smallPayload, 0)
	requireError(t, err, ErrFrameTooLarge)
	r, err := c.Call(until(t), make([]byte, smallPayload-64))
	require.NoError(t, err, "the largest one, and the turn was given back")
	r.Release()
}

func TestSendArgumentsAreChecked(t *testing.T) {
	p := newHeap(t, 0, smallPayload)
	p.serve(echo)
	c := p.connect()
	_, err := c.Send(until(t), Request{Data: make([]byte, 100), Capacity: 99})
	requireError(t, err, ErrInvalidArgument)
	_, err = c.Send(until(t), Request{Capacity: -1})
	requireError(t, err, ErrInvalidArgument)
	_, err = c.AcquireRequestBuffer(until(t), -1, 0)
	requireError(t, err, ErrInvalidArgument)
	_, err = c.CallRequest(until(t), Request{OneWay: true})
	requireError(t, err, ErrInvalidArgument)
}

func TestUnknownSequences(t *testing.T) {
	p := newHeap(t, 0, smallPayload)
	g := newGate()
	p.serve(g.handle)
	c := p.connect()
	for _, sequence := range []uint64{0, 1, 99, ^uint64(0)} {
		_, err := c.ReceiveResponseFor(until(t), sequence)
		requireError(t, err, ErrUnknownSequence)
		_, err = c.Cancel(sequence)
		requireError(t, err, ErrUnknownSequence)
	}
	first, err := c.SendRequest(until(t), nil)
	require.NoError(t, err)
	oneWay, err := c.Send(until(t), Request{OneWay: true})
	require.NoError(t, err)
	g.pass <- nil
	r, err := c.ReceiveResponseFor(until(t), first)
	require.NoError(t, err)
	_, err = c.ReceiveResponseFor(until(t), first)
	requireError(t, err, ErrUnknownSequence) // it was delivered
	r.Release()
	_, err = c.ReceiveResponseFor(until(t), first)
	requireError(t, err, ErrUnknownSequence)
	_, err = c.Cancel(first)
	requireError(t, err, ErrUnknownSequence)
	_, err = c.ReceiveResponseFor(until(t), oneWay)
	requireError(t, err, ErrUnknownSequence)
	g.pass <- nil

	t.Run("somebody else waits for it", func(t *testing.T) {
		sequence, err := c.SendRequest(until(t), nil)
		require.NoError(t, err)
		waiting := started(func() error {
			r, err := c.ReceiveResponseFor(until(t), sequence)
			if err == nil {
				r.Release()
			}
			return err
		})
		eventually(t, func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.ring.Lookup(sequence).Taken
		}, "it waits")
		_, err = c.ReceiveResponseFor(until(t), sequence)
		requireError(t, err, ErrUnknownSequence)
		g.pass <- nil
		require.NoError(t, wait(t, waiting))
	})
}

func TestCancel(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		g := newGate()
		p.serve(g.handle)
		c := p.connect()
		taken, err := c.SendRequest(until(t), nil)
		require.NoError(t, err)
		g.expect(t, taken)
		untaken, err := c.SendRequest(until(t), make([]byte, 1000))
		require.NoError(t, err)
		waiting := started(func() error {
			_, err := c.ReceiveResponseFor(until(t), untaken)
			return err
		})
		ok, err := c.Cancel(taken)
		require.NoError(t, err)
		require.False(t, ok, "too late: a handler has it")
		ok, err = c.Cancel(untaken)
		require.NoError(t, err)
		require.True(t, ok)
		requireCancelledOrUnknown(t, wait(t, waiting))
		_, err = c.Cancel(untaken)
		requireError(t, err, ErrUnknownSequence)
		_, err = c.ReceiveResponseFor(until(t), untaken)
		requireError(t, err, ErrUnknownSequence)

		last, err := c.SendRequest(until(t), nil)
		require.NoError(t, err)
		g.pass <- nil
		g.pass <- nil
		g.expect(t, last) // and not the cancelled one
		for _, sequence := range []uint64{taken, last} {
			r, err := c.ReceiveResponseFor(until(t), sequence)
			require.NoError(t, err)
			ok, err = c.Cancel(sequence)
			require.NoError(t, err)
			require.False(t, ok, "too late: it is there")
			r.Release()
		}
		require.Equal(t, uint64(smallPayload), c.free(t))
	})
}

// A waiter that came after the cancellation finds nothing to wait for.
func requireCancelledOrUnknown(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, ErrUnknownSequence) {
		requireError(t, err, ErrCancelled)
	}
}

func TestCancelledSpaceMakesRoomForAWaitingSender(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		g := newGate()
		p.serve(g.handle)
		c := p.connect(WithWait(WaitBlock))
		busy, err := c.SendRequest(until(t), nil)
		require.NoError(t, err)
		g.expect(t, busy)
		large, err := c.SendRequest(until(t), make([]byte, 1024-128))
		require.NoError(t, err)
		waiting := started(func() error {
			_, err := c.SendRequest(until(t), make([]byte, 512))
			return err
		})
		ok, err := c.Cancel(large)
		require.NoError(t, err)
		require.True(t, ok)
		g.pass <- nil // now the server gets to the cancelled one
		g.pass <- nil
		r, err := c.ReceiveResponseFor(until(t), busy)
		require.NoError(t, err)
		r.Release()
		require.NoError(t, wait(t, waiting))
	})
}

func TestManyCancellationsAmongWaiters(t *testing.T) {
	p := newHeap(t, 0, 2048)
	p.serve(invert, WithWorkers(2))
	c := p.connect()
	var all sync.WaitGroup
	for worker := range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			random := rand.New(rand.NewPCG(uint64(worker), 1))
			for i := range 500 {
				value := byte(worker*50 + i%50)
				sequence, err := c.SendRequest(until(t), []byte{value, value})
				if err != nil {
					t.Error(err)
					return
				}
				if random.IntN(2) == 0 {
					all.Add(1)
					go func() {
						defer all.Done()
						_, _ = c.Cancel(sequence) // it may be long gone
					}()
				}
				r, err := c.ReceiveResponseFor(until(t), sequence)
				if errors.Is(err, ErrCancelled) || errors.Is(err, ErrUnknownSequence) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if r.Sequence() != sequence || r.Size() != 2 || r.Data()[0] != ^value || r.Data()[1] != ^value {
					t.Errorf("request %d got the response to %d", sequence, r.Sequence())
				}
				r.Release()
			}
		}()
	}
	all.Wait()
	eventually(t, func() bool { return c.free(t) == 2048 }, "all space comes back")
}

func TestContextsEndWaitsAtOnce(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		t.Run(w.String(), func(t *testing.T) {
			p := newHeap(t, 0, 256)
			g := newGate()
			p.serve(g.handle)
			c := p.connect(WithWait(w), WithCallTimeout(time.Hour), WithSendTimeout(time.Hour))
			blocker, err := c.SendRequest(until(t), make([]byte, 192))
			require.NoError(t, err)
			g.expect(t, blocker)
			for what, call := range map[string]func(context.Context) error{
				"receive any": func(ctx context.Context) error {
					_, err := c.ReceiveResponse(ctx)
					return err
				},
				"receive by number": func(ctx context.Context) error {
					_, err := c.ReceiveResponseFor(ctx, blocker)
					return err
				},
				"send": func(ctx context.Context) error {
					_, err := c.SendRequest(ctx, nil)
					return err
				},
				"acquire": func(ctx context.Context) error {
					_, err := c.AcquireRequestBuffer(ctx, 1, 0)
					return err
				},
				"call": func(ctx context.Context) error {
					_, err := c.Call(ctx, nil)
					return err
				},
			} {
				t.Run(what, func(t *testing.T) {
					ctx, cancel := context.WithCancel(context.Background())
					failed := started(func() error { return call(ctx) })
					cancel()
					err := wait(t, failed)
					requireError(t, err, ErrCancelled)
					require.ErrorIs(t, err, context.Canceled)
					ctx, cancel = context.WithTimeout(context.Background(), 5*time.Millisecond)
					defer cancel()
					require.ErrorIs(t, wait(t, started(func() error { return call(ctx) })), context.DeadlineExceeded)
				})
			}
			g.pass <- nil
			r, err := c.ReceiveResponseFor(until(t), blocker)
			require.NoError(t, err)
			r.Release()
		})
	}
}

func TestManyWaitersAreCancelledWhileTheChannelCloses(t *testing.T) {
	for range 20 {
		p := newHeap(t, 0, smallPayload)
		g := newGate()
		s := p.serve(g.handle)
		c := p.connect(WithWait(WaitBlock))
		var all sync.WaitGroup
		ctx, cancel := context.WithCancel(context.Background())
		for range 4 {
			all.Add(1)
			go func() {
				defer all.Done()
				_, err := c.ReceiveResponse(ctx)
				if !errors.Is(err, ErrCancelled) && !errors.Is(err, ErrClosed) {
					t.Errorf("%v", err)
				}
			}()
		}
		go cancel()
		require.NoError(t, c.Close()) // unmaps while the cancellation posts
		all.Wait()
		require.NoError(t, s.Close())
	}
}

func TestACancelledContextSendsNothing(t *testing.T) {
	p := newHeap(t, 0, smallPayload)
	g := newGate()
	p.serve(g.handle)
	c := p.connect()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := c.Call(ctx, []byte("x"))
	requireError(t, err, ErrCancelled)
	_, err = c.AcquireRequestBuffer(ctx, 1, 0)
	requireError(t, err, ErrCancelled)
	sequence, err := c.SendRequest(until(t), nil)
	require.NoError(t, err)
	require.Equal(t, uint64(1), sequence)
	g.pass <- nil
	r, err := c.ReceiveResponse(ctx)
	if err == nil {
		r.Release() // it was there already: a look costs no wait
	} else {
		requireError(t, err, ErrCancelled)
	}
}

func TestReceiveAnyLeavesAloneWhatSomebodyWaitsForByNumber(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		g := newGate()
		p.serve(g.handle)
		c := p.connect()
		wanted, err := c.SendRequest(until(t), []byte("wanted"))
		require.NoError(t, err)
		other, err := c.SendRequest(until(t), []byte("other"))
		require.NoError(t, err)
		byNumber := started(func() string {
			r, err := c.ReceiveResponseFor(until(t), wanted)
			if err != nil {
				return err.Error()
			}
			defer r.Release()
			return string(r.Data())
		})
		eventually(t, func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.ring.Lookup(wanted).Taken
		}, "it waits")
		g.pass <- nil
		g.pass <- nil
		r, err := c.ReceiveResponse(until(t))
		require.NoError(t, err)
		require.Equal(t, other, r.Sequence())
		r.Release()
		require.Equal(t, "wanted", wait(t, byNumber))
	})
}

func TestReleaseOutOfOrderAndFromOtherGoroutines(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		p.serve(invert, WithWorkers(2))
		c := p.connect()
		var out []Response
		for range 10 {
			r, err := c.Call(until(t), make([]byte, 500))
			require.NoError(t, err)
			out = append(out, r)
		}
		rand.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		var all sync.WaitGroup
		for _, r := range out {
			all.Add(1)
			go func() {
				defer all.Done()
				if r.Data()[499] != 0xff {
					t.Error("a response that is out was overwritten")
				}
				r.Release()
			}()
		}
		all.Wait()
		require.Equal(t, uint64(smallPayload), c.free(t))
	})
}

func TestManyGoroutinesCall(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		for _, workers := range []int{1, 4} {
			t.Run(w.String(), func(t *testing.T) {
				eachPlace(t, 8192, func(t *testing.T, p *place) {
					p.serve(invert, WithWait(w), WithWorkers(workers))
					c := p.connect(WithWait(w))
					calls := 400
					if w == WaitSpin {
						calls = 100 // spinning threads on few processors wait for each other
					}
					var all sync.WaitGroup
					for caller := range 6 {
						all.Add(1)
						go func() {
							defer all.Done()
							random := rand.New(rand.NewPCG(uint64(caller), uint64(w)))
							for range calls {
								data := make([]byte, random.IntN(2000))
								for i := range data {
									data[i] = byte(caller) + byte(i)
								}
								r, err := c.Call(until(t), data)
								if err != nil {
									t.Error(err)
									return
								}
								if r.Size() != len(data) {
									t.Errorf("%d bytes of %d", r.Size(), len(data))
								}
								for i, b := range r.Data() {
									if b != ^data[i] {
										t.Errorf("caller %d: byte %d is another's", caller, i)
										break
									}
								}
								r.Release()
							}
						}()
					}
					all.Wait()
					require.Equal(t, uint64(8192), c.free(t))
					semaphoresHaveAtMostOneToken(t, c.seg)
				})
			})
		}
	}
}

func semaphoresHaveAtMostOneToken(t *testing.T, s *segment) {
	t.Helper()
	for _, k := range segmentSemaphores {
		require.LessOrEqual(t, (*k.at(&s.semaphores)).Value(), uint32(1), k.kind)
	}
}

func TestPipelining(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitBlock} {
		for _, lap := range []LapMode{LapEager, LapNeeded} {
			eachPlace(t, 4096, func(t *testing.T, p *place) {
				p.serve(invert, WithWait(w), WithWorkers(4))
				c := p.connect(WithWait(w), WithLap(lap))
				const n = 2000
				sizes := rand.New(rand.NewPCG(1, 2))
				var mu sync.Mutex
				sent := map[uint64]int{}
				failed := started(func() error {
					for range n {
						size := sizes.IntN(900)
						buffer, err := c.AcquireRequestBuffer(until(t), size, 0)
						if err != nil {
							return err
						}
						for i := range buffer.Data() {
							buffer.Data()[i] = byte(size + i)
						}
						mu.Lock()
						sequence, err := buffer.Commit()
						sent[sequence] = size
						mu.Unlock()
						if err != nil {
							return err
						}
					}
					return nil
				})
				for range n {
					r, err := c.ReceiveResponse(until(t))
					require.NoError(t, err)
					mu.Lock()
					size, ok := sent[r.Sequence()]
					delete(sent, r.Sequence())
					mu.Unlock()
					require.True(t, ok)
					require.Equal(t, size, r.Size())
					for i, b := range r.Data() {
						if b != ^byte(size+i) {
							t.Fatalf("frame %d: byte %d", r.Sequence(), i)
						}
					}
					r.Release()
				}
				require.NoError(t, wait(t, failed))
				require.Equal(t, uint64(4096), c.free(t))
				semaphoresHaveAtMostOneToken(t, c.seg)
			})
		}
	}
}
