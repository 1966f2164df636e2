//go:build linux

package zeroduplex

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func TestCreationOfAnImmutableServer(t *testing.T) {
	for _, name := range []string{"", ".x", "a/b", strings.Repeat("x", 192)} {
		_, err := DefaultFactory().CreateImmutableServer(name, DefaultV1BufferConfig())
		requireError(t, err, ErrInvalidName)
	}
	_, err := DefaultFactory().CreateImmutableServer(strings.Repeat("x", 192), DefaultV1BufferConfig())
	require.ErrorContains(t, err, "192 bytes; the names of the two buffers leave 191")
	d := &channel{t: t, name: namePrefix + strings.Repeat("x", 191-len(namePrefix)), requests: NewBufferConfig(0, 1024)}
	s := d.serve(invert)
	c := d.connect()
	require.Equal(t, []byte{254}, call(t, c, []byte{1}))
	require.NoError(t, c.Close())
	require.NoError(t, s.Close())
	require.Empty(t, leftovers(d.name))

	d = newDual(t)
	for _, o := range []ServerOption{WithWorkers(2), WithWorkers(0), WithStopTimeout(-1), WithMode(0o400), WithErrorFunc(nil), WithWait(7)} {
		_, err := DefaultFactory().CreateImmutableServer(d.name, d.requests, o)
		requireError(t, err, ErrInvalidArgument)
	}
	_, err = DefaultFactory().CreateImmutableServer(d.name, d.requests, WithWorkers(2))
	require.ErrorContains(t, err, "there is one")
	_, err = DefaultFactory().CreateImmutableServer(d.name, NewBufferConfig(0, 1<<63))
	requireError(t, err, ErrInvalidArgument)
	_, err = DefaultFactory().CreateImmutableServer(d.name, NewBufferConfig(0, 1<<45))
	requireError(t, err, ErrOutOfMemory)
	require.Empty(t, leftovers(d.name))
	d.create()
	_, err = DefaultFactory().CreateImmutableServer(d.name, d.requests)
	requireError(t, err, ErrNameInUse)
	require.ErrorIs(t, err, ErrReaderAlreadyConnected, "of its request buffer")
}

func TestStartOfAnImmutableServer(t *testing.T) {
	d := newDual(t)
	s := d.create()
	requireError(t, s.Start(context.Background(), nil), ErrInvalidArgument)
	requireError(t, s.StartImmutable(context.Background(), nil), ErrInvalidArgument)
	require.NoError(t, s.Start(context.Background(), invert))
	requireError(t, s.Start(context.Background(), invert), ErrInvalidArgument)
	requireError(t, s.StartImmutable(context.Background(), answerInverted), ErrInvalidArgument)
	require.NoError(t, s.Close())
	requireError(t, s.Start(context.Background(), invert), ErrClosed)
	requireError(t, s.SetMetadata(nil), ErrClosed)
	_, err := s.ClientMetadata()
	requireError(t, err, ErrClosed)
	require.NoError(t, s.Stop(time.Hour), "again does nothing")
	require.Empty(t, leftovers(d.name))

	t.Run("the context ends", func(t *testing.T) {
		s := newDual(t).create()
		ctx, cancel := context.WithCancel(context.Background())
		require.NoError(t, s.Start(ctx, invert))
		cancel()
		select {
		case <-s.Done():
		case <-time.After(soon):
			require.Fail(t, "it goes on")
		}
	})
	t.Run("never", func(t *testing.T) {
		s := newDual(t).create()
		require.NoError(t, s.Stop(0))
		<-s.Done()
	})
}

