package agent

import (
	"encoding/hex"
	"fmt"
	"hash/crc32"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
)

// fill writes the pattern.
func fill(data []byte, seed uint64) {
	for i := range data {
		data[i] = byte(seed + uint64(i))
	}
}

func pattern(size, seed uint64) []byte {
	data := make([]byte, size)
	fill(data, seed)
	return data
}

// invert complements every byte.
func invert(data []byte) {
	for i := range data {
		data[i] = ^data[i]
	}
}

// inverted fails unless data is what the handler xor makes of a pattern.
func inverted(data []byte, size, seed uint64) error {
	if uint64(len(data)) != size {
		return fmt.Errorf("it has %d bytes instead of %d", len(data), size)
	}
	for i, b := range data {
		if want := ^byte(seed + uint64(i)); b != want {
			return fmt.Errorf("byte %d is %#02x instead of %#02x", i, b, want)
		}
	}
	return nil
}

// report says what a frame holds.
func report(data []byte, sequence uint64, opcode uint32) agentproto.FrameReport {
	return agentproto.FrameReport{
		Sequence: sequence, Size: uint64(len(data)), Opcode: uint64(opcode),
		Crc32: uint64(crc32.ChecksumIEEE(data)), Head: hex.EncodeToString(data[:min(16, len(data))]),
	}
}

func content(data []byte) agentproto.ContentReport {
	return agentproto.ContentReport{Written: data != nil, Size: uint64(len(data)), Crc32: uint64(crc32.ChecksumIEEE(data))}
}
