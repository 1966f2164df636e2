//go:build linux

package zeroduplex

import (
	"bytes"
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func init() {
	roles["server"] = serverRole
	roles["client"] = clientRole
}

const (
	opInvert uint32 = iota
	opHang
)

// serverRole serves a name with a wait strategy. A request with opHang is never answered.
func serverRole(args []string) error {
	w, err := ParseWaitStrategy(args[1])
	if err != nil {
		return err
	}
	s, err := DefaultFactory().CreateInPlaceDuplexServer(args[0], NewBufferConfig(256, smallPayload), WithWait(w), WithWorkers(2))
	if err != nil {
		return err
	}
	err = s.Start(context.Background(), func(f Frame) error {
		if f.Opcode() == opHang {
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

// clientRole connects and does what it is told, line by line.
func clientRole(args []string) error {
	w, err := ParseWaitStrategy(args[1])
	if err != nil {
		return err
	}
	c, err := DefaultFactory().CreateClient(context.Background(), args[0], WithWait(w), WithCallTimeout(time.Hour))
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
			for i := 0; ; i++ {
				data := bytes.Repeat([]byte{byte(i)}, i%1000)
				r, err := c.Call(context.Background(), data)
				if err != nil {
					return err
				}
				for _, b := range r.Data() {
					if b != ^byte(i) {
						return fmt.Errorf("call %d: a byte is %d", i, b)
					}
				}
				r.Release()
				if i%100 == 0 {
					child.Say("calling")
				}
			}
		case "hang": // a handler that never ends, and one that gets no answer read
			if _, err := c.Send(context.Background(), Request{Opcode: opHang}); err != nil {
				return err
			}
			child.Say("sent")
		case "hold": // an acquired buffer and a response
			if _, err := c.Call(context.Background(), []byte("held")); err != nil {
				return err
			}
			if _, err := c.AcquireRequestBuffer(context.Background(), 100, 0); err != nil {
				return err
			}
			child.Say("holding")
		case "wait":
			child.Say("waiting")
			_, err := c.ReceiveResponse(context.Background())
			return fmt.Errorf("the wait ended: %w", err)
		}
	}
}

func startServer(t *testing.T, name string, w WaitStrategy) *child.Process {
	t.Helper()
	s := child.Start(t, "server", []string{name, w.String()})
	s.Expect("serving")
	return s
}

func startClient(t *testing.T, name string, w WaitStrategy) *child.Process {
	t.Helper()
	c := child.Start(t, "client", []string{name, w.String()})
	c.Expect("connected")
	return c
}

// takeOver removes what a killed server left, as the next server of the name does.
func takeOver(t *testing.T, p *place) {
	t.Helper()
	s, err := DefaultFactory().CreateInPlaceDuplexServer(p.name, p.config)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func TestServerThatIsKilled(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		t.Run(w.String(), func(t *testing.T) {
			p := newObject(t, 256, smallPayload)
			server := startServer(t, p.name, w)
			c := p.connect(WithWait(w), WithCallTimeout(time.Hour), WithSendTimeout(time.Hour))
			ready, err := c.SendRequest(until(t), []byte{1, 2, 3})
			require.NoError(t, err)
			eventually(t, func() bool { return c.seg.Response.PayloadWrittenCount.Load() == 1 }, "it is answered")
			lost, err := c.Send(until(t), Request{Opcode: opHang})
			require.NoError(t, err)
			server.Expect("hanging")
			waiting := started(func() error { _, err := c.ReceiveResponseFor(context.Background(), lost); return err })
			also := started(func() error { _, err := c.ReceiveResponseFor(context.Background(), 999); return err })
			requireError(t, wait(t, also), ErrUnknownSequence)

			server.Kill()
			start := time.Now()
			err = wait(t, waiting)
			requireError(t, err, ErrServerDead)
			require.ErrorContains(t, err, fmt.Sprintf("request %d is lost", lost))
			require.Less(t, time.Since(start), 2*wire.DefaultV2WaitSlice+3*time.Second, "two slices, and a margin for a busy machine")

			r, err := c.ReceiveResponse(until(t))
			require.NoError(t, err, "an answer that was ready is still delivered")
			require.Equal(t, ready, r.Sequence())
			require.Equal(t, []byte{254, 253, 252}, r.Data())
			r.Release()
			_, err = c.ReceiveResponse(until(t))
			requireError(t, err, ErrServerDead)
			_, err = c.SendRequest(until(t), nil)
			requireError(t, err, ErrServerDead)
			require.False(t, c.IsServerConnected())
			require.NoError(t, c.Close())
			takeOver(t, p)
		})
	}
}

func TestACallThatNeverWaitsNoticesADeadServer(t *testing.T) {
	p := newObject(t, 256, smallPayload)
	server := startServer(t, p.name, WaitHybrid)
	c := p.connect()
	server.Kill()
	eventually(t, func() bool {
		_, err := c.Send(until(t), Request{OneWay: true})
		if err != nil {
			requireError(t, err, ErrServerDead)
		}
		return err != nil
	}, "sends into nowhere")
	require.NoError(t, c.Close())
	takeOver(t, p)
}

func TestTheNextServerAfterAKilledOne(t *testing.T) {
	p := newObject(t, 256, smallPayload)
	server := startServer(t, p.name, WaitHybrid)
	old := p.connect()
	require.True(t, old.IsServerConnected())
	server.Kill()
	p.serve(invert)
	require.False(t, old.IsServerConnected(), "the next server is not the old one's client's")
	_, err := old.Call(until(t), nil)
	requireError(t, err, ErrServerDead)
	c := p.connect()
	r, err := c.Call(until(t), []byte{1})
	require.NoError(t, err)
	r.Release()
	require.NoError(t, old.Close(), "which must not disturb the new channel")
	r, err = c.Call(until(t), []byte{1})
	require.NoError(t, err)
	r.Release()
}

func TestClientThatIsKilled(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		for _, order := range []string{"call", "hold", "wait"} {
			t.Run(w.String()+", "+order, func(t *testing.T) {
				p := newObject(t, 256, smallPayload)
				s := p.serve(invert, WithWait(w))
				client := startClient(t, p.name, w)
				client.Tell(order)
				client.Line()
				requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrWriterAlreadyConnected)
				client.Kill()
				next := p.connect(WithConnectTimeout(soon))
				for i := range 10 {
					r, err := next.Call(until(t), []byte{byte(i)})
					require.NoError(t, err)
					require.Equal(t, uint64(i+1), r.Sequence())
					require.Equal(t, []byte{^byte(i)}, r.Data())
					r.Release()
				}
				require.Equal(t, uint64(smallPayload), next.free(t))
				require.NoError(t, next.Close())
				require.NoError(t, s.Close())
			})
		}
	}
}

func TestKilledClientWhoseHandlerHangs(t *testing.T) {
	g := newGate()
	p := newObject(t, 256, smallPayload)
	p.serve(g.handle, WithResetTimeout(20*time.Millisecond))
	client := startClient(t, p.name, WaitHybrid)
	client.Tell("hang")
	client.Expect("sent")
	g.expect(t, 1)
	client.Kill()
	next := p.connect(WithConnectTimeout(soon)) // the object was given up
	g.pass <- nil
	g.pass <- nil
	r, err := next.Call(until(t), nil)
	require.NoError(t, err)
	r.Release()
}

func TestStopWithAKilledClient(t *testing.T) {
	p := newObject(t, 256, smallPayload)
	s := p.serve(invert)
	client := startClient(t, p.name, WaitHybrid)
	client.Tell("hold") // a response is out
	client.Expect("holding")
	client.Kill()
	require.NoError(t, s.Stop(time.Hour), "nobody will consume it")
}

func TestPausedProcessesLoseNothing(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitBlock} {
		t.Run(w.String(), func(t *testing.T) {
			p := newObject(t, 256, smallPayload)
			server := startServer(t, p.name, w)
			client := startClient(t, p.name, w)
			client.Tell("call")
			for range 3 {
				for _, paused := range []*child.Process{server, client} {
					client.Expect("calling")
					paused.Signal(syscall.SIGSTOP)
					// Longer than the slices after which the other side looks whether it lives.
					time.Sleep(3 * wire.DefaultV2WaitSlice)
					paused.Signal(syscall.SIGCONT)
					for range 3 {
						client.Expect("calling")
					}
				}
			}
			client.Kill()
			server.Finish()
		})
	}
}

func TestIdleProcessesUseNoProcessor(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitBlock} {
		t.Run(w.String(), func(t *testing.T) {
			p := newObject(t, 256, smallPayload)
			server := startServer(t, p.name, w)
			client := startClient(t, p.name, w)
			client.Tell("wait")
			client.Expect("waiting")
			child.RequireIdle(t, server.Pid(), client.Pid())
			client.Kill()
			server.Finish()
		})
	}
}