func TestHandlersOfTwoArguments(t *testing.T) {
	d := newDual(t)
	var strayRequest atomic.Pointer[ImmutableRequest]
	var strayResponse atomic.Pointer[ImmutableResponse]
	handlers := map[string]ImmutableHandler{
		"write": answerInverted,
		"acquire": func(request ImmutableRequest, response *ImmutableResponse) error {
			area, err := response.Acquire(request.Size() + 10)
			if err != nil {
				return err
			}
			copy(area[copy(area, request.Data()):], "0123456789")
			return nil
		},
		"nothing": func(ImmutableRequest, *ImmutableResponse) error { return nil },
		"twice": func(_ ImmutableRequest, response *ImmutableResponse) error {
			if err := response.Write([]byte("once")); err != nil {
				return err
			}
			err := response.Write([]byte("again"))
			if !errors.Is(err, ErrInvalidArgument) {
				return fmt.Errorf("the second time gave %v", err)
			}
			if _, err := response.Acquire(5); !errors.Is(err, ErrInvalidArgument) {
				return fmt.Errorf("and acquiring %v", err)
			}
			return nil
		},
		"empty": func(_ ImmutableRequest, response *ImmutableResponse) error {
			if err := response.Write(nil); !errors.Is(err, ErrInvalidFrameSize) {
				return fmt.Errorf("nothing gave %v", err)
			}
			if _, err := response.Acquire(-1); !errors.Is(err, ErrInvalidFrameSize) {
				return fmt.Errorf("less than nothing gave %v", err)
			}
			return response.Write([]byte("after all"))
		},
		"too large": func(_ ImmutableRequest, response *ImmutableResponse) error {
			_, err := response.Acquire(4081)
			if !errors.Is(err, ErrResponseTooLarge) {
				return fmt.Errorf("4081 bytes gave %v", err)
			}
			return err
		},
		"written, then failed": func(_ ImmutableRequest, response *ImmutableResponse) error {
			return errors.Join(response.Write([]byte("never seen")), errors.New("no"))
		},
		"panic": func(ImmutableRequest, *ImmutableResponse) error { panic("help") },
		"exit": func(ImmutableRequest, *ImmutableResponse) error {
			runtime.Goexit()
			return nil
		},
		"stray": func(request ImmutableRequest, response *ImmutableResponse) error {
			strayRequest.Store(&request)
			strayResponse.Store(response)
			if request.Sequence() == 0 {
				return errors.New("no sequence number")
			}
			return response.Write([]byte("ok"))
		},
	}
	var told complaints
	d.serveImmutable(func(request ImmutableRequest, response *ImmutableResponse) error {
		return handlers[string(request.Data())](request, response)
	}, told.option())
	c := d.connect()
	for _, tc := range []struct{ request, response, complaint string }{
		{"write", string(inverted([]byte("write"))), ""},
		{"acquire", "acquire0123456789", ""},
		{"nothing", "no response", "no response"},
		{"twice", "once", ""},
		{"empty", "after all", ""},
		{"too large", "response_too_large", "the response buffer holds 4080"},
		{"written, then failed", "no", "no"},
		{"panic", "handler panicked: help", "handler panicked: help"},
		{"exit", "the handler ended its goroutine", "Goexit"},
		{"stray", "ok", ""},
		{"write", string(inverted([]byte("write"))), ""},
	} {
		t.Run(tc.request, func(t *testing.T) {
			require.Contains(t, string(call(t, c, []byte(tc.request))), tc.response)
			errs := told.take()
			if tc.complaint == "" {
				require.Empty(t, errs)
				return
			}
			require.Len(t, errs, 1)
			requireError(t, errs[0], ErrHandlerFailed)
			require.ErrorContains(t, errs[0], tc.complaint)
		})
	}
	requireError(t, panics(t, func() { strayRequest.Load().Data() }), ErrFrameReleased)
	requireError(t, strayResponse.Load().Write([]byte("late")), ErrFrameReleased)
	_, err := strayResponse.Load().Acquire(1)
	requireError(t, err, ErrFrameReleased)
	c.response.buffer.allFree(t)
}

