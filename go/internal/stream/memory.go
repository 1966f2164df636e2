package stream

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// headerSize is what every frame takes besides its data, and what a wrap marker takes.
const headerSize = uint64(wire.FrameHeaderV1Size)

// Errors that callers tell apart.
var (
	// ErrCorrupted says that the memory holds what a correct peer never stores.
	ErrCorrupted = errors.New("corrupted")
	// ErrEmpty says that a frame would have no data, which marks a wrap.
	ErrEmpty = errors.New("a frame needs at least one byte")
	// ErrTooLarge says that a frame can never be placed.
	ErrTooLarge = errors.New("frame can never be placed")
	// ErrUnplaceable says that a frame cannot be placed at the present position, even when the ring is empty.
	ErrUnplaceable = errors.New("frame cannot be placed at the present position")
)

// SequenceError is a frame that is not the next one. It is a kind of ErrCorrupted.
type SequenceError struct {
	Expected, Got uint64
}

func (e *SequenceError) Error() string {
	return fmt.Sprintf("expected sequence number %d, got %d", e.Expected, e.Got)
}

// Unwrap makes it a kind of ErrCorrupted.
func (e *SequenceError) Unwrap() error { return ErrCorrupted }

// Memory is a buffer's shared part as both ends see it. The payload's size was checked when the buffer was mapped and is never read again.
type Memory struct {
	Oieb    *wire.OiebV1
	Payload []byte
}

func (m *Memory) size() uint64 { return uint64(len(m.Payload)) }

// data is a frame's bytes, which end its slice: appending never runs into the next frame.
func (m *Memory) data(position, size uint64) []byte {
	begin, end := position+headerSize, position+headerSize+size
	return m.Payload[begin:end:end]
}

// header copies the header at a position, which stands at any address.
func (m *Memory) header(position uint64) (h wire.FrameHeaderV1) {
	copy(bytesOf(&h), m.Payload[position:position+headerSize])
	return h
}

func (m *Memory) putHeader(position uint64, h wire.FrameHeaderV1) {
	copy(m.Payload[position:position+headerSize], bytesOf(&h))
}

func bytesOf(h *wire.FrameHeaderV1) []byte { return (*[headerSize]byte)(unsafe.Pointer(h))[:] }

// isMarker reports whether a header says that the next frame is at the start of the payload.
func isMarker(h wire.FrameHeaderV1) bool { return h.PayloadSize == 0 && h.SequenceNumber == 0 }
