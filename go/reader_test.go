//go:build linux

package zeroduplex

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func TestStreamInEveryWayOfWaiting(t *testing.T) {
	for _, reading := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		for _, writing := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
			t.Run(reading.String()+" reads, "+writing.String()+" writes", func(t *testing.T) {
				eachPlace(t, 4096, func(t *testing.T, p *place) {
					count := 3000
					if reading == WaitSpin || writing == WaitSpin {
						count = 300 // on few processors spinning threads wait for each other
					}
					r, w := p.read(WithWait(reading)), p.write(WithWait(writing))
					done := started(func() error {
						for i := range count {
							if _, err := w.WriteFrame(until(t), frameOf(uint64(i+1), i*7%300+1)); err != nil {
								return err
							}
						}
						return nil
					})
					var out []ReceivedFrame
					for i := range count {
						out = append(out, receive(t, r, uint64(i+1), i*7%300+1))
						if len(out) == 4 { // newest first
							for k := range out {
								out[len(out)-1-k].Release()
							}
							out = nil
						}
					}
					for _, f := range out {
						f.Release()
					}
					require.NoError(t, wait(t, done))
					r.buffer.allFree(t)
				})
			})
		}
	}
}

func TestReadThatFindsNothing(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		r := p.read(WithReadTimeout(20 * time.Millisecond))
		start := time.Now()
		_, err := r.ReadFrame(context.Background())
		requireError(t, err, ErrTimeout)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.GreaterOrEqual(t, time.Since(start), 20*time.Millisecond)
		require.False(t, r.IsWriterConnected())
		_, err = r.ReadFrame(passed(t))
		requireError(t, err, ErrTimeout)

		w := p.write()
		require.True(t, r.IsWriterConnected())
		_, err = r.ReadFrame(context.Background())
		requireError(t, err, ErrTimeout)
		send(t, w, 10)
		f, err := r.ReadFrame(passed(t))
		require.NoError(t, err, "a deadline that has passed still tries once")
		f.Release()
		send(t, w, 10)
		f, err = r.ReadFrame(ended())
		require.NoError(t, err, "and so does a cancelled context")
		f.Release()
		_, err = r.ReadFrame(ended())
		requireError(t, err, ErrCancelled)
		r.buffer.is(t, 1024, 52, 52, 2, 2, 0, 2)
	})
}

func TestReadIsCancelled(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		t.Run(w.String(), func(t *testing.T) {
			p := newHeap(t, 0, 1024)
			r := p.read(WithWait(w))
			writer := p.write()
			for range 20 {
				ctx, cancel := context.WithCancel(context.Background())
				reading := started(func() error { _, err := r.ReadFrame(ctx); return err })
				if w != WaitSpin {
					sleeps(t, r.buffer.dataWritten)
				}
				cancel()
				err := wait(t, reading)
				requireError(t, err, ErrCancelled)
				require.ErrorIs(t, err, context.Canceled)
				require.Zero(t, r.buffer.dataWritten.Value(), "what woke it is no frame")
			}
			send(t, writer, 10)
			receive(t, r, 1, 10).Release()
			r.buffer.allFree(t)
		})
	}
}

// A token that woke a cancelled reader and one that tells of a frame are the same; only their number counts.
func TestFramesThatComeWhileAReadEnds(t *testing.T) {
	p := newHeap(t, 0, 4096)
	r, w := p.stream()
	const count = 2000
	done := started(func() error {
		for range count {
			if _, err := w.WriteFrame(until(t), []byte{1}); err != nil {
				return err
			}
		}
		return nil
	})
	for next := uint64(1); next <= count; {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Microsecond)
		f, err := r.ReadFrame(ctx)
		cancel()
		if errors.Is(err, ErrTimeout) {
			continue
		}
		require.NoError(t, err)
		require.Equal(t, next, f.Sequence())
		f.Release()
		next++
	}
	require.NoError(t, wait(t, done))
	_, err := r.ReadFrame(passed(t))
	requireError(t, err, ErrTimeout)
	r.buffer.allFree(t)
}

