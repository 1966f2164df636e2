package stream

import "sync/atomic"

// Slot is a frame's place among those that were read and not credited.
type Slot struct {
	// Generation grows with every release, so that stale handles can be told.
	Generation atomic.Uint64

	total    uint64 // bytes
	released bool
	waste    bool // no frame: bytes that were skipped
	next     *Slot
}

// slots are in the order of the ring. Slots are used again and again.
type slots struct {
	first, last *Slot
	spare       *Slot
	frames      int
}

func (q *slots) empty() bool { return q.first == nil }

func (q *slots) push(total uint64, waste bool) *Slot {
	s := q.spare
	if s == nil {
		s = &Slot{}
	} else {
		q.spare = s.next
	}
	// Waste is nobody's to release.
	s.total, s.released, s.waste, s.next = total, waste, waste, nil
	if q.first == nil {
		q.first = s
	} else {
		q.last.next = s
	}
	q.last = s
	if !waste {
		q.frames++
	}
	return s
}

// pop removes the oldest ones as far as they are released. It returns their bytes and how many of them are frames.
func (q *slots) pop() (bytes uint64, frames int) {
	for s := q.first; s != nil && s.released; s = q.first {
		bytes += s.total
		if !s.waste {
			frames++
		}
		q.first = s.next
		s.next, q.spare = q.spare, s
	}
	q.frames -= frames
	return bytes, frames
}
