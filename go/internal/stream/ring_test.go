package stream

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func TestOneFrame(t *testing.T) {
	b := newBuffer(t, 1024)
	b.is(1024, 0, 0, 0, 0)
	require.False(t, b.reader.Published())
	b.write(100)
	b.is(908, 116, 0, 1, 0)
	require.Equal(t, []byte{100, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3}, b.Payload[:19])
	f := b.read()
	require.True(t, f.First)
	b.is(908, 116, 116, 1, 1)
	require.Equal(t, 1, b.reader.Held())
	require.Equal(t, 1, b.release(f))
	b.is(1024, 116, 116, 1, 1)
	require.Zero(t, b.reader.Held())
	n, err := b.reader.Release(f.Slot, f.generation)
	require.NoError(t, err)
	require.Zero(t, n, "releasing again does nothing")
	b.is(1024, 116, 116, 1, 1)
}

func TestFramesAreReleasedInTheirOrder(t *testing.T) {
	b := newBuffer(t, 1024)
	b.write(50, 60, 70)
	first, second, third := b.read(), b.read(), b.read()
	require.True(t, first.First)
	require.False(t, second.First)
	b.is(796, 228, 228, 3, 3)
	require.Zero(t, b.release(third), "older ones are still out")
	require.Zero(t, b.release(second))
	b.is(796, 228, 228, 3, 3)
	require.Equal(t, 3, b.reader.Held())
	require.Equal(t, 3, b.release(first), "all of them at once")
	b.is(1024, 228, 228, 3, 3)
}

func TestWrapBehindAMarker(t *testing.T) {
	for _, tail := range []uint64{16, 17, 100} {
		b := newBuffer(t, 1024)
		second := 1024 - 416 - 16 - tail
		b.write(400, second)
		b.is(tail, 1024-tail, 0, 2, 0)
		require.ErrorIs(t, b.tryWrite(200), errFull, "the waste needs room, too")
		b.pass(2)
		b.Payload[1024-1] = 77 // what the marker does not cover stays as it is
		b.write(200)
		b.is(1024-216-tail, 216, 1024-tail, 4, 2)
		require.Equal(t, make([]byte, 16), b.Payload[1024-tail:][:16])
		f := b.read()
		b.is(1024-216, 216, 216, 4, 4)
		b.release(f)
		b.is(1024, 216, 216, 4, 4)
	}
}

func TestATailThatHoldsNoMarkerIsNeverLeft(t *testing.T) {
	for tail := uint64(1); tail < 16; tail++ {
		b := newBuffer(t, 1024)
		b.write(400)
		b.pass(1)
		// It would fit, but for what it leaves: so it goes to the start. 392 is the largest that has room before position 416.
		size := 1024 - 416 - 16 - tail
		require.ErrorIs(t, b.tryWrite(size), ErrUnplaceable)
		b.is(1024, 416, 416, 1, 1)
		b.write(300, 276) // 1024 - 416 - 316 = 292 = 276 + 16
		b.is(1024-316-292, 0, 416, 3, 1)
		b.pass(2)

		b = newBuffer(t, 1024)
		b.write(700)
		b.pass(1)
		size = 1024 - 716 - 16 - tail
		b.write(size)
		b.is(1024-308-size-16, size+16, 716, 3, 1)
		b.pass(1)
		b.is(1024, size+16, size+16, 3, 3)
	}
}

func TestExactFit(t *testing.T) {
	b := newBuffer(t, 1024)
	b.write(484, 508)
	b.is(0, 0, 0, 2, 0)
	require.ErrorIs(t, b.tryWrite(1), errFull)
	b.pass(2)
	b.is(1024, 0, 0, 2, 2)
	b.write(100)
	b.is(908, 116, 0, 3, 2)
	b.pass(1)

	t.Run("the whole payload, again and again", func(t *testing.T) {
		b := newBuffer(t, 1024)
		for i := uint64(1); i < 5; i++ {
			b.write(1008)
			b.is(0, 0, 0, i, i-1)
			b.pass(1)
			b.is(1024, 0, 0, i, i)
		}
	})
}