func TestTheInPlaceHandlerOnACopy(t *testing.T) {
	d := newDual(t)
	d.requests = NewBufferConfig(0, 8192)
	var stray atomic.Pointer[Frame]
	handlers := map[byte]Handler{
		'e': func(f Frame) error {
			stray.Store(&f)
			if f.Capacity() != 4080 || f.Opcode() != 0 || f.OneWay() || f.Sequence() == 0 {
				return fmt.Errorf("capacity %d, opcode %d, one-way %v, sequence %d", f.Capacity(), f.Opcode(), f.OneWay(), f.Sequence())
			}
			return nil
		},
		'g': func(f Frame) error { // grows to 2000, then shrinks to 1000
			size := f.Size()
			if err := f.Resize(2000); err != nil {
				return err
			}
			for i := size; i < 2000; i++ {
				f.Data()[i] = 'x'
			}
			return f.Resize(1000)
		},
		'm': func(f Frame) error { // more than there is
			if err := f.Resize(4081); !errors.Is(err, ErrResponseTooLarge) {
				return fmt.Errorf("4081 bytes gave %v", err)
			}
			if err := f.Resize(-1); !errors.Is(err, ErrInvalidArgument) {
				return fmt.Errorf("-1 byte gave %v", err)
			}
			return f.Resize(5000)
		},
		's': func(f Frame) error { return f.Resize(1) },
		'0': func(f Frame) error { return f.Resize(0) },
		'f': func(Frame) error { return Failure(7, "asked to fail") },
		'n': func(Frame) error { return errors.New("") },
		'p': func(Frame) error { panic("help") },
		'x': func(Frame) error { runtime.Goexit(); return nil },
		'u': func(Frame) error { return errors.New(strings.Repeat("ä", 3000)) }, // 6000 bytes
	}
	var told complaints
	d.serve(func(f Frame) error { return handlers[f.Data()[0]](f) }, told.option())
	c := d.connect()
	for range 30 { // from many positions of the ring
		require.Equal(t, "echo", string(call(t, c, []byte("echo"))))
		require.Equal(t, "grow"+strings.Repeat("x", 996), string(call(t, c, []byte("grow"))))
		require.Equal(t, "s", string(call(t, c, append([]byte("s"), make([]byte, 1500)...))))
		long := append([]byte("e"), bytes.Repeat([]byte("o"), 1999)...)
		require.Equal(t, long, call(t, c, long))
		require.Empty(t, told.take())
	}
	t.Run("a request that the response buffer cannot hold may shrink", func(t *testing.T) {
		require.Equal(t, "s", string(call(t, c, append([]byte("s"), make([]byte, 5000)...))))
		require.Empty(t, told.take())
		require.Contains(t, string(call(t, c, append([]byte("e"), make([]byte, 5000)...))), "frame_too_large")
		require.Len(t, told.take(), 1)
	})
	for request, want := range map[string]string{
		"0": "no response", "f": "asked to fail", "n": "handler_failed", "p": "handler panicked: help", "x": "ended its goroutine", "m": "response_too_large",
	} {
		require.Contains(t, string(call(t, c, []byte(request))), want)
		errs := told.take()
		require.Len(t, errs, 1)
		requireError(t, errs[0], ErrHandlerFailed)
		require.ErrorContains(t, errs[0], "request ")
	}
	message := string(call(t, c, []byte("u")))
	require.NotEmpty(t, message)
	require.Equal(t, strings.Repeat("ä", len(message)/2), message, "cut between characters")
	require.Equal(t, "echo", string(call(t, c, []byte("echo"))), "it goes on")
	requireError(t, panics(t, func() { stray.Load().Data() }), ErrFrameReleased)
	c.response.buffer.allFree(t)
}