func TestATokenThatTellsOfNoFrame(t *testing.T) {
	p := newHeap(t, 0, 1024)
	r := p.read(WithReadTimeout(20 * time.Millisecond))
	w := p.write()
	for range 5 {
		require.NoError(t, r.buffer.dataWritten.Post())
	}
	_, err := r.ReadFrame(context.Background())
	requireError(t, err, ErrTimeout)
	send(t, w, 10)
	receive(t, r, 1, 10).Release()
	require.NoError(t, r.buffer.dataWritten.Post())
	send(t, w, 10, 10)
	receive(t, r, 2, 10).Release()
	receive(t, r, 3, 10).Release()
	_, err = r.ReadFrame(context.Background())
	requireError(t, err, ErrTimeout)
	r.buffer.allFree(t)
}

func TestTokensWithoutEndTellOfNoFrame(t *testing.T) {
	const stored = 1_000_000
	p := newObject(t, 0, 1024)
	r := p.read(WithReadTimeout(time.Nanosecond))
	w := p.write()
	storeTokens(t, p.name, stored)
	_, err := r.ReadFrame(context.Background())
	requireError(t, err, ErrTimeout)
	require.Greater(t, r.buffer.dataWritten.Value(), uint32(stored-100), "no look takes them all: there may be any number of them")
	send(t, w, 10)
	receive(t, r, 1, 10).Release()
}

func TestTheEndOfAWriter(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		r, w := p.stream()
		send(t, w, 10, 20)
		require.NoError(t, w.Close())
		require.False(t, r.IsWriterConnected())
		receive(t, r, 1, 10).Release() // what it left comes first
		receive(t, r, 2, 20).Release()
		for range 2 {
			start := time.Now()
			_, err := r.ReadFrame(until(t))
			requireError(t, err, ErrWriterDead)
			require.ErrorContains(t, err, "it has closed")
			require.Less(t, time.Since(start), soon/2, "at once")
			_, err = r.ReadFrame(passed(t))
			requireError(t, err, ErrWriterDead)
		}

		next := p.write()
		require.True(t, r.IsWriterConnected())
		send(t, next, 30)
		receive(t, r, 1, 30).Release()
		require.NoError(t, next.Close())
		_, err := r.ReadFrame(until(t))
		requireError(t, err, ErrWriterDead)
		r.buffer.allFree(t)
	})
}

func TestAWriterThatLeavesWhileItsReaderSleeps(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		t.Run(w.String(), func(t *testing.T) {
			p := newObject(t, 0, 1024)
			r, writer := p.read(WithWait(w)), p.write()
			reading := started(func() error { _, err := r.ReadFrame(until(t)); return err })
			if w != WaitSpin {
				sleeps(t, r.buffer.dataWritten)
				eventually(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.peer.known }, "it has seen the writer")
			}
			require.NoError(t, writer.Close())
			if w == WaitSpin {
				send(t, p.write(), 1) // it may not have looked before
				_ = wait(t, reading)
				return
			}
			start := time.Now()
			requireError(t, wait(t, reading), ErrWriterDead)
			require.Less(t, time.Since(start), wire.DefaultV2WaitSlice+3*time.Second, "a slice, and a margin for a busy machine")
		})
	}
}

// A writer that came, wrote only its metadata and left before the reader looked was there all the same.
func TestAWriterThatLeftOnlyMetadata(t *testing.T) {
	p := newHeap(t, 256, 1024)
	r, w := p.stream()
	require.NoError(t, w.SetMetadata([]byte("x")))
	require.NoError(t, w.Close())
	_, err := r.ReadFrame(until(t))
	requireError(t, err, ErrWriterDead)
}

func TestOneWriterAfterTheOther(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		r := p.read()
		for i := range 50 {
			w := p.write()
			for n := range i % 4 {
				send(t, w, 10*n+1)
			}
			require.NoError(t, w.Close())
			if i%3 != 2 {
				continue // the reader meets several of them at once, with the same pid
			}
			for back := 2; back >= 0; back-- {
				for n := range (i - back) % 4 {
					receive(t, r, uint64(n+1), 10*n+1).Release()
				}
			}
		}
	})
}

