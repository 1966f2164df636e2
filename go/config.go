package zeroduplex

import (
	"errors"
	"fmt"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// BufferConfig says how large a channel's segment, or a v1 buffer, is and where its memory comes from.
type BufferConfig struct {
	// MetadataSize is the size in bytes of each of the two metadata blocks (v1: of the one). Eight bytes of it are a length prefix.
	MetadataSize uint64
	// PayloadSize is the size in bytes of the ring of frames. In place it is at least 128 and a frame takes a header of 64 bytes and its
	// capacity; in v1 a frame takes a header of 16 bytes and its data.
	PayloadSize uint64
	// Memory is where the segment goes: nil for a shared-memory object of the name, or a SharedMemoryView of existing memory.
	Memory MemoryProvider
}

// NewBufferConfig asks for a shared-memory object of the channel's own. Sizes are in bytes and rounded up to multiples of 64.
func NewBufferConfig(metadataSize, payloadSize uint64) BufferConfig {
	return BufferConfig{MetadataSize: metadataSize, PayloadSize: payloadSize}
}

// DefaultBufferConfig is 4 KiB of metadata each way and 16 MiB of payload.
func DefaultBufferConfig() BufferConfig {
	return NewBufferConfig(wire.DefaultV2MetadataSize, wire.DefaultV2PayloadSize)
}

// DefaultV1BufferConfig is 4 KiB of metadata and 256 MiB of payload, what ZeroBuffer v1 has always used.
func DefaultV1BufferConfig() BufferConfig {
	return NewBufferConfig(wire.DefaultV1MetadataSize, wire.DefaultV1PayloadSize)
}

// NewBufferConfigOver puts the channel into existing memory; the payload takes all that the rest of the segment leaves.
// Such a channel has no liveness: see SharedMemoryView. A v1 buffer, which has fewer blocks, fits into that memory too.
func NewBufferConfigOver(metadataSize uint64, view *SharedMemoryView) BufferConfig {
	c := BufferConfig{MetadataSize: metadataSize, Memory: view}
	if view == nil {
		return c
	}
	// The smallest segment tells where a payload starts; all behind it, in whole blocks, is payload.
	if l, ok := wire.ResolveSegmentV2(metadataSize, metadataSize, wire.MinPayloadSize); ok && view.Size() > l.Payload.Offset {
		c.PayloadSize = (view.Size() - l.Payload.Offset) &^ (wire.BlockAlignment - 1)
	}
	return c
}

func (c BufferConfig) layout() (wire.SegmentV2, error) {
	if err := c.check(); err != nil {
		return wire.SegmentV2{}, err
	}
	if c.PayloadSize < wire.MinPayloadSize {
		if view, existing := c.Memory.(*SharedMemoryView); existing {
			return wire.SegmentV2{}, fmt.Errorf("a view of %d bytes with %d of metadata each way leaves no room for a payload of %d bytes", view.Size(), c.MetadataSize, wire.MinPayloadSize)
		}
		return wire.SegmentV2{}, fmt.Errorf("payload size %d is below %d bytes", c.PayloadSize, wire.MinPayloadSize)
	}
	l, ok := wire.ResolveSegmentV2(c.MetadataSize, c.MetadataSize, c.PayloadSize)
	if !ok {
		return l, c.impossible()
	}
	return l, nil
}

// layoutV1 is layout for a v1 buffer.
func (c BufferConfig) layoutV1() (wire.SegmentV1, error) {
	if err := c.check(); err != nil {
		return wire.SegmentV1{}, err
	}
	l, ok := wire.ResolveSegmentV1(c.MetadataSize, c.PayloadSize)
	if !ok {
		return l, c.impossible()
	}
	return l, nil
}

// check applies the limits of both protocols.
func (c BufferConfig) check() error {
	view, existing := c.Memory.(*SharedMemoryView)
	switch {
	case existing && view == nil:
		return errors.New("the memory view is nil")
	case c.PayloadSize > wire.MaxPayloadSize:
		return fmt.Errorf("payload size %d is above %d bytes", c.PayloadSize, uint64(wire.MaxPayloadSize))
	case c.MetadataSize > wire.MaxMetadataSize:
		return fmt.Errorf("metadata size %d is above %d bytes", c.MetadataSize, wire.MaxMetadataSize)
	}
	return nil
}

func (c BufferConfig) impossible() error {
	return fmt.Errorf("metadata size %d and payload size %d make no segment", c.MetadataSize, c.PayloadSize)
}