// Every size at every position: what does not fit where the copy stands goes elsewhere.
func TestResponsesOfEverySize(t *testing.T) {
	d := newDual(t)
	for name, start := range map[string]func(s *ImmutableDuplexServer) error{
		"changed": func(s *ImmutableDuplexServer) error {
			return s.Start(context.Background(), func(f Frame) error {
				n := int(f.Data()[0]) + 1
				if err := f.Resize(n); err != nil {
					return err
				}
				copy(f.Data(), frameOf(uint64(n), n))
				return nil
			})
		},
		"written": func(s *ImmutableDuplexServer) error {
			return s.StartImmutable(context.Background(), func(request ImmutableRequest, response *ImmutableResponse) error {
				n := int(request.Data()[0]) + 1
				return response.Write(frameOf(uint64(n), n))
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := d.create()
			require.NoError(t, start(s))
			c := d.connect(WithResponseConfig(NewBufferConfig(0, 256)))
			messages := 0
			for i := range 3000 {
				n := i*7%240 + 1
				response := call(t, c, bytes.Repeat([]byte{byte(n - 1)}, i*11%240+1))
				if !bytes.Equal(frameOf(uint64(n), n), response) {
					require.Contains(t, "write frame", string(response[:min(len(response), 11)]), "%d bytes", n)
					require.Greater(t, n, (256-15)/2-16, "up to nearly half of the ring everything has a place")
					messages++
				}
			}
			t.Logf("%d of 3000 had no place", messages)
			require.Positive(t, messages)
			require.Less(t, messages, 2000)
			c.response.buffer.allFree(t)
			require.NoError(t, c.Close())
			require.NoError(t, s.Close())
		})
	}
}

func TestMetadataOfAnImmutableServer(t *testing.T) {
	d := newDual(t)
	var told complaints
	s := d.serve(invert, told.option())
	content, err := s.ClientMetadata()
	require.NoError(t, err)
	require.Nil(t, content)
	c := d.connect()
	require.NoError(t, c.SetMetadata([]byte("first client")))
	requireError(t, c.SetMetadata([]byte("again")), ErrMetadataAlreadyWritten)
	content, err = s.ClientMetadata()
	require.NoError(t, err)
	require.Equal(t, "first client", string(content))
	content, err = c.ServerMetadata()
	require.NoError(t, err)
	require.Nil(t, content)

	call(t, c, []byte{1})
	requireError(t, s.SetMetadata(make([]byte, 249)), ErrMetadataTooLarge)
	require.NoError(t, s.SetMetadata([]byte("from the server")), "the attempt was not the one")
	requireError(t, s.SetMetadata(nil), ErrMetadataAlreadyWritten)
	content, err = c.ServerMetadata()
	require.NoError(t, err)
	require.Equal(t, "from the server", string(content), "its buffer was open already")
	require.NoError(t, c.Close())

	next := d.connect()
	requireError(t, next.SetMetadata([]byte("second client")), ErrMetadataAlreadyWritten)
	content, err = s.ClientMetadata()
	require.NoError(t, err)
	require.Equal(t, "first client", string(content))
	call(t, next, []byte{1})
	content, err = next.ServerMetadata()
	require.NoError(t, err)
	require.Equal(t, "from the server", string(content))
	require.NoError(t, next.Close())
	require.Empty(t, told.take())

	poor := d.connect(WithResponseConfig(NewBufferConfig(0, 1024)))
	require.Equal(t, []byte{254}, call(t, poor, []byte{1}))
	content, err = poor.ServerMetadata()
	require.NoError(t, err)
	require.Nil(t, content)
	errs := told.take()
	require.Len(t, errs, 1)
	requireError(t, errs[0], ErrMetadataTooLarge)
}

func TestStopWaitsForTheHandler(t *testing.T) {
	d := newDual(t)
	g := newGate()
	s := d.serve(g.handle)
	c := d.connect()
	for range 3 {
		_, err := c.SendRequest(until(t), []byte("x"))
		require.NoError(t, err)
	}
	g.expect(t, 1)
	stopping := started(func() error { return s.Stop(time.Hour) })
	eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.phase == draining }, "it stops")
	again := started(s.Close)
	g.pass <- nil
	require.NoError(t, wait(t, stopping))
	require.NoError(t, wait(t, again))
	r, err := c.ReceiveResponse(until(t))
	require.NoError(t, err, "the response is left for the client")
	require.EqualValues(t, 1, r.Sequence())
	r.Release()
	start := time.Now()
	_, err = c.ReceiveResponse(until(t))
	requireError(t, err, ErrServerDead)
	require.ErrorContains(t, err, "2 requests from 2 to 3 are lost")
	require.Less(t, time.Since(start), wire.DefaultV2WaitSlice+3*time.Second)
	_, err = c.SendRequest(until(t), []byte("x"))
	requireError(t, err, ErrServerDead)
	_, err = c.Call(until(t), []byte("x"))
	requireError(t, err, ErrServerDead)
	require.False(t, c.IsServerConnected())
}