func TestSequenceError(t *testing.T) {
	p := newObject(t, 0, 1024)
	r, w := p.stream()
	send(t, w, 10, 10, 10)
	receive(t, r, 1, 10).Release()
	binary.LittleEndian.PutUint64(r.buffer.Payload[26+8:], 5)
	for range 2 {
		_, err := r.ReadFrame(until(t))
		requireError(t, err, ErrSequence)
		require.ErrorIs(t, err, ErrCorrupted, "it is a kind of that")
		require.ErrorContains(t, err, "expected sequence number 2, got 5")
	}
	binary.LittleEndian.PutUint64(r.buffer.Payload[26+8:], 2)
	_, err := r.ReadFrame(until(t))
	requireError(t, err, ErrSequence) // it stays
}

func TestCorruptedFrames(t *testing.T) {
	p := newObject(t, 0, 1024)
	r, w := p.stream()
	send(t, w, 10)
	held := receive(t, r, 1, 10)
	send(t, w, 10)
	binary.LittleEndian.PutUint64(r.buffer.Payload[26:], 983)
	for range 2 {
		_, err := r.ReadFrame(until(t))
		requireError(t, err, ErrCorrupted)
		require.NotErrorIs(t, err, ErrSequence)
		require.ErrorContains(t, err, "frame at position 26 of 1024 says 983 bytes")
	}
	held.Release() // which still works
	require.Equal(t, uint64(1024-26), r.buffer.Oieb.PayloadFreeBytes.Load())
	require.NoError(t, r.Close())
}

func TestCorruptedCredit(t *testing.T) {
	p := newObject(t, 0, 1024)
	r, w := p.stream()
	send(t, w, 10)
	f := receive(t, r, 1, 10)
	r.buffer.Oieb.PayloadFreeBytes.Store(1020)
	f.Release()
	_, err := r.ReadFrame(until(t))
	requireError(t, err, ErrCorrupted)
	require.ErrorContains(t, err, "payload_free_bytes 1046")
	_, err = w.WriteFrame(until(t), []byte{1})
	requireError(t, err, ErrCorrupted)
	require.NoError(t, r.Close())
	_, err = r.ReadFrame(until(t))
	requireError(t, err, ErrClosed) // which says more than what went wrong before
}

func TestUseOfAReleasedFrame(t *testing.T) {
	p := newHeap(t, 0, 1024)
	r, w := p.stream()
	send(t, w, 10, 20)
	f := receive(t, r, 1, 10)
	alias := f
	f.Release()
	for _, stale := range []ReceivedFrame{f, alias, {}} {
		requireError(t, panics(t, func() { stale.Data() }), ErrFrameReleased)
		stale.Release() // does nothing
	}
	require.Equal(t, 10, f.Size())
	require.EqualValues(t, 1, f.Sequence())
	second := receive(t, r, 2, 20) // which uses what the first one used
	alias.Release()
	require.Equal(t, frameOf(2, 20), second.Data())
	require.Equal(t, 20, cap(second.Data()), "appending must not run into the next frame")
	second.Release()
	r.buffer.allFree(t)
}

func TestCloseOfAReader(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		r, w := p.stream()
		send(t, w, 10, 20, 30)
		first, second := receive(t, r, 1, 10), receive(t, r, 2, 20)
		var waiting []<-chan error
		receive(t, r, 3, 30).Release()
		for range 3 {
			waiting = append(waiting, started(func() error { _, err := r.ReadFrame(context.Background()); return err }))
		}
		sleeps(t, r.buffer.dataWritten)
		oieb := r.buffer.Oieb
		require.NoError(t, r.Close())
		require.NoError(t, r.Close(), "again does nothing")
		for _, c := range waiting {
			requireError(t, wait(t, c), ErrClosed)
		}
		require.Zero(t, oieb.ReaderPid.Load(), "the frames keep the memory")
		require.Empty(t, leftovers(p.name))
		require.Equal(t, frameOf(1, 10), first.Data())
		second.Release()
		require.Equal(t, frameOf(1, 10), first.Data())
		first.Release()
		first.Release()
		requireError(t, panics(t, func() { first.Data() }), ErrFrameReleased)

		_, err := r.ReadFrame(until(t))
		requireError(t, err, ErrClosed)
		require.ErrorIs(t, err, os.ErrClosed)
		_, err = r.Metadata()
		requireError(t, err, ErrClosed)
		require.False(t, r.IsWriterConnected())
	})
}

