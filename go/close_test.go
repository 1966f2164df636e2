//go:build linux

package zeroduplex

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// everyCall is every method that can wait or fail, on a channel of which something is known to be in flight.
func everyCall(c *InPlaceDuplexChannel, ctx context.Context) map[string]func() error {
	return map[string]func() error{
		"SendRequest":          func() error { _, err := c.SendRequest(ctx, nil); return err },
		"Send":                 func() error { _, err := c.Send(ctx, Request{OneWay: true}); return err },
		"AcquireRequestBuffer": func() error { _, err := c.AcquireRequestBuffer(ctx, 1, 0); return err },
		"ReceiveResponse":      func() error { _, err := c.ReceiveResponse(ctx); return err },
		"ReceiveResponseFor":   func() error { _, err := c.ReceiveResponseFor(ctx, 1); return err },
		"Call":                 func() error { _, err := c.Call(ctx, nil); return err },
		"Cancel":               func() error { _, err := c.Cancel(1); return err },
		"SetMetadata":          func() error { return c.SetMetadata(nil) },
		"ServerMetadata":       func() error { _, err := c.ServerMetadata(); return err },
	}
}

func TestEverythingFailsAfterClose(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		p.serve(echo)
		c := p.connect()
		// Something is in flight and something is answered: nobody may look at them any more.
		for range 3 {
			_, err := c.SendRequest(until(t), []byte("x"))
			require.NoError(t, err)
		}
		require.True(t, c.IsServerConnected())
		require.NoError(t, c.Close())
		require.NoError(t, c.Close(), "closing again does nothing")
		require.False(t, c.IsServerConnected())
		for name, call := range everyCall(c, until(t)) {
			t.Run(name, func(t *testing.T) {
				err := call()
				requireError(t, err, ErrClosed)
				require.ErrorIs(t, err, os.ErrClosed)
			})
		}
	})
}

func TestCloseWakesEveryWaiter(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		t.Run(w.String(), func(t *testing.T) {
			eachPlace(t, 256, func(t *testing.T, p *place) {
				g := newGate()
				p.serve(g.handle)
				c := p.connect(WithWait(w))
				sequence, err := c.SendRequest(until(t), make([]byte, 192)) // the ring is full
				require.NoError(t, err)
				g.expect(t, sequence)
				var all sync.WaitGroup
				start := time.Now()
				for name, call := range map[string]func() error{
					"any":    func() error { _, err := c.ReceiveResponse(until(t)); return err },
					"any 2":  func() error { _, err := c.ReceiveResponse(until(t)); return err },
					"number": func() error { _, err := c.ReceiveResponseFor(until(t), sequence); return err },
					"send":   func() error { _, err := c.SendRequest(until(t), nil); return err },
					"send 2": func() error { _, err := c.SendRequest(until(t), nil); return err },
					"call":   func() error { _, err := c.Call(until(t), nil); return err },
				} {
					all.Add(1)
					go func() {
						defer all.Done()
						if err := call(); !errors.Is(err, ErrClosed) {
							t.Errorf("%s: %v", name, err)
						}
					}()
				}
				eventually(t, func() bool {
					c.mu.Lock()
					defer c.mu.Unlock()
					return c.holds == 6
				}, "all wait")
				require.NoError(t, c.Close())
				all.Wait()
				require.Less(t, time.Since(start), soon)
				g.pass <- nil // the handler whose client is gone
			})
		})
	}
}

func TestCloseWithAResponseOutDetachesAfterItsRelease(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		p.serve(invert)
		c := p.connect()
		r, err := c.Call(until(t), []byte{1, 2, 3})
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.Equal(t, []byte{254, 253, 252}, r.Data(), "it is the application's until it is released")
		requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrWriterAlreadyConnected)
		r.Release()
		r.Release()
		p.connect()
	})
}

