//go:build linux

package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
	"github.com/zeroduplex/zeroduplex/go/internal/process"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func init() {
	roles["immutable-server"] = immutableServerRole
	roles["dual-client"] = dualClientRole
}

// immutableServerRole serves a name. A request of the byte 0 is never answered.
func immutableServerRole(args []string) error {
	w, err := ParseWaitStrategy(args[1])
	if err != nil {
		return err
	}
	options := []ServerOption{WithWait(w)}
	if len(args) > 2 {
		options = append(options, WithMode(0o666), AllowOtherUsers())
	}
	s, err := DefaultFactory().CreateImmutableServer(args[0], NewBufferConfig(256, 4096), options...)
	if err != nil {
		return err
	}
	err = s.Start(context.Background(), func(f Frame) error {
		if f.Size() == 1 && f.Data()[0] == 0 {
			child.Say("hanging")
			select {}
		}
		return invert(f)
	})
	if err != nil {
		return err
	}
	child.Say("serving")
	_, _ = child.Heard()
	return s.Close()
}

// dualClientRole connects and does what it is told.
func dualClientRole(args []string) error {
	w, err := ParseWaitStrategy(args[1])
	if err != nil {
		return err
	}
	c, err := DefaultFactory().CreateClient(context.Background(), args[0], WithWait(w), WithCallTimeout(time.Hour),
		WithResponseConfig(NewBufferConfig(256, 4096)), AllowOtherUsers())
	if err != nil {
		return err
	}
	child.Say("connected")
	for {
		order, err := child.Heard()
		if err != nil {
			return c.Close()
		}
		switch order {
		case "call": // until the channel breaks
			for i := uint64(1); ; i++ {
				data := frameOf(i, int(i%1000)+1)
				r, err := c.Call(context.Background(), data)
				if err != nil {
					return err
				}
				if string(inverted(data)) != string(r.Data()) {
					return fmt.Errorf("call %d: wrong bytes", i)
				}
				r.Release()
				if i%100 == 0 {
					child.Say("calling")
				}
			}
		case "send": // a few, and receive nothing
			for i := range 3 {
				if _, err := c.SendRequest(context.Background(), []byte{100 + byte(i)}); err != nil {
					return err
				}
			}
			child.Say("sent")
		case "wait":
			child.Say("waiting")
			_, err := c.ReceiveResponse(context.Background())
			return fmt.Errorf("the wait ended: %w", err)
		}
	}
}

func startImmutable(t *testing.T, name string, w WaitStrategy) *child.Process {
	t.Helper()
	s := child.Start(t, "immutable-server", []string{name, w.String()})
	s.Expect("serving")
	return s
}

func TestAKilledServerOfV1(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		t.Run(w.String(), func(t *testing.T) {
			d := newDual(t)
			server := startImmutable(t, d.name, w)
			c := d.connect(WithWait(w))
			_, err := c.SendRequest(until(t), []byte{1, 2, 3})
			require.NoError(t, err)
			_, err = c.SendRequest(until(t), []byte{0})
			require.NoError(t, err)
			server.Expect("hanging")
			waiting := started(func() error { _, err := c.ReceiveResponseFor(until(t), 2); return err })
			server.Kill()
			start := time.Now()
			err = wait(t, waiting)
			requireError(t, err, ErrServerDead)
			require.ErrorContains(t, err, "request 2 is lost")
			require.Less(t, time.Since(start), wire.DefaultV2WaitSlice+3*time.Second)
			r, err := c.ReceiveResponse(until(t))
			require.NoError(t, err, "an answer that was there is still delivered")
			require.Equal(t, []byte{254, 253, 252}, r.Data())
			r.Release()
			_, err = c.ReceiveResponse(passed(t))
			requireError(t, err, ErrServerDead)
			require.False(t, c.IsServerConnected())
			eventually(t, func() bool { _, err := c.SendRequest(until(t), []byte{1}); return errors.Is(err, ErrServerDead) }, "noticed by sends")
			require.NoError(t, c.Close())

			d.serve(invert)
			require.Equal(t, []byte{254}, call(t, d.connect(), []byte{1}))
		})
	}
}

