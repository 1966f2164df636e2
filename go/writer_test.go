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

func TestWriteWaitsForRoom(t *testing.T) {
	for _, strategy := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		t.Run(strategy.String(), func(t *testing.T) {
			eachPlace(t, 1024, func(t *testing.T, p *place) {
				r, w := p.read(), p.write(WithWait(strategy))
				send(t, w, 500, 476)
				waiting := started(func() error {
					_, err := w.WriteFrame(until(t), frameOf(3, 400))
					return err
				})
				if strategy != WaitSpin {
					sleeps(t, w.buffer.dataRead)
				}
				first := receive(t, r, 1, 500)
				first.Release()
				require.NoError(t, wait(t, waiting))
				receive(t, r, 2, 476).Release()
				receive(t, r, 3, 400).Release()
				r.buffer.allFree(t)
			})
		})
	}
}

// Each token that was left must not begin the waiting anew.
func TestStaleTokensDoNotProlongAWrite(t *testing.T) {
	p := newHeap(t, 0, 1024)
	r, w := p.stream()
	for range 40 {
		send(t, w, 1)
		receive(t, r, uint64(w.ring.Last()), 1).Release()
	}
	require.EqualValues(t, 40, w.buffer.dataRead.Value())
	send(t, w, 250, 250)
	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, err := w.WriteFrame(ctx, make([]byte, 490))
	requireError(t, err, ErrBufferFull)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "of 1024 bytes free")
	require.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
	require.LessOrEqual(t, w.buffer.dataRead.Value(), uint32(1), "a blocked writer takes them")
}

func TestWritesOutOfTime(t *testing.T) {
	p := newHeap(t, 0, 1024)
	_, w := p.read(), p.write(WithWriteTimeout(20*time.Millisecond))
	send(t, w, 1008)
	start := time.Now()
	_, err := w.WriteFrame(context.Background(), []byte{1})
	requireError(t, err, ErrBufferFull)
	require.NotErrorIs(t, err, ErrAcquisitionOpen)
	require.GreaterOrEqual(t, time.Since(start), 20*time.Millisecond)
	_, err = w.WriteFrame(passed(t), []byte{1})
	requireError(t, err, ErrBufferFull)
	_, err = w.WriteFrame(ended(), []byte{1})
	requireError(t, err, ErrCancelled)
	ctx, cancel := context.WithCancel(context.Background())
	waiting := started(func() error { _, err := w.AcquireFrameBuffer(ctx, 1); return err })
	cancel()
	requireError(t, wait(t, waiting), ErrCancelled)
	w.buffer.is(t, 0, 0, 0, 1, 0, 1, uint64(w.buffer.dataRead.Value()))
}

func TestFramesThatAreRefusedAtOnce(t *testing.T) {
	p := newHeap(t, 0, 1024)
	_, w := p.stream()
	buffer, err := w.AcquireFrameBuffer(until(t), 500)
	require.NoError(t, err)
	for size, want := range map[int]error{0: ErrInvalidFrameSize, 1009: ErrFrameTooLarge, 1000: ErrFrameTooLarge} {
		_, err := w.WriteFrame(context.Background(), make([]byte, size)) // though a buffer is out
		requireError(t, err, want)
		_, err = w.AcquireFrameBuffer(context.Background(), size)
		requireError(t, err, want)
	}
	_, err = w.AcquireFrameBuffer(context.Background(), -1)
	requireError(t, err, ErrInvalidFrameSize)
	require.ErrorIs(t, err, ErrInvalidArgument, "it is a kind of that")
	buffer.Abort()
	_, err = w.WriteFrame(context.Background(), make([]byte, 1000))
	require.ErrorContains(t, err, "published readers misread")

	send(t, w, 500)
	start := time.Now()
	_, err = w.WriteFrame(context.Background(), make([]byte, 600))
	requireError(t, err, ErrFrameUnplaceable)
	require.ErrorIs(t, err, ErrFrameTooLarge, "it is a kind of that")
	require.Less(t, time.Since(start), soon/2, "waiting would not help")
	w.buffer.is(t, 508, 516, 0, 1, 0, 1, 0)
}

