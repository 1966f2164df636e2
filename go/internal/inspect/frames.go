package inspect

import "github.com/zeroduplex/zeroduplex/go/internal/wire"

// readRing walks the frames from tail to head. It ends after at most one header per 64 bytes of payload, whatever it meets.
func (r *Report) readRing(payload memory) {
	size := uint64(len(payload))
	s := r.V2
	head, free := s.OiebRequest.Get("payload_written_bytes"), s.OiebRequest.Get("payload_free_bytes")
	if other := s.OiebResponse.Get("payload_free_bytes"); other != free {
		r.problem("the blocks disagree on the free bytes: %d in the request block, %d in the response block", free, other)
	}
	if free > size || free%wire.BlockAlignment != 0 || head%wire.BlockAlignment != 0 {
		r.problem("ring of %d bytes with %d free and the head at %d is not possible", size, free, head)
		return
	}
	used := size - free
	if used > head {
		r.problem("%d bytes are in use but only %d were ever written", used, head)
		return
	}
	s.Ring = Ring{Size: size, Tail: head - used, Head: head, Used: used, Free: free}

	wrapped := false
	for cursor := s.Ring.Tail; cursor < head; {
		position := cursor % size
		room := min(size-position, head-cursor)
		if wire.FrameState(payload.state(position)) == wire.FrameStateWrap {
			if position == 0 || wrapped || room != size-position {
				r.problem("wrap marker at position %d has no frame behind it", position)
				return
			}
			wrapped = true
			cursor += room
			continue
		}
		wrapped = false
		frame, capacity := payload.frame(position)
		if capacity%wire.BlockAlignment != 0 || capacity > room-wire.FrameHeaderV2Size {
			r.problem("frame at position %d has a capacity of %d bytes, %d are left", position, capacity, room-wire.FrameHeaderV2Size)
			return
		}
		s.Frames = append(s.Frames, frame)
		r.checkFrame(frame)
		cursor += wire.FrameHeaderV2Size + capacity
	}
	r.checkSequence()
}

func (m memory) state(position uint64) int32 {
	return int32(m.u32(position + wire.FrameHeaderV2StateOffset))
}

// frame reads the header at a position, which has room for one.
func (m memory) frame(position uint64) (f Frame, capacity uint64) {
	flags := m.u32(position + wire.FrameHeaderV2FlagsOffset)
	f = Frame{
		Position:    position,
		Sequence:    m.u64(position + wire.FrameHeaderV2SequenceNumberOffset),
		PayloadSize: m.u64(position + wire.FrameHeaderV2PayloadSizeOffset),
		RequestSize: m.u64(position + wire.FrameHeaderV2RequestSizeOffset),
		Capacity:    m.u64(position + wire.FrameHeaderV2CapacityOffset),
		State:       wire.FrameState(m.state(position)).String(),
		Status:      int32(m.u32(position + wire.FrameHeaderV2StatusOffset)),
		Opcode:      m.u32(position + wire.FrameHeaderV2OpcodeOffset),
		OneWay:      flags&wire.FrameFlagsOneWay != 0,
		Abandoned:   flags&wire.FrameFlagsAbandoned != 0,
	}
	return f, f.Capacity
}

func (r *Report) checkFrame(f Frame) {
	if f.PayloadSize > f.Capacity || f.RequestSize > f.Capacity {
		r.problem("frame %d holds %d bytes (request %d) in a capacity of %d", f.Sequence, f.PayloadSize, f.RequestSize, f.Capacity)
	}
	switch f.State {
	case wire.FrameStateRequest.String(), wire.FrameStateProcessing.String(), wire.FrameStateResponse.String(),
		wire.FrameStateFailed.String(), wire.FrameStateConsumed.String(), wire.FrameStateCancelled.String():
	default:
		r.problem("frame %d at position %d has the state %s", f.Sequence, f.Position, f.State)
	}
}

// checkSequence: the frames in flight are the last that were published, so their numbers end with the count.
func (r *Report) checkSequence() {
	frames := r.V2.Frames
	expected := r.V2.OiebRequest.Get("payload_written_count") - uint64(len(frames))
	for _, f := range frames {
		expected++
		if f.Sequence != expected {
			r.problem("frame at position %d has the sequence number %d, expected %d", f.Position, f.Sequence, expected)
			return
		}
	}
}
