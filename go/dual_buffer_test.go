//go:build linux

package zeroduplex

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func TestTheSameClientAndHandlerOnBothProtocols(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		for protocol, create := range map[string]func(name string) (DuplexServer, error){
			"v1": func(name string) (DuplexServer, error) {
				return DefaultFactory().CreateImmutableServer(name, NewBufferConfig(256, smallPayload), WithWait(w))
			},
			"v2": func(name string) (DuplexServer, error) {
				return DefaultFactory().CreateInPlaceDuplexServer(name, NewBufferConfig(256, smallPayload), WithWait(w))
			},
		} {
			t.Run(w.String()+", "+protocol, func(t *testing.T) {
				name := newName(t)
				s, err := create(name)
				require.NoError(t, err)
				require.Equal(t, name, s.Name())
				require.NoError(t, s.Start(context.Background(), invert))
				c, err := DefaultFactory().CreateClient(context.Background(), name, WithWait(w), WithResponseConfig(NewBufferConfig(256, smallPayload)))
				require.NoError(t, err)
				require.True(t, c.IsServerConnected())
				require.NoError(t, c.SetMetadata([]byte("client")))
				require.NoError(t, s.SetMetadata([]byte("server")))
				random := rand.New(rand.NewPCG(5, 6))
				for n := uint64(1); n <= 300; n++ {
					data := frameOf(n, random.IntN(3000)+1)
					var sequence uint64
					if n%2 == 0 {
						sequence, err = c.SendRequest(until(t), data)
					} else {
						var b RequestBuffer
						b, err = c.AcquireRequestBuffer(until(t), len(data), 0)
						require.NoError(t, err)
						copy(b.Data(), data)
						sequence, err = b.Commit()
					}
					require.NoError(t, err)
					require.Equal(t, n, sequence)
					r, err := c.ReceiveResponseFor(until(t), sequence)
					require.NoError(t, err)
					require.Equal(t, n, r.Sequence())
					require.Equal(t, len(data), r.Size())
					require.Zero(t, r.Status())
					require.Zero(t, r.Opcode())
					require.Equal(t, inverted(data), r.Data())
					r.Release()
				}
				content, err := c.ServerMetadata()
				require.NoError(t, err)
				require.Equal(t, "server", string(content))
				content, err = s.ClientMetadata()
				require.NoError(t, err)
				require.Equal(t, "client", string(content))
				require.NoError(t, c.Close())
				require.NoError(t, s.Close())
				<-s.Done()
			})
		}
	}
}

