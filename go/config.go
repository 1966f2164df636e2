package zeroduplex

import (
	"errors"
	"fmt"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// BufferConfig says how large a channel's segment is and where its memory comes from.
type BufferConfig struct {
	// MetadataSize is the size in bytes of each of the two metadata blocks. Eight bytes of it are a length prefix.
	MetadataSize uint64
	// PayloadSize is the size in bytes of the ring of frames, at least 128. A frame takes a header of 64 bytes and its capacity.
	PayloadSize uint64
	// Memory is where the segment goes: nil for a shared-memory object of the channel's name, or a SharedMemoryView of existing memory.
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

// NewBufferConfigOver puts the channel into existing memory; the payload takes all that the rest of the segment leaves.
// Such a channel has no liveness: see SharedMemoryView.
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
	view, existing := c.Memory.(*SharedMemoryView)
	switch {
	case existing && view == nil:
		return wire.SegmentV2{}, errors.New("the memory view is nil")
	case existing && c.PayloadSize < wire.MinPayloadSize:
		return wire.SegmentV2{}, fmt.Errorf("a view of %d bytes with %d of metadata each way leaves no room for a payload of %d bytes", view.Size(), c.MetadataSize, wire.MinPayloadSize)
	case c.PayloadSize < wire.MinPayloadSize:
		return wire.SegmentV2{}, fmt.Errorf("payload size %d is below %d bytes", c.PayloadSize, wire.MinPayloadSize)
	case c.PayloadSize > wire.MaxPayloadSize:
		return wire.SegmentV2{}, fmt.Errorf("payload size %d is above %d bytes", c.PayloadSize, uint64(wire.MaxPayloadSize))
	case c.MetadataSize > wire.MaxMetadataSize:
		return wire.SegmentV2{}, fmt.Errorf("metadata size %d is above %d bytes", c.MetadataSize, wire.MaxMetadataSize)
	}
	l, ok := wire.ResolveSegmentV2(c.MetadataSize, c.MetadataSize, c.PayloadSize)
	if !ok {
		return wire.SegmentV2{}, fmt.Errorf("metadata size %d and payload size %d make no segment", c.MetadataSize, c.PayloadSize)
	}
	return l, nil
}