// Nothing is out but the calls that wait: the last of them must not take the memory from under Close.
func TestCloseWhileOthersWait(t *testing.T) {
	for _, strategy := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		t.Run(strategy.String(), func(t *testing.T) {
			for range 30 {
				p := newObject(t, 0, 1024)
				r, w := p.read(WithWait(strategy)), p.write(WithWait(strategy))
				send(t, w, 1008)
				var waiting []<-chan error
				for range 2 {
					waiting = append(waiting, started(func() error { _, err := w.WriteFrame(context.Background(), []byte{1}); return err }))
				}
				eventually(t, func() bool { w.mu.Lock(); defer w.mu.Unlock(); return w.waits == 2 }, "both wait")
				require.NoError(t, w.Close())
				receive(t, r, 1, 1008).Release()
				_, err := r.ReadFrame(until(t))
				requireError(t, err, ErrWriterDead)
				w = p.write(WithConnectTimeout(soon))
				for range 2 {
					waiting = append(waiting, started(func() error { _, err := r.ReadFrame(context.Background()); return err }))
				}
				eventually(t, func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.waits == 2 }, "both wait")
				require.NoError(t, r.Close())
				for _, c := range waiting {
					requireError(t, wait(t, c), ErrClosed)
				}
				require.Empty(t, leftovers(p.name))
				require.NoError(t, w.Close())
			}
		})
	}
}

func TestManyReadersOfOneBuffer(t *testing.T) {
	p := newHeap(t, 0, 4096)
	r, w := p.stream()
	const count = 2000
	var mu sync.Mutex
	seen := map[uint64]bool{}
	var all sync.WaitGroup
	for range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for {
				f, err := r.ReadFrame(until(t))
				if errors.Is(err, ErrWriterDead) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if seen[f.Sequence()] {
					t.Errorf("frame %d came twice", f.Sequence())
				}
				seen[f.Sequence()] = true
				mu.Unlock()
				f.Release()
			}
		}()
	}
	for i := range count {
		send(t, w, i%50+1)
	}
	require.NoError(t, w.Close())
	all.Wait()
	require.Len(t, seen, count)
	r.buffer.allFree(t)
}

func TestReadersAreServedFirstComeFirstServed(t *testing.T) {
	p := newHeap(t, 0, 4096)
	r, w := p.stream()
	const n = 10
	var got [n]chan uint64
	for i := range n {
		got[i] = make(chan uint64, 1)
		go func() {
			f, err := r.ReadFrame(until(t))
			if err != nil {
				t.Error(err)
			}
			got[i] <- f.Sequence()
			f.Release()
		}()
		eventually(t, func() bool {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.turn.held && len(r.turn.queue) == i
		}, "it queues up")
	}
	for i := range n {
		send(t, w, 1)
		require.EqualValues(t, i+1, wait(t, got[i]))
	}
}

func TestAReaderInTheQueueTimesOut(t *testing.T) {
	p := newHeap(t, 0, 1024)
	r := p.read()
	ctx, cancel := context.WithCancel(context.Background())
	first := started(func() error { _, err := r.ReadFrame(ctx); return err })
	sleeps(t, r.buffer.dataWritten)
	short, done := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer done()
	_, err := r.ReadFrame(short)
	requireError(t, err, ErrTimeout)
	_, err = r.ReadFrame(ended())
	requireError(t, err, ErrCancelled)
	cancel()
	requireError(t, wait(t, first), ErrCancelled)
}

// A writer that dies between publishing and posting leaves a frame that no token tells of.
func TestWhatADeadWriterDidNotPost(t *testing.T) {
	p := newObject(t, 0, 1024)
	r, w := p.stream()
	send(t, w, 700)
	receive(t, r, 1, 700).Release()
	w.mu.Lock()
	place, err := w.ring.Plan(300) // behind a marker
	require.NoError(t, err)
	copy(w.ring.Data(place), frameOf(2, 300))
	w.ring.Publish(place)
	w.mu.Unlock()
	_, err = r.ReadFrame(passed(t))
	requireError(t, err, ErrTimeout) // it lives, and is about to post
	w.buffer.Oieb.WriterPid.Store(nobody)
	r.mu.Lock()
	r.peer = peer{} // it has not looked for longer than a slice
	r.mu.Unlock()
	receive(t, r, 2, 300).Release()
	_, err = r.ReadFrame(until(t))
	requireError(t, err, ErrWriterDead)
	require.ErrorContains(t, err, "is dead")
	r.buffer.allFree(t)
}

