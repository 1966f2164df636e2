package stream

import (
	"encoding/binary"
	"errors"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/hostile"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

const (
	hostilePayloadMax = 1024
	longestProgram    = 512
)

// hostileStream is both ends of a buffer whose memory somebody else writes to as well.
type hostileStream struct {
	t        testing.TB
	program  *hostile.Program
	block    *hostile.Arena
	payload  *hostile.Arena
	mem      Memory
	oieb     []byte
	writer   *Writer
	reader   *Reader
	held     []Frame
	lent     []uint64 // their generations
	sent     map[uint64]uint64
	touched  bool
	tally    map[string]int
	flipper  *hostile.Flipper
	flipping bool
}

func newHostileStream(t testing.TB) *hostileStream {
	t.Helper()
	arena := func(size uint64) *hostile.Arena {
		a, err := hostile.NewArena(size)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, a.Free()) })
		return a
	}
	w := &hostileStream{block: arena(wire.OiebV1Size), payload: arena(hostilePayloadMax), tally: map[string]int{}, flipper: hostile.NewFlipper()}
	t.Cleanup(w.flipper.Close)
	return w
}

func (w *hostileStream) run(t testing.TB, input []byte, flipping bool) {
	w.t, w.flipping = t, flipping
	w.program = hostile.NewProgram(input[:min(len(input), longestProgram)])
	w.oieb = w.block.Give(wire.OiebV1Size)
	// Headers stand at any address, so the payload may have any size and its end is still the guard's start.
	payload := w.program.Below(hostilePayloadMax + 1)
	w.mem = Memory{Oieb: (*wire.OiebV1)(unsafe.Pointer(&w.oieb[0])), Payload: w.payload.Give(payload)}
	w.reset()
	w.tally["programs"]++
	defer w.flipper.Stop()
	for w.program.More() {
		w.step()
	}
	if !w.block.Intact() || !w.payload.Intact() {
		t.Fatal("something was written before a region")
	}
}

// reset begins a new buffer in the same memory.
func (w *hostileStream) reset() {
	w.flipper.Stop()
	clear(w.oieb)
	w.mem.Oieb.PayloadSize = w.mem.size()
	w.mem.Oieb.PayloadFreeBytes.Store(w.mem.size())
	w.reader, w.held, w.lent, w.sent, w.touched = NewReader(w.mem), nil, nil, map[uint64]uint64{}, false
	writer, err := NewWriter(w.mem)
	require.NoError(w.t, err)
	w.writer = writer
}

func (w *hostileStream) sound(err error) bool {
	if err == nil {
		return true
	}
	if !errors.Is(err, ErrCorrupted) || !w.touched {
		w.t.Fatal(err)
	}
	w.tally["corrupted"]++
	w.reset()
	return false
}

func (w *hostileStream) inside(data []byte) {
	start, at := uintptr(unsafe.Pointer(unsafe.SliceData(w.mem.Payload))), uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	if cap(data) > 0 && (at < start || at+uintptr(cap(data)) > start+uintptr(len(w.mem.Payload))) {
		w.t.Fatalf("%d bytes outside of the payload", len(data))
	}
}

func (w *hostileStream) step() {
	switch w.program.Byte() % 12 {
	case 0, 1, 2:
		w.write()
	case 3, 4, 5:
		w.read()
	case 6, 7:
		if n := len(w.held); n > 0 {
			i := w.program.Below(uint64(n))
			f, generation := w.held[i], w.lent[i]
			w.held, w.lent = append(w.held[:i], w.held[i+1:]...), append(w.lent[:i], w.lent[i+1:]...)
			_, err := w.reader.Release(f.Slot, generation)
			w.sound(err)
		}
	case 8: // another writer
		writer, err := NewWriter(w.mem)
		if w.sound(err) {
			w.writer, w.sent = writer, map[uint64]uint64{}
			w.touched = true // its first frame may come behind those of the last, which are lost to sent
		}
	case 9:
		w.interfere(w.program.Field("oieb_v1", w.oieb))
	case 10:
		if size := w.mem.size(); size >= 8 {
			at := w.program.Below(size - 7)
			if w.program.Byte()%2 == 0 {
				at = w.reader.position
			}
			if at+8 <= size {
				binary.LittleEndian.PutUint64(w.mem.Payload[at:], w.program.Value(at, size))
				w.touched = true
				w.tally["writes"]++
			}
		}
	default:
		w.reset()
	}
}

func (w *hostileStream) interfere(word hostile.Word) {
	w.touched = true
	w.tally["writes"]++
	now := word.Load()
	then := w.program.Value(now, w.mem.size())
	if w.flipping {
		w.flipper.Start(word, now, then)
	} else {
		word.Store(then)
	}
}

func (w *hostileStream) write() {
	size := w.program.Below(w.mem.size() + 2)
	place, err := w.writer.Plan(size)
	if err != nil {
		if errors.Is(err, ErrCorrupted) {
			w.t.Fatal(err)
		}
		// A position where no writer of ours stops may be one where nothing fits.
		if largest := w.writer.Largest(size); largest > 0 && !w.touched {
			if _, err := w.writer.Plan(largest); err != nil {
				w.t.Fatalf("%d bytes were said to fit: %v", largest, err)
			}
		}
		return
	}
	free, err := w.writer.Free()
	if !w.sound(err) || free < place.Need() {
		return
	}
	data := w.writer.Data(place)
	w.inside(data)
	for i := range data {
		data[i] = byte(w.writer.Last() + 1)
	}
	w.sent[w.writer.Publish(place)] = size
	w.tally["written"]++
}

func (w *hostileStream) read() {
	_, _ = w.reader.Recoverable(), w.reader.BeginsAnew()
	if !w.reader.Published() {
		return
	}
	f, err := w.reader.Next()
	if !w.sound(err) {
		return
	}
	w.inside(f.Data)
	if !w.touched {
		if uint64(len(f.Data)) != w.sent[f.Sequence] {
			w.t.Fatalf("frame %d has %d bytes, %d were sent", f.Sequence, len(f.Data), w.sent[f.Sequence])
		}
		for _, b := range f.Data {
			if b != byte(f.Sequence) {
				w.t.Fatalf("frame %d has other bytes than were sent", f.Sequence)
			}
		}
	}
	w.held, w.lent = append(w.held, f), append(w.lent, f.Slot.Generation.Load())
	w.tally["read"]++
}

// streamSteps are decisions of which a program does much without interference.
var streamSteps = []byte{0, 1, 2, 3, 4, 5, 6, 7, 12, 24, 48, 96}

// FuzzHostileStream runs both ends of a v1 buffer while a program writes to any word of it.
func FuzzHostileStream(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(hostile.Random(seed, 200, float64(seed%8)/7, streamSteps))
	}
	w := newHostileStream(f)
	f.Fuzz(func(t *testing.T, input []byte) { w.run(t, input, false) })
}

func TestHostileStream(t *testing.T) {
	w := newHostileStream(t)
	programs := hostile.Run(10000, func(seed uint64) {
		w.run(t, hostile.Random(seed, 200, float64(seed%8)/7, streamSteps), seed%2 == 0)
	})
	t.Logf("%v, %d flips", w.tally, w.flipper.Flips())
	require.Equal(t, programs, w.tally["programs"])
	for _, what := range []string{"written", "read", "corrupted", "writes"} {
		require.Greater(t, w.tally[what], programs/4, what)
	}
}
