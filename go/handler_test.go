//go:build linux

package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestServerChangesTheRequestWhereItStands(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		p.serve(invert)
		c := p.connect()
		for _, size := range []int{0, 1, 63, 64, 65, 1000, 4096, 4097, smallPayload - 64} {
			buffer, err := c.AcquireRequestBuffer(until(t), size, 0)
			require.NoError(t, err)
			data := buffer.Data()
			require.Len(t, data, size)
			for i := range data {
				data[i] = byte(i)
			}
			sequence, err := buffer.Commit()
			require.NoError(t, err)
			r, err := c.ReceiveResponseFor(until(t), sequence)
			require.NoError(t, err)
			require.Equal(t, size, r.Size())
			require.Equal(t, sequence, r.Sequence())
			require.Zero(t, r.Status())
			for i, b := range r.Data() {
				require.Equal(t, ^byte(i), b)
			}
			if size > 0 {
				require.Same(t, &data[0], &r.Data()[0], "the response stands where the request stood")
			}
			r.Release()
		}
	})
}

// failing answers with the error that belongs to the request's opcode.
func failing(errs []error) Handler {
	return func(f Frame) error { return errs[f.Opcode()] }
}

func handlerError(t *testing.T, err error) *HandlerError {
	t.Helper()
	var failed *HandlerError
	require.ErrorAs(t, err, &failed)
	return failed
}

type panicking struct{}

func (panicking) Error() string { panic("in Error") }

func TestHandlerThatReturnsAnError(t *testing.T) {
	tests := []struct {
		err     error
		status  int32
		message string
		is      error
		code    ErrorCode
	}{
		{errors.New("boom"), -1, "boom", ErrHandlerFailed, ErrorCodeHandlerFailed},
		{Failure(42, "no such picture"), 42, "no such picture", ErrHandlerFailed, ErrorCodeHandlerFailed},
		{fmt.Errorf("while loading: %w", Failure(7, "gone")), 7, "while loading: gone", ErrHandlerFailed, ErrorCodeHandlerFailed},
		{Failure(0, "zero"), -1, "failure code 0 is not the application's to give (1 or more): zero", ErrHandlerFailed, ErrorCodeHandlerFailed},
		{Failure(-2, "minus"), -1, "failure code -2 is not the application's to give (1 or more): minus", ErrHandlerFailed, ErrorCodeHandlerFailed},
		{ErrResponseTooLarge, -2, "response_too_large", ErrResponseTooLarge, ErrorCodeResponseTooLarge},
		{errors.New(""), -1, "", ErrHandlerFailed, ErrorCodeHandlerFailed},
	}
	var errs []error
	for _, tc := range tests {
		errs = append(errs, tc.err)
	}
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		p.serve(failing(append(errs, nil)))
		c := p.connect()
		for i, tc := range tests {
			_, err := c.CallRequest(until(t), Request{Opcode: uint32(i), Capacity: 256})
			require.ErrorIs(t, err, tc.is)
			failed := handlerError(t, err)
			require.Equal(t, HandlerError{Sequence: uint64(i + 1), Status: tc.status, Message: tc.message}, *failed)
			require.Contains(t, err.Error(), fmt.Sprintf("request %d: %s (status %d): %s", i+1, tc.code, tc.status, tc.message))
			require.False(t, errors.Is(err, ErrTimeout))
		}
		require.Equal(t, uint64(smallPayload), c.free(t), "failed frames are released by the library")
		r, err := c.CallRequest(until(t), Request{Data: []byte("fine"), Opcode: uint32(len(errs))})
		require.NoError(t, err, "the server goes on")
		r.Release()
	})
}

func TestHandlerThatPanics(t *testing.T) {
	p := newHeap(t, 0, smallPayload)
	p.serve(func(f Frame) error {
		switch f.Opcode() {
		case 1:
			panic("out of cheese")
		case 2:
			runtime.Goexit()
		case 3:
			return panicking{}
		}
		return nil
	})
	c := p.connect()
	for opcode, message := range map[uint32]string{
		1: "handler panicked: out of cheese", 2: "the handler ended its goroutine (runtime.Goexit)", 3: "PANIC=Error method: in Error",
	} {
		for range 3 {
			_, err := c.CallRequest(until(t), Request{Opcode: opcode, Capacity: 256})
			require.ErrorIs(t, err, ErrHandlerFailed)
			require.Contains(t, handlerError(t, err).Message, message)
		}
	}
	r, err := c.Call(until(t), []byte("alive"))
	require.NoError(t, err)
	r.Release()
}

