package stream

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAnyOrderOfThingsKeepsTheRingRight writes, reads and releases at random, frames in any order, and looks after each step at all that must hold.
func TestAnyOrderOfThingsKeepsTheRingRight(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		payload := 64 * (1 + random.Uint64N(30))
		largest := 1 + random.Uint64N(payload)
		most := 1 + random.IntN(12)
		b := newBuffer(t, payload)
		var out []held
		var written, read, markers uint64
		for range 2000 {
			switch random.IntN(3) {
			case 0:
				before := b.writer.position
				size := random.Uint64N(largest) + 1
				if err := b.tryWrite(size); err != nil {
					require.True(t, errors.Is(err, errFull) || errors.Is(err, ErrUnplaceable) || errors.Is(err, ErrTooLarge), "%v", err)
					break
				}
				written++
				if b.writer.position != (before+headerSize+size)%payload {
					markers++ // it did not go where the last one ended
				}
				require.False(t, badTail(payload-b.writer.position), "it left %d bytes", payload-b.writer.position)
			case 1:
				if len(out) < most && b.reader.Published() {
					out = append(out, b.read())
					read++
					require.Equal(t, read, out[len(out)-1].Sequence)
				}
			case 2:
				if len(out) > 0 {
					i := random.IntN(len(out))
					b.release(out[i])
					out = append(out[:i], out[i+1:]...)
				}
			}
			for _, f := range out {
				f.check(t)
			}
			require.GreaterOrEqual(t, b.reader.Held(), len(out))
		}
		for b.reader.Published() {
			out = append(out, b.read())
			read++
		}
		for _, f := range out {
			b.release(f)
		}
		require.Equal(t, written, read)
		s := b.state()
		require.Equal(t, state{payload, s[1], s[1], s[3], s[3]}, s, "all is free, and all that was written was read")
		require.GreaterOrEqual(t, s[3], written)
		require.Equal(t, written+markers, s[3], "seed %d: frames and markers", seed)
		require.Zero(t, b.reader.Held())
	}
}

// TestBothEndsAtOnce is for the race detector: data goes from one goroutine to the other by the fields alone.
func TestBothEndsAtOnce(t *testing.T) {
	const frames = 5_000
	b := newBuffer(t, 4096)
	failed := make(chan error, 1)
	go func() {
		random := rand.New(rand.NewPCG(7, 7))
		for range frames {
			size := random.Uint64N(300) + 1
			for {
				err := b.tryWrite(size)
				if err == nil {
					break
				}
				if !errors.Is(err, errFull) {
					failed <- err
					return
				}
				runtime.Gosched()
			}
		}
		failed <- nil
	}()
	var out []held
	for sequence := uint64(1); sequence <= frames; {
		if !b.reader.Published() {
			runtime.Gosched()
			continue
		}
		out = append(out, b.read())
		require.Equal(t, sequence, out[len(out)-1].Sequence)
		sequence++
		if len(out) == 3 { // newest first
			for i := range out {
				b.release(out[len(out)-1-i])
			}
			out = out[:0]
		}
	}
	for _, f := range out {
		b.release(f)
	}
	require.NoError(t, <-failed)
	s := b.state()
	require.Equal(t, state{4096, s[1], s[1], s[3], s[3]}, s)
}

// FuzzReader gives a reader whatever memory: it must neither fail to return nor read beyond the payload.
func FuzzReader(f *testing.F) {
	f.Add(uint8(4), []byte{100, 0, 0, 0, 0, 0, 0, 0, 1}, uint64(3))
	f.Add(uint8(1), make([]byte, 64), uint64(1))
	f.Fuzz(func(t *testing.T, blocks uint8, content []byte, count uint64) {
		b := newBuffer(t, 64*uint64(blocks%32))
		copy(b.Payload, content)
		b.Oieb.PayloadWrittenCount.Store(count)
		b.Oieb.PayloadFreeBytes.Store(0)
		for range 100 {
			b.reader.Recoverable()
			if !b.reader.Published() {
				return
			}
			frame, err := b.reader.Next()
			if err != nil {
				require.ErrorIs(t, err, ErrCorrupted)
				return
			}
			require.NotEmpty(t, frame.Data)
			_, _ = b.reader.Release(frame.Slot, frame.Slot.Generation.Load())
			require.Less(t, b.reader.position, max(1, uint64(len(b.Payload))))
		}
	})
}