func TestFramesThatCanNeverBeWritten(t *testing.T) {
	b := newBuffer(t, 1024)
	require.ErrorIs(t, b.tryWrite(0), ErrEmpty)
	for _, size := range []uint64{1009, 1024, 1 << 40, ^uint64(0), wire.MaxFrameData + 1} {
		err := b.tryWrite(size)
		require.ErrorIs(t, err, ErrTooLarge)
		require.ErrorContains(t, err, "the largest frame has 1008")
	}
	for tail := uint64(1); tail < 16; tail++ {
		err := b.tryWrite(1008 - tail)
		require.ErrorIs(t, err, ErrTooLarge)
		require.ErrorContains(t, err, "published readers misread")
	}
	b.is(1024, 0, 0, 0, 0)
	b.write(1008 - 16)
	require.Zero(t, Limit(0))
	require.Zero(t, Limit(16))
	require.Equal(t, wire.MaxFrameData, Limit(wire.MaxPayloadSize))
}

func TestTheDeadZone(t *testing.T) {
	b := newBuffer(t, 1024)
	b.write(484)
	b.pass(1)
	// 600 bytes fit neither behind nor before position 500, though all is free.
	err := b.tryWrite(584)
	require.ErrorIs(t, err, ErrUnplaceable)
	require.ErrorContains(t, err, "it takes 600 bytes, 524 are left behind position 500 and only 500 before it")
	b.is(1024, 500, 500, 1, 1)
	b.write(508)
	b.pass(1)
	b.write(584)
	b.pass(1)
	for size := uint64(1); size <= 512-16; size++ {
		_, err := b.writer.Plan(size)
		require.NoError(t, err, "at most half of the payload can always be placed")
	}
}

