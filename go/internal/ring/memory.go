package ring

import (
	"sync/atomic"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// Memory is a segment's shared part as both ends see it. Its sizes were validated when it was attached and are never read again.
type Memory struct {
	Request  *wire.OiebV2
	Response *wire.OiebV2
	Payload  []byte
}

// headerAt overlays the header at a position, a multiple of 64 that has room for a header before the payload's end.
func (m *Memory) headerAt(position uint64) *wire.FrameHeaderV2 {
	return (*wire.FrameHeaderV2)(unsafe.Pointer(&m.Payload[position : position+wire.FrameHeaderV2Size][0]))
}

// dataAt is the frame's data, with the frame's capacity as the slice's.
func (m *Memory) dataAt(position, size, capacity uint64) []byte {
	start := position + wire.FrameHeaderV2Size
	return m.Payload[start : start+size : start+capacity]
}

func (m *Memory) size() uint64 { return uint64(len(m.Payload)) }

// RoundUp rounds to the next multiple of the block alignment. Callers bound n, so that it cannot overflow.
func RoundUp(n uint64) uint64 { return (n + wire.BlockAlignment - 1) &^ (wire.BlockAlignment - 1) }

// The compiler proves a pointer to a field good by a load from the struct's start, which on a line that the peer has just written
// costs a cache miss. So the words that both sides touch are addressed from their offsets: once per end for the blocks, and here for headers.

func stateOf(h *wire.FrameHeaderV2) *atomic.Int32 {
	return (*atomic.Int32)(unsafe.Add(unsafe.Pointer(h), wire.FrameHeaderV2StateOffset))
}

func flagsOf(h *wire.FrameHeaderV2) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Add(unsafe.Pointer(h), wire.FrameHeaderV2FlagsOffset))
}

// counters are the addresses of a block's words.
type counters struct {
	freeBytes, writtenBytes, writtenCount, readCount *atomic.Uint64
}

func countersOf(b *wire.OiebV2) counters {
	return counters{&b.PayloadFreeBytes, &b.PayloadWrittenBytes, &b.PayloadWrittenCount, &b.PayloadReadCount}
}