func TestAcquiredFrames(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		r, w := p.read(), p.write(WithWriteTimeout(20*time.Millisecond))
		buffer, err := w.AcquireFrameBuffer(until(t), 100)
		require.NoError(t, err)
		require.Len(t, buffer.Data(), 100)
		require.Equal(t, 100, cap(buffer.Data()))
		_, err = w.WriteFrame(context.Background(), []byte{1})
		requireError(t, err, ErrAcquisitionOpen)
		require.ErrorIs(t, err, ErrBufferFull, "it is a kind of that")
		_, err = w.AcquireFrameBuffer(context.Background(), 1)
		requireError(t, err, ErrAcquisitionOpen)
		_, err = w.WriteFrame(ended(), []byte{1})
		requireError(t, err, ErrCancelled)

		queued := started(func() uint64 {
			sequence, err := w.WriteFrame(until(t), frameOf(2, 7))
			if err != nil {
				t.Error(err)
			}
			return sequence
		})
		eventually(t, func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.turn.queue) == 1 }, "it queues up")
		copy(buffer.Data(), frameOf(1, 100))
		sequence, err := buffer.Commit()
		require.NoError(t, err)
		require.EqualValues(t, 1, sequence)
		require.EqualValues(t, 2, wait(t, queued))
		_, err = buffer.Commit()
		requireError(t, err, ErrFrameReleased)
		buffer.Abort() // does nothing
		requireError(t, panics(t, func() { buffer.Data() }), ErrFrameReleased)
		receive(t, r, 1, 100).Release()
		receive(t, r, 2, 7).Release()

		aborted, err := w.AcquireFrameBuffer(until(t), 50)
		require.NoError(t, err)
		aborted.Abort()
		aborted.Abort()
		requireError(t, panics(t, func() { aborted.Data() }), ErrFrameReleased)
		_, err = aborted.Commit()
		requireError(t, err, ErrFrameReleased)
		send(t, w, 9)
		receive(t, r, 3, 9).Release() // no gap
		r.buffer.allFree(t)
	})
	t.Run("of nobody", func(t *testing.T) {
		var buffer FrameBuffer
		buffer.Abort()
		_, err := buffer.Commit()
		requireError(t, err, ErrFrameReleased)
		requireError(t, panics(t, func() { buffer.Data() }), ErrFrameReleased)
	})
}

func TestManyWritersOfOneProcess(t *testing.T) {
	p := newHeap(t, 0, 2048)
	r, w := p.stream()
	const writers, each = 4, 500
	var mu sync.Mutex
	sequences := map[uint64]bool{}
	var all sync.WaitGroup
	for k := range writers {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range each {
				var sequence uint64
				var err error
				data := make([]byte, i%100+1)
				data[0] = byte(k)
				if i%2 == 0 {
					sequence, err = w.WriteFrame(until(t), data)
				} else {
					var b FrameBuffer
					if b, err = w.AcquireFrameBuffer(until(t), len(data)); err == nil {
						copy(b.Data(), data)
						sequence, err = b.Commit()
					}
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				sequences[sequence] = true
				mu.Unlock()
			}
		}()
	}
	counts := map[byte]int{}
	for i := range writers * each {
		f, err := r.ReadFrame(until(t))
		require.NoError(t, err)
		require.EqualValues(t, i+1, f.Sequence())
		k := f.Data()[0]
		require.Equal(t, counts[k]%100+1, f.Size(), "each writer's frames come in its order")
		counts[k]++
		f.Release()
	}
	all.Wait()
	require.Len(t, sequences, writers*each)
	r.buffer.allFree(t)
}

func TestWritersAreServedFirstComeFirstServed(t *testing.T) {
	p := newHeap(t, 0, 4096)
	r, w := p.stream()
	buffer, err := w.AcquireFrameBuffer(until(t), 1)
	require.NoError(t, err)
	const n = 10
	for i := range n {
		go func() {
			if _, err := w.WriteFrame(until(t), []byte{byte(i)}); err != nil {
				t.Error(err)
			}
		}()
		eventually(t, func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.turn.queue) == i+1 }, "it queues up")
	}
	buffer.Abort()
	for i := range n {
		f, err := r.ReadFrame(until(t))
		require.NoError(t, err)
		require.Equal(t, []byte{byte(i)}, f.Data())
		f.Release()
	}
}

