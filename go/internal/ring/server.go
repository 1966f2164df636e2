package ring

import (
	"fmt"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/ordered"
	"github.com/zeroduplex/zeroduplex/go/internal/spin"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// Server is the server's end: a cursor over what the client published. Nothing it reads is trusted.
type Server struct {
	mem      Memory
	request  counters
	response counters
	cursor   uint64 // cumulative
	position uint64 // cursor modulo the payload's size
	passed   uint64 // frames passed; the next one has sequence passed+1
	seen     uint64 // highest written_count seen

	responses     uint64 // response written_count
	responseBytes uint64 // response written_bytes
}

// NewServer starts where a reset leaves the ring.
func NewServer(mem Memory) *Server {
	return &Server{mem: mem, request: countersOf(mem.Request), response: countersOf(mem.Response)}
}

// Claimed is a frame under the cursor, its header read once and checked.
type Claimed struct {
	Sequence uint64
	Size     uint64
	Capacity uint64
	Opcode   uint32
	OneWay   bool
	// Cancelled says that the client took it back; it is to be skipped.
	Cancelled bool
	Data      []byte // of Size bytes, with the frame's capacity as the slice's

	header *wire.FrameHeaderV2
}

// Published reports whether a frame waits, by one load. It may be called without the lock.
func (s *Server) Published(passed uint64) bool {
	// Pairs with the client's store at the end of Publish.
	return s.request.writtenCount.Load() != passed
}

// SpinFor is Published, looked at so many times.
func (s *Server) SpinFor(passed uint64, looks int) bool {
	for range looks {
		spin.Pause()
		if s.Published(passed) {
			return true
		}
	}
	return false
}

// Passed is the number of frames that the cursor has passed.
func (s *Server) Passed() uint64 { return s.passed }

// Next looks at the frame under the cursor without moving it, and fills f in. False: nothing is published. An error is ErrCorrupted.
func (s *Server) Next(f *Claimed) (bool, error) {
	// The count first, the bytes behind it: they cover at least the frames counted. Pairs with Client.Publish.
	count := s.request.writtenCount.Load()
	if count == s.passed && count >= s.seen {
		return false, nil
	}
	written := s.request.writtenBytes.Load()
	if count < s.seen {
		return false, fmt.Errorf("%w: request written_count went back from %d to %d", ErrCorrupted, s.seen, count)
	}
	s.seen = count
	payload := s.mem.size()
	if distance := written - s.cursor; distance%wire.BlockAlignment != 0 || distance >= wire.CursorLapLimit*payload {
		return false, fmt.Errorf("%w: request written_bytes %d does not follow the cursor at %d", ErrCorrupted, written, s.cursor)
	}
	for written-s.cursor > payload {
		s.toNextLap()
	}
	// One function from here on: calls would be a good part of the way.
	for wrapped := false; ; wrapped = true {
		position := s.position
		available := written - s.cursor
		if available < wire.FrameHeaderV2Size {
			return false, fmt.Errorf("%w: frame %d counted but only %d bytes written for it", ErrCorrupted, s.passed+1, available)
		}
		h := s.mem.headerAt(position)
		// Take will write the header, and Count the response block, which the client has just written.
		spin.FetchAllForWriting(unsafe.Pointer(h), unsafe.Pointer(s.response.writtenCount), unsafe.Pointer(h))
		// Pairs with the client's store of the state in writeHeader.
		state := wire.FrameState(stateOf(h).Load())
		if state == wire.FrameStateWrap {
			if err := s.followMarker(wrapped, position, available); err != nil {
				return false, err
			}
			continue
		}
		// The header is read once and checked. Field by field: a copy of a struct that was stored a moment ago waits until the stores are done.
		f.Sequence, f.Size, f.Capacity, f.Opcode = h.SequenceNumber, h.PayloadSize, h.Capacity, h.Opcode
		f.OneWay = flagsOf(h).Load()&wire.FrameFlagsOneWay != 0
		f.Cancelled = state == wire.FrameStateCancelled
		f.header = h
		room := min(payload-position, available) - wire.FrameHeaderV2Size
		if (state == wire.FrameStateRequest || f.Cancelled) && f.Sequence == s.passed+1 &&
			f.Capacity%wire.BlockAlignment == 0 && f.Capacity <= room && f.Capacity <= wire.MaxFrameData && f.Size <= f.Capacity {
			f.Data = s.mem.dataAt(position, f.Size, f.Capacity)
			return true, nil
		}
		return false, s.malformed(f, state, room)
	}
}

// followMarker moves the cursor from a wrap marker to the frame behind it.
func (s *Server) followMarker(wrapped bool, position, available uint64) error {
	if wrapped || position == 0 {
		return fmt.Errorf("%w: wrap marker at %d where none can be", ErrCorrupted, position)
	}
	if available <= s.mem.size()-position {
		return fmt.Errorf("%w: wrap marker at %d with no frame behind it", ErrCorrupted, position)
	}
	s.toNextLap()
	return nil
}

// malformed says what is wrong with a header.
func (s *Server) malformed(f *Claimed, state wire.FrameState, room uint64) error {
	switch {
	case state != wire.FrameStateRequest && state != wire.FrameStateCancelled:
		return fmt.Errorf("%w: frame %d is %v when its turn comes", ErrCorrupted, s.passed+1, state)
	case f.Sequence != s.passed+1:
		return fmt.Errorf("%w: frame %d has sequence number %d", ErrCorrupted, s.passed+1, f.Sequence)
	case f.Capacity%wire.BlockAlignment != 0 || f.Capacity > room || f.Capacity > wire.MaxFrameData:
		return fmt.Errorf("%w: frame %d has capacity %d, room for %d", ErrCorrupted, f.Sequence, f.Capacity, room)
	}
	return fmt.Errorf("%w: frame %d has %d bytes in a capacity of %d", ErrCorrupted, f.Sequence, f.Size, f.Capacity)
}

// toNextLap moves the cursor to the start of the payload, the next time round.
func (s *Server) toNextLap() {
	s.cursor += s.mem.size() - s.position
	s.position = 0
}

// Take makes the frame the server's and moves the cursor past it. False: the client cancelled it meanwhile; look again.
func (s *Server) Take(f *Claimed) bool {
	// Pairs with the client's compare-and-swap in Client.Cancel: exactly one of them wins.
	if !stateOf(f.header).CompareAndSwap(int32(wire.FrameStateRequest), int32(wire.FrameStateProcessing)) {
		return false
	}
	s.Pass(f)
	return true
}

// Skip ends a cancelled frame and moves past it.
func (s *Server) Skip(f *Claimed) {
	// Pairs with the client's acquire load in Client.over.
	ordered.StoreInt32(stateOf(f.header), int32(wire.FrameStateConsumed))
	s.Pass(f)
}

// Pass moves the cursor past the frame without touching it.
func (s *Server) Pass(f *Claimed) {
	total := wire.FrameHeaderV2Size + f.Capacity
	s.cursor += total
	if s.position += total; s.position == s.mem.size() {
		s.position = 0
	}
	s.passed++
	// Pairs with the client's acquire load in Client.Reclaim, which frees the waste before the frame.
	ordered.Store64(s.request.readCount, s.passed)
}

// Answer publishes the response of a taken frame. The client may read, release and reuse it from the store of the state on,
// so the counters follow it: they are no part of the critical path.
func (f *Claimed) Answer(size uint64, status int32, failed bool) {
	f.header.PayloadSize = size
	f.header.Status = status
	state := wire.FrameStateResponse
	if failed {
		state = wire.FrameStateFailed
	}
	// Pairs with the client's acquire load in Frame.Answered.
	ordered.StoreInt32(stateOf(f.header), int32(state))
}

// Finish ends a one-way frame; nothing of it is touched afterwards.
func (f *Claimed) Finish() {
	// Pairs with the client's acquire load in Client.over.
	ordered.StoreInt32(stateOf(f.header), int32(wire.FrameStateConsumed))
}

// Abandoned looks at the flag after Answer. The frame may have been reused by then: the worst that a wrong yes does is one post too many.
func (f *Claimed) Abandoned() bool {
	// The caller's fence lies between the store of the state in Answer and this; pairs with Client.Abandon. The race detector must not
	// see it: where the frame was reused, its bytes may be the application's.
	return ordered.Peek32(flagsOf(f.header))&wire.FrameFlagsAbandoned != 0
}

// Count adds one response of size bytes to the response block. Loads behind it come after it and after Answer: the caller need not fence
// before it looks at a semaphore's value or a flag.
func (s *Server) Count(size uint64) {
	s.responses++
	s.responseBytes += size
	ordered.Covered64(s.response.writtenBytes, s.responseBytes)
	// Pairs with inspectors, and with clients in C++ that spin for any response. Sequentially consistent: the full fence of the posting rule.
	s.response.writtenCount.Store(s.responses)
}

// Drained reports whether the client has consumed every response.
func (s *Server) Drained() bool {
	// Pairs with the client's store in Client.Release.
	return s.response.readCount.Load() == s.responses
}

// Reset puts both blocks back to what an attaching client expects and the cursor to the start.
func (s *Server) Reset() {
	for _, b := range []*wire.OiebV2{s.mem.Request, s.mem.Response} {
		b.PayloadWrittenBytes.Store(0)
		b.PayloadWrittenCount.Store(0)
		b.PayloadReadCount.Store(0)
		b.PayloadFreeBytes.Store(s.mem.size())
	}
	*s = *NewServer(s.mem)
}