// Published writers leave tails of 1 to 15 bytes, and positions at the payload's end.
func TestWhatAPublishedWriterLeft(t *testing.T) {
	for tail := uint64(1); tail < 16; tail++ {
		b := newBuffer(t, 1024)
		b.write(400)
		b.pass(1)
		// Its frame ends tail bytes before the end, with whatever behind it.
		size := 1024 - 416 - 16 - tail
		b.header(416, size, 2)
		copy(b.Payload[432:], pattern(2, size))
		copy(b.Payload[1024-tail:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
		b.Oieb.PayloadFreeBytes.Store(1024 - 16 - size)
		b.Oieb.PayloadWritePos.Store(1024 - tail)
		b.Oieb.PayloadWrittenCount.Store(2)
		f := b.read()
		require.False(t, f.First)
		b.release(f)
		b.is(1024, 1024-tail, 1024-tail, 2, 2)

		b.attach() // ours comes after it
		b.write(200)
		b.is(1024-tail-216, 216, 1024-tail, 3, 2)
		f = b.read()
		require.True(t, f.First)
		b.is(1024-216, 216, 216, 3, 3)
		b.release(f)
		b.is(1024, 216, 216, 3, 3)
	}
	t.Run("the end as a position", func(t *testing.T) {
		b := newBuffer(t, 1024)
		b.write(1008)
		b.pass(1)
		b.Oieb.PayloadWritePos.Store(1024)
		b.attach()
		b.write(100)
		b.is(908, 116, 0, 2, 1)
		b.pass(1)
	})
}

func TestAWriterNeedsAPossibleRing(t *testing.T) {
	b := newBuffer(t, 1024)
	b.Oieb.PayloadWritePos.Store(1025)
	_, err := NewWriter(b.Memory)
	require.ErrorIs(t, err, ErrCorrupted)
	require.ErrorContains(t, err, "payload_write_pos 1025")
	b.Oieb.PayloadWritePos.Store(0)
	b.Oieb.PayloadFreeBytes.Store(1025)
	_, err = NewWriter(b.Memory)
	require.ErrorIs(t, err, ErrCorrupted)
	require.ErrorContains(t, err, "payload_free_bytes 1025")
	_, err = b.writer.Free()
	require.ErrorIs(t, err, ErrCorrupted)
}

func TestWritersComeAndGo(t *testing.T) {
	b := newBuffer(t, 1024)
	b.write(10, 20)
	b.attach()
	b.write(30, 40)
	b.attach()
	b.write(50)
	for _, want := range []struct {
		size     int
		sequence uint64
	}{{10, 1}, {20, 2}, {30, 1}, {40, 2}, {50, 1}} {
		require.Equal(t, want.sequence == 1, b.reader.BeginsAnew())
		f := b.read()
		require.Len(t, f.Data, want.size)
		require.Equal(t, want.sequence, f.Sequence)
		require.Equal(t, want.sequence == 1, f.First)
		b.release(f)
	}
	b.is(1024, 230, 230, 5, 5)
}

func TestSequenceErrors(t *testing.T) {
	b := newBuffer(t, 1024)
	b.write(10, 10)
	b.pass(1)
	b.header(26, 10, 7)
	require.False(t, b.reader.BeginsAnew())
	_, err := b.reader.Next()
	var order *SequenceError
	require.ErrorAs(t, err, &order)
	require.Equal(t, SequenceError{Expected: 2, Got: 7}, *order)
	require.ErrorIs(t, err, ErrCorrupted)
	require.ErrorContains(t, err, "expected sequence number 2, got 7")
	b.is(1024-26, 52, 26, 2, 1) // nothing changed
	b.header(0, 10, 2)

	t.Run("the first frame", func(t *testing.T) {
		b := newBuffer(t, 1024)
		b.write(10)
		b.header(0, 10, 2)
		_, err := b.reader.Next()
		require.ErrorAs(t, err, &order)
		require.Equal(t, SequenceError{Expected: 1, Got: 2}, *order)
	})
}

func TestHeadersThatNoWriterWrites(t *testing.T) {
	for what, c := range map[string]struct {
		spoil func(b *buffer)
		want  string
	}{
		"empty":                     {func(b *buffer) { b.header(516, 0, 2) }, "frame at position 516 of 1024 says 0 bytes and sequence number 2"},
		"beyond the end":            {func(b *buffer) { b.header(516, 493, 2) }, "says 493 bytes"},
		"header wraps the addition": {func(b *buffer) { b.header(516, ^uint64(15), 2) }, "says 18446744073709551600 bytes"},
		"huge":                      {func(b *buffer) { b.header(516, ^uint64(0), 2) }, "says 18446744073709551615 bytes"},
		"larger than the payload":   {func(b *buffer) { b.header(516, 1024, 2) }, "says 1024 bytes"},
		"two markers":               {func(b *buffer) { b.header(516, 0, 0); b.header(0, 0, 0) }, "a wrap marker at position 0, behind another one"},
		"marker, then nonsense":     {func(b *buffer) { b.header(516, 0, 0); b.header(0, 1009, 2) }, "frame at position 0 of 1024 says 1009 bytes"},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBuffer(t, 1024)
			b.write(500, 100)
			b.pass(1)
			c.spoil(b)
			before := b.state()
			require.False(t, b.reader.BeginsAnew())
			require.False(t, b.reader.Recoverable())
			_, err := b.reader.Next()
			require.ErrorIs(t, err, ErrCorrupted)
			require.ErrorContains(t, err, c.want)
			require.Equal(t, before, b.state(), "what cannot be read is not credited")
		})
	}
	t.Run("marker at the start", func(t *testing.T) {
		b := newBuffer(t, 1024)
		b.write(100)
		b.header(0, 0, 0)
		_, err := b.reader.Next()
		require.ErrorContains(t, err, "a wrap marker at position 0")
		b.is(908, 116, 0, 1, 0)
	})
	t.Run("no payload at all", func(t *testing.T) {
		b := newBuffer(t, 0)
		b.Oieb.PayloadWrittenCount.Store(1)
		require.True(t, b.reader.Published())
		_, err := b.reader.Next()
		require.ErrorIs(t, err, ErrCorrupted)
		require.ErrorIs(t, b.tryWrite(1), ErrTooLarge)
	})
	t.Run("the largest frame is one that a writer writes", func(t *testing.T) {
		b := newBuffer(t, 1024)
		b.write(500)
		b.pass(1)
		b.write(492)
		b.pass(1)
	})
}

func TestMoreIsCreditedThanThereIs(t *testing.T) {
	b := newBuffer(t, 1024)
	b.write(100)
	f := b.read()
	b.Oieb.PayloadFreeBytes.Store(1000)
	_, err := b.reader.Release(f.Slot, f.generation)
	require.ErrorIs(t, err, ErrCorrupted)
	require.ErrorContains(t, err, "payload_free_bytes 1116")

	t.Run("with a marker's waste", func(t *testing.T) {
		b := newBuffer(t, 1024)
		b.write(900)
		b.pass(1)
		b.write(200)
		b.Oieb.PayloadFreeBytes.Store(1024)
		_, err := b.reader.Next()
		require.ErrorIs(t, err, ErrCorrupted)
	})
}

