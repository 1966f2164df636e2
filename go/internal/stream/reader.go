package stream

import (
	"fmt"

	"github.com/zeroduplex/zeroduplex/go/internal/ordered"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// Reader is the reader's end. Nothing it reads is trusted.
type Reader struct {
	mem      Memory
	position uint64 // of the next header, below the payload's size
	count    uint64 // frames and markers
	expected uint64 // sequence number of the next frame
	held     slots  // read and not credited
}

// Frame is a frame that was read. Its bytes are the reader's until its slot is released.
type Frame struct {
	Data     []byte
	Sequence uint64
	// First says that it is a writer's first.
	First bool
	Slot  *Slot
}

// NewReader starts at an empty ring.
func NewReader(mem Memory) *Reader { return &Reader{mem: mem, expected: wire.FirstSequence} }

// Published reports whether more was written than read. A token without it is spurious.
func (r *Reader) Published() bool {
	// Pairs with the writer's store in Publish.
	return r.mem.Oieb.PayloadWrittenCount.Load() != r.count
}

// Recoverable reports whether the next frame lies there whole, though no token tells of it: its writer died after publishing it. Frames
// of a writer that lives are announced by tokens.
func (r *Reader) Recoverable() bool {
	// Pairs with the writer's store in Publish. A writer that counts what it does not write is ahead, never behind.
	if written := r.mem.Oieb.PayloadWrittenCount.Load(); written <= r.count {
		return false
	}
	h, _, err := r.look()
	return err == nil && h.SequenceNumber == r.expected
}

// BeginsAnew reports whether the next frame, which is published, is the first of a writer.
func (r *Reader) BeginsAnew() bool {
	h, _, err := r.look()
	return err == nil && h.SequenceNumber == wire.FirstSequence
}

// step is what lies between the reader and its next frame.
type step struct {
	position uint64 // of the frame
	waste    uint64 // skipped before it
	markers  uint64 // counted for that
}

// look finds and checks the next frame and changes nothing. Each header is read once.
func (r *Reader) look() (wire.FrameHeaderV1, step, error) {
	payload := r.mem.size()
	s := step{position: r.position}
	if payload < headerSize {
		return wire.FrameHeaderV1{}, s, fmt.Errorf("%w: a frame in a payload of %d bytes", ErrCorrupted, payload)
	}
	if payload-s.position < headerSize {
		// A published writer left a tail that holds no marker.
		s.waste, s.position = payload-s.position, 0
	}
	h := r.mem.header(s.position)
	if isMarker(h) {
		if s.position == 0 {
			return h, s, fmt.Errorf("%w: a wrap marker at position 0", ErrCorrupted)
		}
		s.waste, s.position, s.markers = payload-s.position, 0, 1
		if h = r.mem.header(0); isMarker(h) {
			return h, s, fmt.Errorf("%w: a wrap marker at position 0, behind another one", ErrCorrupted)
		}
	}
	if h.PayloadSize == 0 || h.PayloadSize > payload-headerSize-s.position {
		return h, s, fmt.Errorf("%w: frame at position %d of %d says %d bytes and sequence number %d", ErrCorrupted, s.position, payload, h.PayloadSize, h.SequenceNumber)
	}
	// Only the first frame of another writer may break the order. v1 has no other sign of one: it may have the pid of the last.
	if h.SequenceNumber != r.expected && h.SequenceNumber != wire.FirstSequence {
		return h, s, &SequenceError{Expected: r.expected, Got: h.SequenceNumber}
	}
	return h, s, nil
}

// Next reads the next frame, which is published. An error is ErrCorrupted; the reader is of no use then.
func (r *Reader) Next() (Frame, error) {
	h, s, err := r.look()
	if err != nil {
		return Frame{}, err
	}
	if s.waste > 0 {
		// With no older frame out it can go at once. Otherwise it must wait for them: the writer takes what is free for what lies before it.
		if err := r.waste(s.waste); err != nil {
			return Frame{}, err
		}
	}
	total := headerSize + h.PayloadSize
	f := Frame{Data: r.mem.data(s.position, h.PayloadSize), Sequence: h.SequenceNumber, First: h.SequenceNumber == wire.FirstSequence, Slot: r.held.push(total, false)}
	r.expected = h.SequenceNumber + 1
	if r.position = s.position + total; r.position == r.mem.size() {
		r.position = 0
	}
	r.count += s.markers + 1
	ordered.Store64(&r.mem.Oieb.PayloadReadPos, r.position)
	// Pairs with an attaching client's acquire load, which waits until what its predecessor left is read.
	ordered.Store64(&r.mem.Oieb.PayloadReadCount, r.count)
	return f, nil
}

// waste gives back bytes that no frame holds, behind the frames that are out.
func (r *Reader) waste(n uint64) error {
	if r.held.empty() {
		return r.credit(n)
	}
	r.held.push(n, true)
	return nil
}

// Release gives a frame's bytes back and returns how many frames were credited by it: all of the oldest ones that are released, one
// after the other. The caller posts data_read so many times. A slot of another generation was released before: nothing happens.
func (r *Reader) Release(s *Slot, generation uint64) (credited int, err error) {
	if s.Generation.Load() != generation {
		return 0, nil
	}
	s.released = true
	ordered.Store64(&s.Generation, generation+1)
	bytes, frames := r.held.pop()
	if bytes == 0 {
		return 0, nil
	}
	return frames, r.credit(bytes)
}

// credit adds to the free bytes. Pairs with the writer's load in Free: nothing of these bytes is read any more.
func (r *Reader) credit(n uint64) error {
	if free := r.mem.Oieb.PayloadFreeBytes.Add(n); free > r.mem.size() {
		return fmt.Errorf("%w: payload_free_bytes %d in a payload of %d bytes", ErrCorrupted, free, r.mem.size())
	}
	return nil
}

// Held is how many frames are out.
func (r *Reader) Held() int { return r.held.frames }