func TestAClientRecognisesTheProtocolByWhoLives(t *testing.T) {
	ctx := context.Background()
	connect := func(name string) (DuplexClient, error) {
		return DefaultFactory().CreateClient(ctx, name, WithConnectTimeout(soon), WithResponseConfig(NewBufferConfig(0, 1024)))
	}
	t.Run("whichever server comes", func(t *testing.T) {
		for range 4 {
			dual := newDual(t)
			place := newObject(t, 0, smallPayload)
			one, two := started(func() DuplexClient { c, _ := connect(dual.name); return c }), started(func() DuplexClient { c, _ := connect(place.name); return c })
			dual.serve(invert)
			place.serve(invert)
			for _, c := range []DuplexClient{wait(t, one), wait(t, two)} {
				require.NotNil(t, c)
				require.Equal(t, []byte{254}, call(t, c, []byte{1}))
				require.NoError(t, c.Close())
			}
		}
	})
	t.Run("v2 first", func(t *testing.T) {
		dual := newDual(t)
		dual.serve(invert)
		place := &place{t: t, name: dual.name, config: NewBufferConfig(0, smallPayload)}
		s := place.serve(invert)
		c, err := connect(dual.name)
		require.NoError(t, err)
		require.IsType(t, &InPlaceDuplexChannel{}, c)
		require.ErrorIs(t, dual.tryConnect(WithConnectTimeout(0)), ErrWriterAlreadyConnected, "its client is attached, so v1 is not tried")
		require.NoError(t, c.Close())
		require.NoError(t, s.Close())
		c, err = connect(dual.name)
		require.NoError(t, err)
		require.IsType(t, &DualBufferDuplexChannel{}, c)
		require.NoError(t, c.Close())
	})
	t.Run("what a dead v2 server left is no obstacle", func(t *testing.T) {
		dual := newDual(t)
		dual.serve(invert)
		server := startServer(t, dual.name, WaitHybrid)
		server.Kill()
		require.Equal(t, []byte{254}, call(t, dual.connect(), []byte{1}))
		takeOver(t, &place{t: t, name: dual.name, config: NewBufferConfig(0, 1024)})
	})
	t.Run("a plain buffer of the name is no obstacle", func(t *testing.T) {
		dual := newDual(t)
		(&place{t: t, name: dual.name, config: NewBufferConfig(0, 1024)}).read()
		requireError(t, dual.tryConnect(WithConnectTimeout(0)), ErrVersionMismatch)
		dual.serve(invert)
		require.Equal(t, []byte{254}, call(t, dual.connect(), []byte{1}))
	})
	t.Run("nobody", func(t *testing.T) {
		dual := newDual(t)
		requireError(t, dual.tryConnect(WithConnectTimeout(0)), ErrServerNotFound)
		long := strings.Repeat("x", 192-len(namePrefix))
		_, err := DefaultFactory().CreateClient(ctx, namePrefix+long, WithConnectTimeout(0))
		requireError(t, err, ErrServerNotFound)
		require.NoError(t, os.WriteFile(wire.ObjectPath(dual.name+"_request"), v1Image(0, nobody), 0o600))
		requireError(t, dual.tryConnect(WithConnectTimeout(0)), ErrServerNotFound)
		require.NoError(t, os.WriteFile(wire.ObjectPath(dual.name+"_request"), []byte("\x80\x00\x00\x00\x02"+strings.Repeat("\x00", 200)), 0o600))
		requireError(t, dual.tryConnect(WithConnectTimeout(0)), ErrVersionMismatch)
		require.NoError(t, os.Remove(wire.ObjectPath(dual.name+"_request")))
	})
}

func TestASecondClientOfV1(t *testing.T) {
	d := newDual(t)
	d.serve(invert)
	first := d.connect()
	require.Equal(t, []byte{254}, call(t, first, []byte{1}))
	requireError(t, d.tryConnect(WithConnectTimeout(0)), ErrWriterAlreadyConnected)
	waiting := started(func() error {
		c, err := DefaultFactory().CreateClient(context.Background(), d.name, WithConnectTimeout(soon), WithResponseConfig(NewBufferConfig(0, 1024)))
		if err != nil {
			return err
		}
		_, err = c.Call(context.Background(), []byte{1})
		return errors.Join(err, c.Close())
	})
	require.Equal(t, []byte{253}, call(t, first, []byte{2}), "the refused one harmed nothing")
	require.NoError(t, first.Close())
	require.NoError(t, wait(t, waiting))
}