func TestCloseWithABufferOutDetachesAfterItsEnd(t *testing.T) {
	for _, commit := range []bool{true, false} {
		eachPlace(t, smallPayload, func(t *testing.T, p *place) {
			p.serve(invert)
			c := p.connect()
			buffer, err := c.AcquireRequestBuffer(until(t), 10, 0)
			require.NoError(t, err)
			require.NoError(t, c.Close())
			buffer.Data()[9] = 1
			requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrWriterAlreadyConnected)
			if commit {
				_, err = buffer.Commit()
				requireError(t, err, ErrClosed)
			} else {
				buffer.Abort()
			}
			p.connect()
		})
	}
}

func TestCloseWhileResponsesArrive(t *testing.T) {
	// Close must not wait for a call that ends in a response which its goroutine keeps.
	for range 50 {
		p := newHeap(t, 0, smallPayload)
		s := p.serve(echo)
		c := p.connect()
		results := make(chan Response, 4)
		for range 4 {
			go func() {
				r, err := c.Call(until(t), []byte("x"))
				if err != nil && !errors.Is(err, ErrClosed) {
					t.Errorf("%v", err)
				}
				results <- r
			}()
		}
		closed := started(c.Close)
		require.NoError(t, wait(t, closed))
		for range 4 {
			wait(t, results).Release()
		}
		next := p.connect()
		require.NoError(t, next.Close())
		require.NoError(t, s.Close())
	}
}

func TestReconnectingIsQuick(t *testing.T) {
	rounds := 1000
	if _, ok := os.LookupEnv("ZERODUPLEX_SOAK"); ok {
		rounds = 10000
	}
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		t.Run(w.String(), func(t *testing.T) {
			rounds := rounds
			if w != WaitHybrid {
				rounds /= 10
			}
			p := newObject(t, 64, 4096)
			s := p.serve(invert, WithWait(w))
			before := descriptors(t)
			start := time.Now()
			for i := range rounds {
				c, err := DefaultFactory().CreateClient(context.Background(), p.name, WithWait(w), WithConnectTimeout(soon))
				require.NoError(t, err)
				r, err := c.Call(context.Background(), []byte{byte(i)})
				require.NoError(t, err)
				require.Equal(t, uint64(1), r.Sequence(), "every connection starts at 1")
				require.Equal(t, []byte{^byte(i)}, r.Data())
				r.Release()
				require.NoError(t, c.Close())
			}
			each := time.Since(start) / time.Duration(rounds)
			t.Logf("%v each", each)
			require.Less(t, each, 50*time.Millisecond, "a slice is 100 ms: nobody waits one out")
			// The server lets go of the last client's semaphores at once.
			eventually(t, func() bool { return descriptors(t) <= before }, "descriptors grow")
			require.NoError(t, s.Close())
		})
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}

func mappings(t *testing.T, of string) int {
	t.Helper()
	maps, err := os.ReadFile("/proc/self/maps")
	require.NoError(t, err)
	n := 0
	for i := 0; i+len(of) <= len(maps); i++ {
		if string(maps[i:i+len(of)]) == of {
			n++
		}
	}
	return n
}

func TestNothingStaysMappedOrOpen(t *testing.T) {
	p := newObject(t, 64, 4096)
	before, mapped := descriptors(t), mappings(t, "/dev/shm/")
	for range 20 {
		s, err := DefaultFactory().CreateInPlaceDuplexServer(p.name, p.config)
		require.NoError(t, err)
		require.NoError(t, s.Start(context.Background(), echo))
		c, err := DefaultFactory().CreateClient(context.Background(), p.name)
		require.NoError(t, err)
		r, err := c.Call(until(t), nil)
		require.NoError(t, err)
		r.Release()
		_, err = c.SendRequest(until(t), nil) // left in flight
		require.NoError(t, err)
		require.Equal(t, mapped+10, mappings(t, "/dev/shm/"), "object and four semaphores, on both sides")
		require.NoError(t, c.Close())
		require.NoError(t, s.Close())
		eventually(t, func() bool { return mappings(t, "/dev/shm/") == mapped }, "something stays mapped")
	}
	require.LessOrEqual(t, descriptors(t), before)
	requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrServerNotFound)
	requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrServerNotFound)
	require.LessOrEqual(t, descriptors(t), before, "refused attempts leave nothing")
}