func TestStopOfAHandlerThatHangs(t *testing.T) {
	d := newDual(t)
	g := newGate()
	s := d.serve(g.handle)
	c := d.connect(WithResponseConfig(NewBufferConfig(0, 1024)))
	_, err := c.SendRequest(until(t), []byte("x"))
	require.NoError(t, err)
	g.expect(t, 1)
	err = s.Stop(10 * time.Millisecond)
	requireError(t, err, ErrTimeout)
	require.ErrorContains(t, err, "a handler still runs")
	require.Len(t, leftovers(d.name), 5, "only the client's buffer is left")
	_, err = c.ReceiveResponse(until(t))
	requireError(t, err, ErrServerDead)
	g.pass <- nil // its answer goes nowhere
	select {
	case <-s.ended:
	case <-time.After(soon):
		require.Fail(t, "it never ended")
	}
	eventually(t, func() bool {
		s.requests.mu.Lock()
		defer s.requests.mu.Unlock()
		return s.requests.left
	}, "the memory is given back")
}

func TestAClientThatDoesNotRead(t *testing.T) {
	d := newDual(t)
	s := d.serve(invert)
	c := d.connect(WithResponseConfig(NewBufferConfig(0, 1024)))
	for range 6 {
		_, err := c.SendRequest(until(t), frameOf(1, 300))
		require.NoError(t, err)
	}
	eventually(t, func() bool { return c.response.buffer.dataRead.Sleepers() > 0 }, "the server waits for room")
	require.EqualValues(t, 3, c.response.buffer.Oieb.PayloadWrittenCount.Load())
	for range 6 {
		r, err := c.ReceiveResponse(until(t))
		require.NoError(t, err)
		require.Equal(t, inverted(frameOf(1, 300)), r.Data())
		r.Release()
	}
	t.Run("and a server that stops", func(t *testing.T) {
		for range 6 {
			_, err := c.SendRequest(until(t), frameOf(1, 300))
			require.NoError(t, err)
		}
		eventually(t, func() bool { return c.response.buffer.dataRead.Sleepers() > 0 }, "the server waits for room")
		start := time.Now()
		requireError(t, s.Stop(10*time.Millisecond), ErrTimeout)
		require.Less(t, time.Since(start), soon/2)
		received := 0
		for {
			r, err := c.ReceiveResponse(until(t))
			if err != nil {
				requireError(t, err, ErrServerDead)
				break
			}
			received++
			r.Release()
		}
		require.GreaterOrEqual(t, received, 2)
		require.Less(t, received, 6)
	})
}

func TestACorruptedRequestBufferIsReplaced(t *testing.T) {
	d := newDual(t)
	var told complaints
	s := d.create(told.option())
	c := d.connect()
	for range 2 {
		_, err := c.SendRequest(until(t), frameOf(1, 10))
		require.NoError(t, err)
	}
	requestsOf(s).Payload[26+8] = 9 // the second one's sequence number
	require.NoError(t, s.Start(context.Background(), invert))
	r, err := c.ReceiveResponse(until(t))
	require.NoError(t, err)
	r.Release()
	_, err = c.ReceiveResponse(until(t))
	requireError(t, err, ErrServerDead)
	require.ErrorContains(t, err, "request 2 is lost")
	errs := told.take()
	require.Len(t, errs, 1)
	requireError(t, errs[0], ErrCorrupted)
	require.ErrorContains(t, errs[0], "expected sequence number 2, got 9")
	require.NoError(t, c.Close())
	require.Equal(t, []byte{254}, call(t, d.connect(), []byte{1}))
}

func TestARequestBufferThatCannotBeReplaced(t *testing.T) {
	d := newDual(t)
	var told complaints
	s := d.create(told.option())
	c := d.connect()
	_, err := c.SendRequest(until(t), frameOf(1, 10))
	require.NoError(t, err)
	requestsOf(s).Payload[8] = 9
	s.config = NewBufferConfig(0, 1<<45) // more than there is
	require.NoError(t, s.Start(context.Background(), invert))
	select {
	case <-s.Done():
	case <-time.After(soon):
		require.Fail(t, "it goes on without a buffer")
	}
	errs := told.take()
	require.Len(t, errs, 2)
	require.ErrorIs(t, errs[1], ErrOutOfMemory)
	require.ErrorContains(t, errs[1], "the server stops")
}
