package stream

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// buffer is a ring with both of its ends.
type buffer struct {
	Memory
	t      testing.TB
	writer *Writer
	reader *Reader
}

func newBuffer(t testing.TB, payload uint64) *buffer {
	t.Helper()
	b := &buffer{Memory: Memory{Oieb: &wire.OiebV1{PayloadSize: payload}, Payload: make([]byte, payload)}, t: t}
	b.Oieb.PayloadFreeBytes.Store(payload)
	b.reader = NewReader(b.Memory)
	b.attach()
	return b
}

// attach puts another writer in the place of the last.
func (b *buffer) attach() {
	b.t.Helper()
	var err error
	b.writer, err = NewWriter(b.Memory)
	require.NoError(b.t, err)
}

func pattern(seed, size uint64) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(seed + uint64(i))
	}
	return data
}

// tryWrite publishes a frame of the pattern if there is room for it now.
func (b *buffer) tryWrite(size uint64) error {
	b.t.Helper()
	place, err := b.writer.Plan(size)
	if err != nil {
		return err
	}
	free, err := b.writer.Free()
	require.NoError(b.t, err)
	if free < place.Need() {
		return errFull
	}
	copy(b.writer.Data(place), pattern(b.writer.Last()+1, size))
	require.Equal(b.t, b.writer.Last()+1, b.writer.Publish(place)) // the arguments are evaluated in order
	return nil
}

var errFull = fmt.Errorf("no room")

func (b *buffer) write(sizes ...uint64) {
	b.t.Helper()
	for _, size := range sizes {
		require.NoError(b.t, b.tryWrite(size), "%d bytes", size)
	}
}

// held is a frame in the application's hands.
type held struct {
	Frame
	generation uint64
}

func (b *buffer) read() held {
	b.t.Helper()
	require.True(b.t, b.reader.Published())
	f, err := b.reader.Next()
	require.NoError(b.t, err)
	h := held{f, f.Slot.Generation.Load()}
	h.check(b.t)
	return h
}

func (h held) check(t testing.TB) {
	t.Helper()
	for i, b := range h.Data { // by hand: it is done very often
		if b != byte(h.Sequence+uint64(i)) {
			require.FailNow(t, "wrong contents", "byte %d of frame %d is %d", i, h.Sequence, b)
		}
	}
}

// release returns how many frames it credited.
func (b *buffer) release(h held) int {
	b.t.Helper()
	h.check(b.t)
	n, err := b.reader.Release(h.Slot, h.generation)
	require.NoError(b.t, err)
	return n
}

// pass reads and releases so many frames.
func (b *buffer) pass(n int) {
	b.t.Helper()
	for range n {
		require.Equal(b.t, 1, b.release(b.read()))
	}
}

// state is free bytes, write_pos, read_pos, written_count, read_count.
type state [5]uint64

func (b *buffer) state() state {
	o := b.Oieb
	return state{o.PayloadFreeBytes.Load(), o.PayloadWritePos.Load(), o.PayloadReadPos.Load(), o.PayloadWrittenCount.Load(), o.PayloadReadCount.Load()}
}

func (b *buffer) is(want ...uint64) {
	b.t.Helper()
	require.Equal(b.t, state(want), b.state())
}

// header puts a header's fields anywhere, as a broken peer may. Offsets are written out: a test that took them from the bindings could not
// find a mistake in them.
func (b *buffer) header(position, size, sequence uint64) {
	binary.LittleEndian.PutUint64(b.Payload[position:], size)
	binary.LittleEndian.PutUint64(b.Payload[position+8:], sequence)
}