func TestFailureMessageIsCutAtACharacter(t *testing.T) {
	const message = "aé€😀" // 1, 2, 3 and 4 bytes
	p := newHeap(t, 0, smallPayload)
	p.serve(func(f Frame) error { return errors.New(strings.Repeat("x", int(f.Opcode())) + message) })
	c := p.connect()
	for prefix := range 70 {
		_, err := c.CallRequest(until(t), Request{Opcode: uint32(prefix), Capacity: 1}) // 64 bytes in truth
		got := handlerError(t, err).Message
		want := strings.Repeat("x", prefix)
		for _, r := range message {
			if len(want)+len(string(r)) > 64 {
				break
			}
			want += string(r)
		}
		require.Equal(t, want[:min(64, len(want))], got)
	}
	_, err := c.CallRequest(until(t), Request{})
	require.Empty(t, handlerError(t, err).Message, "a frame without capacity has room for no message")
}

func TestResponseTooLarge(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		p.serve(func(f Frame) error {
			size := f.Size()
			err := f.Resize(f.Capacity() + 1)
			if !errors.Is(err, ErrResponseTooLarge) {
				return fmt.Errorf("resize gave %v", err)
			}
			if f.Size() != size {
				return errors.New("a refused resize changed the size")
			}
			if f.Opcode() == 1 {
				return nil // the handler can live with it
			}
			return err
		})
		c := p.connect()
		_, err := c.CallRequest(until(t), Request{Data: []byte("12345"), Capacity: 100})
		require.ErrorIs(t, err, ErrResponseTooLarge)
		failed := handlerError(t, err)
		require.Equal(t, int32(-2), failed.Status)
		require.Contains(t, failed.Message, "to 129 bytes, its capacity is 128")
		r, err := c.CallRequest(until(t), Request{Data: []byte("12345"), Opcode: 1})
		require.NoError(t, err)
		require.Equal(t, "12345", string(r.Data()))
		r.Release()
	})
}

func TestResizeWithinTheCapacity(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		p.serve(func(f Frame) error {
			if err := f.Resize(-1); !errors.Is(err, ErrInvalidArgument) {
				return fmt.Errorf("resize to -1 gave %v", err)
			}
			if err := f.Resize(int(f.Opcode())); err != nil {
				return err
			}
			data := f.Data()
			for i := range data {
				data[i] = byte(len(data))
			}
			return nil
		})
		c := p.connect()
		for _, tc := range []struct{ size, capacity, response int }{{0, 0, 0}, {10, 0, 3}, {10, 0, 64}, {10, 500, 512}, {0, 100, 128}, {100, 0, 0}} {
			r, err := c.CallRequest(until(t), Request{Data: make([]byte, tc.size), Capacity: tc.capacity, Opcode: uint32(tc.response)})
			require.NoError(t, err)
			require.Equal(t, tc.response, r.Size())
			require.Equal(t, uint32(tc.response), r.Opcode())
			for _, b := range r.Data() {
				require.Equal(t, byte(tc.response), b)
			}
			r.Release()
		}
	})
}

func TestFrameSaysWhatTheRequestIs(t *testing.T) {
	type seen struct {
		size, capacity int
		sequence       uint64
		opcode         uint32
		oneWay         bool
	}
	all := make(chan seen, 10)
	p := newHeap(t, 0, smallPayload)
	p.serve(func(f Frame) error {
		all <- seen{f.Size(), f.Capacity(), f.Sequence(), f.Opcode(), f.OneWay()}
		return nil
	})
	c := p.connect()
	_, err := c.Send(until(t), Request{Data: make([]byte, 10), Capacity: 100, Opcode: 9, OneWay: true})
	require.NoError(t, err)
	require.Equal(t, seen{10, 128, 1, 9, true}, wait(t, all))
	buffer, err := c.AcquireRequestBuffer(until(t), 5, 0)
	require.NoError(t, err)
	buffer.SetOpcode(0xffffffff)
	_, err = buffer.Commit()
	require.NoError(t, err)
	require.Equal(t, seen{5, 64, 2, 0xffffffff, false}, wait(t, all))
	buffer, err = c.AcquireRequestBuffer(until(t), 0, 0)
	require.NoError(t, err)
	buffer.SetOneWay()
	_, err = buffer.Commit()
	require.NoError(t, err)
	require.Equal(t, seen{0, 0, 3, 0, true}, wait(t, all))
	r, err := c.ReceiveResponse(until(t))
	require.NoError(t, err)
	require.Equal(t, uint64(2), r.Sequence(), "one-way requests have no response")
	r.Release()
}

func TestOneWayFailuresGoToTheErrorFunction(t *testing.T) {
	reported := make(chan error, 1)
	p := newHeap(t, 0, smallPayload)
	p.serve(func(Frame) error { return errors.New("boom") }, WithErrorFunc(func(err error) { reported <- err }))
	c := p.connect()
	_, err := c.Send(until(t), Request{OneWay: true})
	require.NoError(t, err)
	err = wait(t, reported)
	requireError(t, err, ErrHandlerFailed)
	require.ErrorContains(t, err, "boom")
	eventually(t, func() bool { return c.free(t) == smallPayload }, "the space comes back")
}