// The writer takes what is free for contiguous: waste that came back before the frames in front of it would let it overwrite them.
func TestWasteWaitsForTheFramesBeforeIt(t *testing.T) {
	b := newBuffer(t, 1024)
	b.write(384, 384) // two of 400, up to 800
	b.pass(1)
	second := b.read()
	b.write(284) // 300 at the start, behind 224 of waste
	b.is(1024-400-224-300, 300, 800, 4, 2)
	third := b.read()
	b.is(1024-400-224-300, 300, 300, 4, 4)
	require.ErrorIs(t, b.tryWrite(150), errFull, "166 bytes from 300 on would run into the second frame at 400")
	require.NoError(t, b.tryWrite(84), "and 100 do not")
	require.Equal(t, 1, b.release(second), "a marker is no frame")
	b.is(1024-300-100, 400, 300, 5, 4)
	require.Equal(t, 1, b.release(third))
	b.pass(1)
	b.is(1024, 400, 400, 5, 5)

	t.Run("released the other way round", func(t *testing.T) {
		b := newBuffer(t, 1024)
		b.write(384, 384)
		b.pass(1)
		second := b.read()
		b.write(284)
		third := b.read()
		require.Zero(t, b.release(third))
		require.Equal(t, 2, b.release(second))
		b.is(1024, 300, 300, 4, 4)
	})
}

func TestWhatADeadWriterPublishedWithoutAToken(t *testing.T) {
	b := newBuffer(t, 1024)
	require.False(t, b.reader.Recoverable(), "there is nothing")
	b.write(100)
	require.True(t, b.reader.Recoverable())
	b.pass(1)
	require.False(t, b.reader.Recoverable())
	b.write(700)
	b.pass(1)
	b.write(300) // behind a marker
	require.True(t, b.reader.Recoverable())
	b.is(1024-192-316, 316, 832, 4, 2) // looking changes nothing
	b.header(0, 300, 4)
	require.False(t, b.reader.Recoverable(), "only what is exactly the next")
	b.header(0, 300, 1)
	require.False(t, b.reader.Recoverable(), "not what is left of another writer")
	b.header(0, 300, 3)
	b.Oieb.PayloadWrittenCount.Store(2)
	require.False(t, b.reader.Recoverable(), "nor what is not counted")
	b.Oieb.PayloadWrittenCount.Store(1)
	require.False(t, b.reader.Recoverable())
}

func TestResizing(t *testing.T) {
	b := newBuffer(t, 1024)
	b.write(484)
	b.pass(1)
	place, err := b.writer.Plan(100)
	require.NoError(t, err)
	for size, possible := range map[uint64]bool{0: false, 1: true, 99: true, 492: true, 493: false, 507: false, 508: true, 509: false, 1024: false} {
		p, ok := b.writer.Resize(place, size)
		require.Equal(t, possible, ok, "%d bytes", size)
		if ok {
			require.EqualValues(t, 16+size, p.Need())
			require.Equal(t, &b.Payload[516], &b.writer.Data(p)[0], "it stays where it is")
		}
	}
	t.Run("behind a marker", func(t *testing.T) {
		b := newBuffer(t, 1024)
		b.write(900)
		b.pass(1)
		place, err := b.writer.Plan(200)
		require.NoError(t, err)
		smaller, ok := b.writer.Resize(place, 50)
		require.True(t, ok)
		require.EqualValues(t, 108+66, smaller.Need(), "though it would have fitted before the end")
		larger, ok := b.writer.Resize(place, 920)
		require.True(t, ok)
		require.Greater(t, larger.Need(), uint64(1024), "for which there is never room")
		copy(b.writer.Data(smaller), pattern(2, 50))
		b.writer.Publish(smaller)
		b.pass(1)
		b.is(1024, 66, 66, 3, 3)
	})
}

func TestLargest(t *testing.T) {
	for _, payload := range []uint64{64, 128} {
		for position := uint64(0); position < payload; position++ {
			if position > 0 && position < 17 {
				continue // no frame ends there
			}
			b := newBuffer(t, payload)
			b.Oieb.PayloadWritePos.Store(position)
			b.attach()
			for limit := range payload + 10 {
				largest := b.writer.Largest(limit)
				for size := largest + 1; size <= limit; size++ {
					if _, err := b.writer.Plan(size); err == nil {
						require.FailNow(t, "not the largest", "payload %d, position %d: %d bytes are more than %d", payload, position, size, largest)
					}
				}
				require.LessOrEqual(t, largest, limit)
				if _, err := b.writer.Plan(largest); err != nil {
					require.Zero(t, largest, "payload %d, position %d, limit %d: %v", payload, position, limit, err)
					require.Zero(t, limit, "one byte can always be placed")
				}
			}
		}
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	all := []error{ErrCorrupted, ErrEmpty, ErrTooLarge, ErrUnplaceable}
	for i, a := range all {
		for j, b := range all {
			require.Equal(t, i == j, errors.Is(a, b))
		}
	}
}