func TestTokensOfTheWriterAreBounded(t *testing.T) {
	p := newHeap(t, 0, 8192)
	r, w := p.stream()
	for range 3 {
		for range 100 {
			send(t, w, 1)
		}
		var frames []ReceivedFrame
		for range 100 {
			f, err := r.ReadFrame(until(t))
			require.NoError(t, err)
			frames = append(frames, f)
		}
		for _, f := range frames {
			f.Release()
		}
		require.Equal(t, wire.DataReadTokenLimit, r.buffer.dataRead.Value())
	}
	r.buffer.allFree(t)
}

func TestMetadataOfABuffer(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		r, w := p.stream()
		content, err := r.Metadata()
		require.NoError(t, err)
		require.Nil(t, content)
		err = w.SetMetadata(make([]byte, 249))
		requireError(t, err, ErrMetadataTooLarge)
		require.ErrorIs(t, err, ErrInvalidArgument)
		require.ErrorContains(t, err, "249 bytes, room for 248")
		require.NoError(t, w.SetMetadata(frameOf(65, 45)))
		require.EqualValues(t, 53, r.buffer.Oieb.MetadataWrittenBytes.Load())
		require.EqualValues(t, 256-53, r.buffer.Oieb.MetadataFreeBytes.Load())
		require.Zero(t, r.buffer.dataWritten.Value(), "it posts nothing")
		content, err = r.Metadata()
		require.NoError(t, err)
		require.Equal(t, frameOf(65, 45), content)
		content[0]++ // a copy
		requireError(t, w.SetMetadata([]byte("again")), ErrMetadataAlreadyWritten)
		require.NoError(t, w.Close())
		requireError(t, w.SetMetadata([]byte("again")), ErrClosed)

		t.Run("the next writer finds it", func(t *testing.T) {
			next := p.write()
			requireError(t, next.SetMetadata([]byte("mine")), ErrMetadataAlreadyWritten)
			content, err := r.Metadata()
			require.NoError(t, err)
			require.Equal(t, frameOf(65, 45), content)
		})
	})
	t.Run("empty", func(t *testing.T) {
		p := newHeap(t, 256, 1024)
		r, w := p.stream()
		require.NoError(t, w.SetMetadata(nil))
		content, err := r.Metadata()
		require.NoError(t, err)
		require.NotNil(t, content)
		require.Empty(t, content)
		requireError(t, w.SetMetadata(nil), ErrMetadataAlreadyWritten)
	})
	t.Run("no block", func(t *testing.T) {
		p := newObject(t, 0, 1024)
		r, w := p.stream()
		requireError(t, w.SetMetadata(nil), ErrMetadataTooLarge)
		requireError(t, w.SetMetadata([]byte("x")), ErrMetadataTooLarge)
		content, err := r.Metadata()
		require.NoError(t, err)
		require.Nil(t, content)
		send(t, w, 1)
		receive(t, r, 1, 1).Release()
	})
}

func TestCorruptedMetadata(t *testing.T) {
	p := newObject(t, 256, 1024)
	r := p.read()
	for _, c := range []struct {
		written, length uint64
		want            string
	}{
		{7, 0, "metadata_written_bytes 7 in a block of 256"}, {257, 249, "metadata_written_bytes 257"}, {^uint64(0), 1, "metadata_written_bytes 18446744073709551615"},
		{20, 13, "length prefix 13, metadata_written_bytes 20"}, {8, ^uint64(0), "length prefix 18446744073709551615"},
	} {
		r.buffer.Oieb.MetadataWrittenBytes.Store(c.written)
		binary.LittleEndian.PutUint64(r.buffer.metadata, c.length)
		_, err := r.Metadata()
		requireError(t, err, ErrCorrupted)
		require.ErrorContains(t, err, c.want)
	}
	// A length below what was written is what C# leaves when it writes twice: it is the length that counts.
	r.buffer.Oieb.MetadataWrittenBytes.Store(20)
	binary.LittleEndian.PutUint64(r.buffer.metadata, 5)
	content, err := r.Metadata()
	require.NoError(t, err)
	require.Len(t, content, 5)
}