func TestWhatV1CannotDo(t *testing.T) {
	d := newDual(t)
	g := newGate()
	d.serve(g.handle)
	c := d.connect(WithSendTimeout(50 * time.Millisecond))
	_, err := c.Send(until(t), Request{Data: []byte{1}, Opcode: 1})
	requireError(t, err, ErrInvalidArgument)
	require.ErrorContains(t, err, "v1 has no opcodes")
	_, err = c.CallRequest(until(t), Request{Data: []byte{1}, Opcode: 1})
	requireError(t, err, ErrInvalidArgument)
	_, err = c.CallRequest(until(t), Request{Data: []byte{1}, OneWay: true})
	requireError(t, err, ErrInvalidArgument)
	_, err = c.SendRequest(until(t), nil)
	requireError(t, err, ErrInvalidFrameSize)
	_, err = c.AcquireRequestBuffer(until(t), 0, 0)
	requireError(t, err, ErrInvalidFrameSize)
	_, err = c.AcquireRequestBuffer(until(t), 4096, 0)
	requireError(t, err, ErrFrameTooLarge)
	b, err := c.AcquireRequestBuffer(until(t), 10, 1<<30) // a capacity means nothing
	require.NoError(t, err)
	b.SetOpcode(3)
	_, err = b.Commit()
	requireError(t, err, ErrInvalidArgument)
	_, err = b.Commit()
	requireError(t, err, ErrFrameReleased)

	sequence, err := c.Send(until(t), Request{Data: []byte{1}, Capacity: 1 << 30})
	require.NoError(t, err)
	require.EqualValues(t, 1, sequence, "nothing of all that was sent")
	cancelled, err := c.Cancel(sequence)
	require.NoError(t, err)
	require.False(t, cancelled)
	_, err = c.Cancel(99)
	requireError(t, err, ErrUnknownSequence)
	g.pass <- nil
	r, err := c.ReceiveResponse(until(t))
	require.NoError(t, err)
	cancelled, err = c.Cancel(sequence)
	requireError(t, err, ErrUnknownSequence)
	require.False(t, cancelled)
	r.Release()
}

func TestRequestBuffersOfV1(t *testing.T) {
	d := newDual(t)
	d.serve(invert)
	c := d.connect(WithSendTimeout(20 * time.Millisecond))
	b, err := c.AcquireRequestBuffer(until(t), 100, 0)
	require.NoError(t, err)
	require.Len(t, b.Data(), 100)
	_, err = c.SendRequest(context.Background(), []byte{1})
	requireError(t, err, ErrAcquisitionOpen)
	copy(b.Data(), frameOf(1, 100))
	sequence, err := b.Commit()
	require.NoError(t, err)
	_, err = b.Commit()
	requireError(t, err, ErrFrameReleased)
	requireError(t, panics(t, func() { b.Data() }), ErrFrameReleased)
	b.Abort()
	r, err := c.ReceiveResponseFor(until(t), sequence)
	require.NoError(t, err)
	require.Equal(t, inverted(frameOf(1, 100)), r.Data())
	alias := r
	r.Release()
	alias.Release()
	requireError(t, panics(t, func() { alias.Data() }), ErrFrameReleased)
	requireError(t, panics(t, func() { alias.Opcode() }), ErrFrameReleased)

	aborted, err := c.AcquireRequestBuffer(until(t), 100, 0)
	require.NoError(t, err)
	aborted.Abort()
	requireError(t, panics(t, func() { aborted.Data() }), ErrFrameReleased)
	sequence, err = c.SendRequest(until(t), []byte{7})
	require.NoError(t, err)
	require.EqualValues(t, 2, sequence, "no gap")

	open, err := c.AcquireRequestBuffer(until(t), 5, 0)
	require.NoError(t, err)
	require.NoError(t, c.Close())
	_, err = open.Commit()
	requireError(t, err, ErrClosed)
}

