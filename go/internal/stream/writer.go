package stream

import (
	"fmt"

	"github.com/zeroduplex/zeroduplex/go/internal/ordered"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// Writer is the writer's end. Where it is and how much it has written it knows from its own copies and never from shared memory.
type Writer struct {
	mem      Memory
	position uint64 // of the next frame, below the payload's size
	count    uint64 // frames and markers
	last     uint64 // sequence number of the last frame
}

// NewWriter goes on where a former writer stopped, at sequence number 1. The caller has made the buffer its own.
func NewWriter(mem Memory) (*Writer, error) {
	position, count := mem.Oieb.PayloadWritePos.Load(), mem.Oieb.PayloadWrittenCount.Load()
	if position > mem.size() {
		return nil, fmt.Errorf("%w: payload_write_pos %d in a payload of %d bytes", ErrCorrupted, position, mem.size())
	}
	if position == mem.size() {
		position = 0 // published writers leave it so after an exact fit
	}
	w := &Writer{mem: mem, position: position, count: count}
	_, err := w.Free()
	return w, err
}

// Place is where a frame will go.
type Place struct {
	Size     uint64 // bytes of data
	position uint64 // of the header
	waste    uint64 // bytes up to the payload's end that are skipped for it
	marker   bool   // they begin with a marker
}

// Need is how many bytes must be free for the frame to be written.
func (p Place) Need() uint64 { return p.waste + headerSize + p.Size }

// Limit is the largest frame that fits an empty ring at its start, in bytes of data.
func Limit(payload uint64) uint64 {
	return min(max(payload, headerSize)-headerSize, wire.MaxFrameData)
}

// Check refuses frames that can be placed nowhere. Errors: ErrEmpty, ErrTooLarge.
func (w *Writer) Check(size uint64) error {
	payload := w.mem.size()
	if size == 0 {
		return ErrEmpty
	}
	if size > Limit(payload) {
		return fmt.Errorf("%w: it has %d bytes, the largest frame has %d", ErrTooLarge, size, Limit(payload))
	}
	if tail := payload - headerSize - size; badTail(tail) {
		return fmt.Errorf("%w: behind a frame of %d bytes at the start, %d would be left of the payload, which published readers misread; leave 0 or at least %d",
			ErrTooLarge, size, tail, headerSize)
	}
	return nil
}

// badTail reports whether so many bytes, left at the payload's end, hold no marker but are not nothing.
func badTail(n uint64) bool { return n > 0 && n < headerSize }

// Plan finds the place for a frame. Errors: ErrEmpty, ErrTooLarge, ErrUnplaceable; waiting heals none of them.
func (w *Writer) Plan(size uint64) (Place, error) {
	if err := w.Check(size); err != nil {
		return Place{}, err
	}
	total := headerSize + size
	room := w.mem.size() - w.position
	if total <= room && !badTail(room-total) {
		return Place{Size: size, position: w.position}, nil
	}
	if total > w.position {
		return Place{}, fmt.Errorf("%w: with its header it takes %d bytes, %d are left behind position %d and only %d before it", ErrUnplaceable, total, room, w.position, w.position)
	}
	return Place{Size: size, waste: room, marker: room >= headerSize}, nil
}

// Largest is the most bytes, up to limit, that Plan accepts at the present position; 0 when it accepts none.
func (w *Writer) Largest(limit uint64) uint64 {
	payload := w.mem.size()
	total := headerSize + min(limit, Limit(payload))
	here := shorten(total, payload-w.position)
	start := min(total, w.position) // behind a marker
	if start > 0 {
		start = shorten(start, payload)
	}
	return max(here, start, headerSize) - headerSize
}

// shorten cuts a frame of total bytes so that it leaves nothing of room, or enough for a marker.
func shorten(total, room uint64) uint64 {
	switch {
	case total >= room:
		return room
	case badTail(room - total):
		return max(room, headerSize) - headerSize
	}
	return total
}

// Resize is a place that begins where p does but has another size. False: the ring allows no such frame there.
func (w *Writer) Resize(p Place, size uint64) (Place, bool) {
	room := w.mem.size() - p.position
	if w.Check(size) != nil || headerSize+size > room || badTail(room-headerSize-size) {
		return p, false
	}
	p.Size = size
	return p, true
}

// Free is how many bytes may be overwritten. Pairs with the reader's addition: what it credited it no longer reads.
func (w *Writer) Free() (uint64, error) {
	free := w.mem.Oieb.PayloadFreeBytes.Load()
	if free > w.mem.size() {
		return 0, fmt.Errorf("%w: payload_free_bytes %d in a payload of %d bytes", ErrCorrupted, free, w.mem.size())
	}
	return free, nil
}

// Data is the bytes of a frame that has room and is not published yet.
func (w *Writer) Data(p Place) []byte { return w.mem.data(p.position, p.Size) }

// Publish makes the frame the reader's and returns its sequence number. Its data has been written. The caller posts data_written then, by an
// atomic read-modify-write: that is the fence between the count and the token.
func (w *Writer) Publish(p Place) uint64 {
	if p.marker {
		w.mem.putHeader(w.position, wire.FrameHeaderV1{})
		w.count++
	}
	w.last++
	w.mem.putHeader(p.position, wire.FrameHeaderV1{PayloadSize: p.Size, SequenceNumber: w.last})
	w.position = p.position + headerSize + p.Size
	if w.position == w.mem.size() {
		w.position = 0
	}
	w.count++
	ordered.Store64(&w.mem.Oieb.PayloadWritePos, w.position)
	w.mem.Oieb.PayloadFreeBytes.Add(-p.Need())
	// Pairs with the reader's acquire load in Published; what was stored before is the reader's from here on.
	ordered.Store64(&w.mem.Oieb.PayloadWrittenCount, w.count)
	return w.last
}

// Last is the sequence number of the frame published last, 0 before the first.
func (w *Writer) Last() uint64 { return w.last }