func TestAKilledClientOfV1(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		for _, order := range []string{"call", "send", "wait"} {
			t.Run(w.String()+", "+order, func(t *testing.T) {
				d := newDual(t)
				var told complaints
				s := d.serve(invert, WithWait(w), told.option())
				client := child.Start(t, "dual-client", []string{d.name, w.String()})
				client.Expect("connected")
				client.Tell(order)
				client.Line()
				requireError(t, d.tryConnect(WithConnectTimeout(0)), ErrWriterAlreadyConnected)
				client.Kill()
				next := d.connect(WithConnectTimeout(soon), WithWait(w))
				for i := range 10 {
					require.Equal(t, []byte{^byte(i)}, call(t, next, []byte{byte(i)}))
				}
				next.response.buffer.allFree(t)
				require.NoError(t, next.Close())
				require.NoError(t, s.Close())
				require.Empty(t, told.take(), "a client that dies is nobody's fault")
			})
		}
	}
}

// What a client left unread is answered to nobody, least of all to the next client.
func TestRequestsThatADeadClientLeft(t *testing.T) {
	d := newDual(t)
	s := d.create()
	client := child.Start(t, "dual-client", []string{d.name, "hybrid"})
	client.Expect("connected")
	client.Tell("send")
	client.Expect("sent")
	client.Kill()
	err := d.tryConnect(WithConnectTimeout(50 * time.Millisecond))
	requireError(t, err, ErrServerBusy)
	require.ErrorContains(t, err, "it has not read all that a former client left")
	require.False(t, process.Alive(requestsOf(s).Oieb.WriterPid.Load()), "nobody is attached")

	handled := make(chan uint64, 100)
	connected := started(func() []byte {
		c, err := DefaultFactory().CreateClient(context.Background(), d.name, WithConnectTimeout(soon), WithResponseConfig(NewBufferConfig(0, 1024)))
		if err != nil {
			t.Error(err)
			return nil
		}
		defer c.Close()
		r, err := c.Call(context.Background(), []byte{1})
		if err != nil {
			t.Error(err)
			return nil
		}
		defer r.Release()
		return append([]byte{}, r.Data()...)
	})
	require.NoError(t, s.Start(context.Background(), func(f Frame) error {
		handled <- f.Sequence()
		return invert(f)
	}))
	require.Equal(t, []byte{254}, wait(t, connected))
	require.Len(t, handled, 1, "the dead one's were only read")
}

// Clients that come and go at once must get their own responses, whatever the last one left.
func TestClientsOfV1ComeAndGo(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitBlock} {
		t.Run(w.String(), func(t *testing.T) {
			d := newDual(t)
			d.serve(invert, WithWait(w))
			for i := range 300 {
				c := d.connect(WithWait(w), WithConnectTimeout(soon))
				switch i % 4 {
				case 0: // leaves requests behind, perhaps not read
					for range 3 {
						_, err := c.SendRequest(until(t), []byte{200, byte(i)})
						require.NoError(t, err)
					}
				case 1: // leaves at once
				case 2: // leaves with a response unread, perhaps
					require.Equal(t, []byte{^byte(i)}, call(t, c, []byte{byte(i)}))
					_, err := c.SendRequest(until(t), []byte{200, byte(i)})
					require.NoError(t, err)
				default:
					for k := range 3 {
						require.Equal(t, []byte{^byte(i), ^byte(k)}, call(t, c, []byte{byte(i), byte(k)}))
					}
				}
				require.NoError(t, c.Close())
			}
		})
	}
}