func TestFramesAndBuffersFailClearlyAfterTheirEnd(t *testing.T) {
	frames := make(chan Frame, 16)
	p := newHeap(t, 0, smallPayload)
	p.serve(func(f Frame) error {
		frames <- f
		return nil
	})
	c := p.connect()
	panics := func(f func()) {
		t.Helper()
		defer func() {
			t.Helper()
			err, ok := recover().(error)
			require.True(t, ok, "it must panic with an error")
			requireError(t, err, ErrFrameReleased)
		}()
		f()
	}
	t.Run("response", func(t *testing.T) {
		r, err := c.Call(until(t), []byte("x"))
		require.NoError(t, err)
		same := r
		r.Release()
		r.Release()
		same.Release()
		panics(func() { r.Data() })
		panics(func() { same.Data() })
		next, err := c.Call(until(t), []byte("y"))
		require.NoError(t, err)
		panics(func() { r.Data() })
		r.Release() // must not release the next one, which has its place
		require.Equal(t, "y", string(next.Data()))
		next.Release()
		require.Equal(t, 1, r.Size())
		panics(func() { Response{}.Data() })
		Response{}.Release()
	})
	t.Run("frame", func(t *testing.T) {
		r, err := c.Call(until(t), []byte("x"))
		require.NoError(t, err)
		for range len(frames) - 1 {
			<-frames
		}
		f := wait(t, frames)
		r.Release()
		panics(func() { f.Data() })
		panics(func() { f.Size() })
		panics(func() { f.Capacity() })
		panics(func() { f.Sequence() })
		panics(func() { f.Opcode() })
		panics(func() { f.OneWay() })
		panics(func() { _ = f.Resize(0) })
		panics(func() { Frame{}.Data() })
	})
	t.Run("request buffer", func(t *testing.T) {
		committed, err := c.AcquireRequestBuffer(until(t), 1, 0)
		require.NoError(t, err)
		sequence, err := committed.Commit()
		require.NoError(t, err)
		_, err = committed.Commit()
		requireError(t, err, ErrFrameReleased)
		committed.Abort()
		panics(func() { committed.Data() })
		<-frames
		r, err := c.ReceiveResponseFor(until(t), sequence)
		require.NoError(t, err)
		r.Release()

		aborted, err := c.AcquireRequestBuffer(until(t), 1, 0)
		require.NoError(t, err)
		aborted.Abort()
		aborted.Abort()
		panics(func() { aborted.Data() })
		_, err = aborted.Commit()
		requireError(t, err, ErrFrameReleased)

		next, err := c.AcquireRequestBuffer(until(t), 1, 0)
		require.NoError(t, err)
		aborted.Abort() // must not abort the next one
		panics(func() { aborted.Data() })
		require.Len(t, next.Data(), 1)
		next.Abort()

		var zero RequestBuffer
		panics(func() { zero.Data() })
		_, err = zero.Commit()
		require.ErrorIs(t, err, ErrFrameReleased)
		zero.Abort()
	})
}

func TestWorkersRunAtTheSameTimeAndAnswerOutOfOrder(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		const workers = 4
		entered, pass := make(chan uint64, workers), [workers]chan struct{}{}
		for i := range pass {
			pass[i] = make(chan struct{})
		}
		p.serve(func(f Frame) error {
			entered <- f.Sequence()
			<-pass[f.Sequence()-1]
			return invert(f)
		}, WithWorkers(workers))
		c := p.connect()
		for i := range workers {
			sequence, err := c.SendRequest(until(t), []byte{byte(i)})
			require.NoError(t, err)
			require.Equal(t, uint64(i+1), sequence)
		}
		for range workers {
			wait(t, entered) // all run at once
		}
		for _, i := range []int{2, 0, 3, 1} {
			close(pass[i])
			r, err := c.ReceiveResponse(until(t))
			require.NoError(t, err)
			require.Equal(t, uint64(i+1), r.Sequence())
			require.Equal(t, []byte{^byte(i)}, r.Data())
			r.Release()
		}
		require.Equal(t, uint64(smallPayload), c.free(t))
	})
}

func TestOneWorkerAnswersInOrder(t *testing.T) {
	p := newHeap(t, 0, smallPayload)
	var running atomic.Int32
	p.serve(func(Frame) error {
		if running.Add(1) != 1 {
			return errors.New("two handlers run at once")
		}
		runtime.Gosched()
		running.Add(-1)
		return nil
	})
	c := p.connect()
	const n = 100
	for range n {
		_, err := c.SendRequest(until(t), []byte{1})
		require.NoError(t, err)
	}
	for i := range n {
		r, err := c.ReceiveResponse(until(t))
		require.NoError(t, err)
		require.Equal(t, uint64(i+1), r.Sequence())
		r.Release()
	}
}

func TestHandlerMayAskItsServer(t *testing.T) {
	p := newHeap(t, 256, smallPayload)
	s := p.create()
	require.NoError(t, s.Start(context.Background(), func(f Frame) error {
		_, err := s.ClientMetadata()
		return err
	}))
	c := p.connect()
	r, err := c.Call(until(t), nil)
	require.NoError(t, err)
	r.Release()
}