func TestResponsesAreKeptForWhoWantsThem(t *testing.T) {
	d := newDual(t)
	d.serve(invert)
	c := d.connect(WithCallTimeout(20 * time.Millisecond))
	var sequences []uint64
	for i := range 10 {
		sequence, err := c.SendRequest(until(t), []byte{byte(i)})
		require.NoError(t, err)
		sequences = append(sequences, sequence)
	}
	for _, i := range []int{9, 0, 5} {
		r, err := c.ReceiveResponseFor(until(t), sequences[i])
		require.NoError(t, err)
		require.Equal(t, []byte{^byte(i)}, r.Data())
		r.Release()
		_, err = c.ReceiveResponseFor(until(t), sequences[i])
		requireError(t, err, ErrUnknownSequence)
	}
	for _, i := range []int{1, 2, 3, 4, 6, 7, 8} {
		r, err := c.ReceiveResponse(until(t))
		require.NoError(t, err)
		require.Equal(t, sequences[i], r.Sequence(), "the oldest that is there")
		require.Equal(t, []byte{^byte(i)}, r.Data())
		r.Release()
	}
	_, err := c.ReceiveResponse(context.Background())
	requireError(t, err, ErrTimeout)
	_, err = c.ReceiveResponse(passed(t))
	requireError(t, err, ErrTimeout)
	_, err = c.ReceiveResponse(ended())
	requireError(t, err, ErrCancelled)
	_, err = c.ReceiveResponseFor(until(t), 11)
	requireError(t, err, ErrUnknownSequence)
	c.response.buffer.allFree(t)
}

func TestReceiversOfV1WaitForEachOther(t *testing.T) {
	d := newDual(t)
	g := newGate()
	d.serve(g.handle)
	c := d.connect()
	const n = 12
	got := make([]<-chan []byte, n)
	for i := range n {
		sequence, err := c.SendRequest(until(t), []byte{byte(i)})
		require.NoError(t, err)
		if i%3 == 2 {
			continue // anybody's
		}
		got[i] = started(func() []byte {
			r, err := c.ReceiveResponseFor(until(t), sequence)
			if err != nil {
				t.Error(err)
				return nil
			}
			defer r.Release()
			return append([]byte{}, r.Data()...)
		})
	}
	eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		taken := 0
		for _, e := range c.sent {
			if e.taken {
				taken++
			}
		}
		return c.reading && taken == n-n/3
	}, "they all wait")
	taken := started(func() error {
		_, err := c.ReceiveResponseFor(until(t), 1)
		return err
	})
	requireError(t, wait(t, taken), ErrUnknownSequence)
	for range n {
		g.pass <- nil
	}
	for i := range n {
		if got[i] != nil {
			require.Equal(t, []byte{byte(i)}, wait(t, got[i]))
		}
	}
	for i := 2; i < n; i += 3 {
		r, err := c.ReceiveResponse(until(t))
		require.NoError(t, err)
		require.Equal(t, []byte{byte(i)}, r.Data())
		r.Release()
	}
}

func TestCallsOfV1ThatTimeOut(t *testing.T) {
	d := newDual(t)
	g := newGate()
	d.serve(g.handle)
	c := d.connect(WithCallTimeout(20 * time.Millisecond))
	_, err := c.Call(context.Background(), []byte("first"))
	requireError(t, err, ErrTimeout)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = c.ReceiveResponseFor(until(t), 1)
	requireError(t, err, ErrUnknownSequence)
	ctx, cancel := context.WithCancel(context.Background())
	second := started(func() error { _, err := c.Call(ctx, []byte("second")); return err })
	cancel()
	requireError(t, wait(t, second), ErrCancelled)
	sent := c.request.ring.Last() // the second may have been cancelled before it was sent

	third, err := c.SendRequest(until(t), []byte("third"))
	require.NoError(t, err)
	_, err = c.ReceiveResponseFor(context.Background(), third)
	requireError(t, err, ErrTimeout)
	for range sent + 1 {
		g.pass <- nil
	}
	r, err := c.ReceiveResponseFor(until(t), third) // a receive may be repeated
	require.NoError(t, err)
	require.Equal(t, "third", string(r.Data()), "the late ones were dropped, in order")
	r.Release()
	_, err = c.ReceiveResponse(context.Background())
	requireError(t, err, ErrTimeout)
	c.response.buffer.allFree(t)
}