// A client of another kind may make its response buffer later than its first request.
func TestAResponseBufferThatComesLate(t *testing.T) {
	d := newDual(t)
	var told complaints
	d.serve(invert, told.option())
	w, err := NewWriter(until(t), d.name+"_request")
	require.NoError(t, err)
	send(t, w, 5, 6)
	time.Sleep(2 * wire.DefaultV2WaitSlice) // the server looks for it all the time
	r, err := NewReader(d.name+"_response", NewBufferConfig(0, 1024))
	require.NoError(t, err)
	for n, size := range []int{5, 6} {
		f, err := r.ReadFrame(until(t))
		require.NoError(t, err)
		require.EqualValues(t, n+1, f.Sequence())
		require.Equal(t, inverted(frameOf(uint64(n+1), size)), f.Data())
		f.Release()
	}
	require.NoError(t, r.Close())
	require.NoError(t, w.Close())
	require.Empty(t, told.take())
	require.Equal(t, []byte{254}, call(t, d.connect(), []byte{1}))

	t.Run("or never", func(t *testing.T) {
		d := newDual(t)
		d.serve(invert, told.option())
		w, err := NewWriter(until(t), d.name+"_request")
		require.NoError(t, err)
		send(t, w, 5)
		eventually(t, func() bool { return w.buffer.Oieb.PayloadReadCount.Load() == 1 }, "it is given up")
		errs := told.take()
		require.Len(t, errs, 1)
		requireError(t, errs[0], ErrBufferNotFound)
		require.ErrorContains(t, errs[0], "its requests are dropped")
		send(t, w, 6)
		eventually(t, func() bool { return w.buffer.Oieb.PayloadReadCount.Load() == 2 }, "and so are later ones, at once")
		require.NoError(t, w.Close())
		require.Equal(t, []byte{254}, call(t, d.connect(), []byte{1}))
	})
	t.Run("of a client that is gone by then", func(t *testing.T) {
		d := newDual(t)
		d.serve(invert, told.option())
		w, err := NewWriter(until(t), d.name+"_request")
		require.NoError(t, err)
		send(t, w, 5)
		require.NoError(t, w.Close())
		start := time.Now()
		require.Equal(t, []byte{254}, call(t, d.connect(), []byte{1}))
		require.Less(t, time.Since(start), responsePatience, "nobody waits for its buffer")
		require.Empty(t, told.take())
	})
	t.Run("while the server stops", func(t *testing.T) {
		d := newDual(t)
		s := d.serve(invert, told.option())
		w, err := NewWriter(until(t), d.name+"_request")
		require.NoError(t, err)
		send(t, w, 5)
		require.NoError(t, s.Stop(time.Hour))
		require.Empty(t, told.take())
		require.NoError(t, w.Close())
	})
}

func TestAResponseBufferWhoseReaderIsDead(t *testing.T) {
	d := newDual(t)
	s := d.serve(invert)
	require.NoError(t, os.WriteFile(wire.ObjectPath(d.name+"_response"), v1Image(0, nobody), 0o600))
	c := d.connect()
	require.Equal(t, []byte{254}, call(t, c, []byte{1}), "the client replaced it")
	require.NoError(t, s.Close())
}

func TestPausedProcessesOfV1LoseNothing(t *testing.T) {
	d := newDual(t)
	server := startImmutable(t, d.name, WaitHybrid)
	client := child.Start(t, "dual-client", []string{d.name, "hybrid"})
	client.Expect("connected")
	client.Tell("call")
	for range 2 {
		for _, paused := range []*child.Process{server, client} {
			client.Expect("calling")
			pauseFor(paused, 3*wire.DefaultV2WaitSlice) // longer than the slices after which the other side looks whether it lives
			client.Expect("calling")
			client.Expect("calling")
		}
	}
	client.Kill()
	server.Finish()
	removeResponses(t, d)
}

// removeResponses removes the buffer of a killed client, as the next client does.
func removeResponses(t *testing.T, d *channel) {
	t.Helper()
	r, err := NewReader(d.name+"_response", NewBufferConfig(0, 64))
	require.NoError(t, err)
	require.NoError(t, r.Close())
}

func TestIdleSidesOfV1UseNoProcessor(t *testing.T) {
	d := newDual(t)
	server := startImmutable(t, d.name, WaitHybrid)
	client := child.Start(t, "dual-client", []string{d.name, "hybrid"})
	client.Expect("connected")
	client.Tell("wait")
	client.Expect("waiting")
	child.RequireIdle(t, server.Pid(), client.Pid())
	client.Kill()
	server.Finish()
	removeResponses(t, d)
}

func TestAServerOfV1OfAnotherUser(t *testing.T) {
	d := newDual(t)
	server := child.Start(t, "immutable-server", []string{d.name, "hybrid", "others"}, child.As(65534, 65534))
	server.Expect("serving")
	requireError(t, d.tryConnect(WithConnectTimeout(0)), ErrPermissionDenied)
	c := d.connect(AllowOtherUsers())
	require.Equal(t, []byte{254}, call(t, c, []byte{1}), "the response buffer lets in whom the request buffer lets in")
	info, err := os.Stat(wire.ObjectPath(d.name + "_response"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o666), info.Mode())
	require.NoError(t, c.Close())
	server.Finish()
}