func TestTheEndOfAReader(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		r, w := p.stream()
		send(t, w, 10)
		require.True(t, w.IsReaderConnected())
		buffer, err := w.AcquireFrameBuffer(until(t), 20)
		require.NoError(t, err)
		require.NoError(t, r.Close())
		require.False(t, w.IsReaderConnected())
		_, err = buffer.Commit()
		requireError(t, err, ErrReaderDead)
		for range 2 {
			_, err := w.WriteFrame(context.Background(), []byte{1})
			requireError(t, err, ErrReaderDead) // at once, though there is room
			require.ErrorContains(t, err, "it has closed the buffer")
		}
		_, err = w.AcquireFrameBuffer(until(t), 1)
		requireError(t, err, ErrReaderDead)
		requireError(t, w.SetMetadata(nil), ErrReaderDead)
		w.buffer.is(t, 998, 26, 0, 1, 0, 1, 0)
		require.NoError(t, w.Close())
	})
}

func TestAReaderThatClosesWhileItsWriterWaits(t *testing.T) {
	for _, strategy := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		t.Run(strategy.String(), func(t *testing.T) {
			p := newObject(t, 0, 1024)
			r, w := p.read(), p.write(WithWait(strategy))
			send(t, w, 1008)
			waiting := started(func() error { _, err := w.WriteFrame(until(t), []byte{1}); return err })
			if strategy != WaitSpin {
				sleeps(t, w.buffer.dataRead)
			}
			start := time.Now()
			require.NoError(t, r.Close())
			requireError(t, wait(t, waiting), ErrReaderDead)
			require.Less(t, time.Since(start), wire.DefaultV2WaitSlice+3*time.Second)
		})
	}
}

func TestCloseOfAWriter(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		r, w := p.stream()
		send(t, w, 1008)
		var waiting []<-chan error
		for range 3 {
			waiting = append(waiting, started(func() error { _, err := w.WriteFrame(context.Background(), []byte{1}); return err }))
		}
		sleeps(t, w.buffer.dataRead)
		require.NoError(t, w.Close())
		require.NoError(t, w.Close())
		for _, c := range waiting {
			requireError(t, wait(t, c), ErrClosed)
		}
		_, err := w.WriteFrame(until(t), []byte{1})
		requireError(t, err, ErrClosed)
		require.False(t, w.IsReaderConnected())
		receive(t, r, 1, 1008).Release()
		require.Zero(t, r.buffer.Oieb.WriterPid.Load())
	})
	t.Run("while a buffer is out", func(t *testing.T) {
		p := newObject(t, 0, 1024)
		r, w := p.stream()
		for _, end := range []func(FrameBuffer){FrameBuffer.Abort, func(b FrameBuffer) {
			_, err := b.Commit()
			requireError(t, err, ErrClosed)
		}} {
			b, err := w.AcquireFrameBuffer(until(t), 10)
			require.NoError(t, err)
			require.NoError(t, w.Close())
			b.Data()[9] = 1 // still there
			requireError(t, p.tryWrite(WithConnectTimeout(0)), ErrWriterAlreadyConnected)
			require.True(t, r.IsWriterConnected(), "its bytes are still in the application's hands")
			end(b)
			require.False(t, r.IsWriterConnected())
			w = p.write()
		}
		send(t, w, 5)
		receive(t, r, 1, 5).Release()
	})
}

func TestATokenTooMany(t *testing.T) {
	p := newObject(t, 0, 1024)
	r, w := p.stream()
	for r.buffer.dataWritten.Value() < 5 {
		require.NoError(t, r.buffer.dataWritten.Post())
	}
	overflow(t, p.name)
	sequence, err := w.WriteFrame(until(t), frameOf(1, 3))
	requireError(t, err, ErrSystem)
	require.ErrorContains(t, err, "its token is lost")
	require.EqualValues(t, 1, sequence, "it is written all the same")
	receive(t, r, 1, 3).Release() // by one of the tokens that were there
}

func TestReadersAndWritersOfAllKindsOfError(t *testing.T) {
	require.True(t, errors.Is(&Error{Code: ErrorCodeFrameUnplaceable}, ErrFrameTooLarge))
	require.False(t, errors.Is(&Error{Code: ErrorCodeFrameTooLarge}, ErrFrameUnplaceable))
	require.True(t, ErrorCodeFrameUnplaceable.Retryable())
}