func TestOneWayRequestsOfV1(t *testing.T) {
	d := newDual(t)
	var mu sync.Mutex
	seen := 0
	d.serve(func(f Frame) error {
		mu.Lock()
		defer mu.Unlock()
		seen++
		require.False(t, f.OneWay(), "v1 cannot tell")
		return nil
	})
	c := d.connect()
	for range 500 { // many times what both rings hold, and nobody receives
		_, err := c.Send(until(t), Request{Data: make([]byte, 300), OneWay: true})
		require.NoError(t, err)
	}
	b, err := c.AcquireRequestBuffer(until(t), 5, 0)
	require.NoError(t, err)
	b.SetOneWay()
	_, err = b.Commit()
	require.NoError(t, err)
	require.Equal(t, []byte{1}, call(t, c, []byte{1}))
	mu.Lock()
	require.Equal(t, 502, seen)
	mu.Unlock()
	_, err = c.ReceiveResponse(passed(t))
	requireError(t, err, ErrTimeout)
	c.response.buffer.allFree(t)
}

func TestManyCallersOfV1(t *testing.T) {
	d := newDual(t)
	d.serve(invert)
	c := d.connect()
	var all sync.WaitGroup
	for k := range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range 300 {
				data := bytes.Repeat([]byte{byte(k), byte(i)}, i%200+1)
				r, err := c.Call(until(t), data)
				if err != nil {
					t.Error(err)
					return
				}
				if !bytes.Equal(inverted(data), r.Data()) {
					t.Errorf("caller %d, call %d: another's response", k, i)
				}
				r.Release()
			}
		}()
	}
	all.Wait()
	c.response.buffer.allFree(t)
	eventually(t, func() bool { return c.request.buffer.Oieb.PayloadFreeBytes.Load() == 4096 }, "the server released everything")
	c.request.buffer.allFree(t)
}

// The n-th response answers the n-th request, and both have sequence numbers of their own.
func TestWhatStandsInBothBuffers(t *testing.T) {
	d := newDual(t)
	d.requests = NewBufferConfig(256, 1024)
	s := d.serve(invert)
	c := d.connect(WithResponseConfig(NewBufferConfig(256, 1024)))
	require.NoError(t, c.SetMetadata(frameOf(0, 11)))
	for n, size := range []int{11, 21, 31} {
		r, err := c.Call(until(t), frameOf(0, size))
		require.NoError(t, err)
		require.EqualValues(t, n+1, r.Sequence())
		r.Release()
	}
	eventually(t, func() bool { return requestsOf(s).Oieb.PayloadFreeBytes.Load() == 1024 }, "released")
	requestsOf(s).is(t, 1024, 111, 111, 3, 3, 0, 3)
	c.response.buffer.is(t, 1024, 111, 111, 3, 3, 0, 3)
	// The second response stands behind the first, in a plain frame.
	require.Equal(t, "1500000000000000"+"0200000000000000"+"fffefdfc", fmt.Sprintf("%x", c.response.buffer.Payload[27:47]))
	require.Equal(t, "1500000000000000"+"0200000000000000"+"00010203", fmt.Sprintf("%x", requestsOf(s).Payload[27:47]))
}

func TestAResponseThatAnswersNothing(t *testing.T) {
	d := newDual(t)
	d.create()
	c := d.connect()
	w, err := NewWriter(until(t), d.name+"_response")
	require.NoError(t, err)
	send(t, w, 5)
	_, err = c.ReceiveResponse(until(t))
	requireError(t, err, ErrCorrupted)
	require.ErrorContains(t, err, "answers no request")
	_, err = c.SendRequest(until(t), []byte{1})
	requireError(t, err, ErrCorrupted)
	_, err = c.Cancel(1)
	requireError(t, err, ErrCorrupted)
	require.False(t, c.IsServerConnected())
	require.NoError(t, w.Close())
	require.NoError(t, c.Close())
	_, err = c.SendRequest(until(t), []byte{1})
	requireError(t, err, ErrClosed)
}

func TestACorruptedResponseBuffer(t *testing.T) {
	d := newDual(t)
	d.create()
	c := d.connect()
	w, err := NewWriter(until(t), d.name+"_response")
	require.NoError(t, err)
	for range 2 {
		_, err := c.SendRequest(until(t), []byte{1})
		require.NoError(t, err)
	}
	send(t, w, 5, 5)
	c.response.buffer.Payload[21+8] = 9
	r, err := c.ReceiveResponse(until(t))
	require.NoError(t, err)
	r.Release()
	for range 2 {
		_, err = c.ReceiveResponse(until(t))
		requireError(t, err, ErrSequence)
	}
	_, err = c.Call(until(t), []byte{1})
	requireError(t, err, ErrSequence)
	require.NoError(t, w.Close())
}

func TestCloseOfAClientOfV1(t *testing.T) {
	d := newDual(t)
	g := newGate()
	d.serve(g.handle)
	c := d.connect()
	g.pass <- nil
	g.pass <- nil
	held, err := c.Call(until(t), []byte("held"))
	require.NoError(t, err)
	kept, err := c.SendRequest(until(t), []byte("kept"))
	require.NoError(t, err)
	last, err := c.SendRequest(until(t), []byte("never answered"))
	require.NoError(t, err)
	g.expect(t, held.Sequence())
	g.expect(t, kept)
	g.expect(t, last)
	var waiting []<-chan error
	for range 2 {
		waiting = append(waiting, started(func() error { _, err := c.ReceiveResponseFor(context.Background(), last); return err }))
	}
	waiting = append(waiting, started(func() error {
		for { // first comes the one that is kept
			r, err := c.ReceiveResponse(context.Background())
			if err != nil {
				return err
			}
			r.Release()
		}
	}))
	eventually(t, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.reading && c.bell.heard != nil && len(c.arrived) == 0
	}, "they wait")
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	for _, w := range waiting {
		err := wait(t, w)
		require.True(t, errors.Is(err, ErrClosed) || errors.Is(err, ErrUnknownSequence), "%v", err)
	}
	require.Equal(t, "held", string(held.Data()), "what is out stays")
	held.Release()
	_, err = c.ReceiveResponse(until(t))
	requireError(t, err, ErrClosed)
	require.ErrorIs(t, err, os.ErrClosed)
	_, err = c.AcquireRequestBuffer(until(t), 1, 0)
	requireError(t, err, ErrClosed)
	requireError(t, c.SetMetadata(nil), ErrClosed)
	_, err = c.ServerMetadata()
	requireError(t, err, ErrClosed)
	require.False(t, c.IsServerConnected())
	g.pass <- nil
}

// Responses that arrived and nobody took must not keep the memory of a closed client.
func TestCloseDropsWhatArrived(t *testing.T) {
	d := newDual(t)
	d.serve(invert)
	c := d.connect()
	for range 3 {
		_, err := c.SendRequest(until(t), []byte{1})
		require.NoError(t, err)
	}
	r, err := c.ReceiveResponseFor(until(t), 3)
	require.NoError(t, err)
	r.Release()
	require.NoError(t, c.Close())
	require.True(t, c.response.left)
	require.True(t, c.request.left)
}

func TestFullRequestBuffer(t *testing.T) {
	d := newDual(t)
	s := d.create()
	c := d.connect(WithSendTimeout(20 * time.Millisecond))
	sent := 0
	var err error
	for err == nil {
		_, err = c.SendRequest(context.Background(), make([]byte, 500))
		sent++
	}
	requireError(t, err, ErrBufferFull)
	require.NotErrorIs(t, err, ErrAcquisitionOpen)
	require.Equal(t, 4096/516+1, sent)
	_, err = c.Call(context.Background(), make([]byte, 500))
	requireError(t, err, ErrBufferFull)
	require.NoError(t, s.Start(context.Background(), invert))
	for range sent - 1 {
		r, err := c.ReceiveResponse(until(t))
		require.NoError(t, err)
		r.Release()
	}
}
