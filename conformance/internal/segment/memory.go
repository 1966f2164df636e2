// Package segment reads and writes channels byte by byte, knowing nothing but the layout typed by hand in package witness. It shares no
// code with any SDK on purpose.
package segment

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/conformance/witness"
)

// Numbers of the protocol, typed by hand from its text.
const (
	responseBlock   = 0x58
	metadataBlock   = 0xB0
	headerSize      = 64
	blockSize       = 88
	identityV2      = 0x0000000200000058
	ResetWanted     = ^uint64(0)
	LockByteServer  = 0
	LockByteClient  = 1
	semaphoreSize   = 32
	sharedFlag      = 128
	StateRequest    = 1
	StateProcessing = 2
	StateResponse   = 3
)

// semaphoreNames are the four of a channel.
var semaphoreNames = []string{"request-ready", "response-ready", "response-consumed", "space-available"}

// Numbers of ZeroBuffer v1, typed by hand from what published implementations do.
const (
	bufferMetadata   = 128 // where the metadata block begins
	bufferHeaderSize = 16
	identityV1       = 0x0000000100000080
)

// Path is the object's file.
func Path(name string) string { return "/dev/shm/" + name }

// The semaphores of a v1 buffer.
const (
	DataWritten = "data-written" // posted by the writer
	DataRead    = "data-read"    // posted by the reader
)

// SemaphorePath is a semaphore's file; which is one of request-ready, response-ready, response-consumed, space-available, or one of a v1
// buffer.
func SemaphorePath(name, which string) string {
	switch which {
	case DataWritten:
		which = "w"
	case DataRead:
		which = "r"
	}
	return "/dev/shm/sem.sem-" + which + "-" + name
}

func up(n uint64) uint64 { return (n + 63) &^ 63 }

// memory is the bytes of a segment, mapped or read.
type memory []byte

// block says which struct a path's first word stands for and where it begins: request and response of a channel, frame at a position of
// its payload; buffer and buffer_frame of a v1 buffer.
func (m memory) block(word string, position uint64) (name string, base uint64, err error) {
	switch word {
	case "request":
		return "oieb_v2", 0, nil
	case "response":
		return "oieb_v2", responseBlock, nil
	case "frame":
		return "frame_header_v2", m.payload() + position, nil
	case "buffer":
		return "oieb_v1", 0, nil
	case "buffer_frame":
		return "frame_header_v1", m.bufferPayload() + position, nil
	default:
		return "", 0, fmt.Errorf("%q is no block: request, response, frame, buffer or buffer_frame", word)
	}
}

// place finds a field by its path: a block's word and the field's name, or identity for the first eight bytes of an info block.
func (m memory) place(path string, position uint64) (offset, width uint64, err error) {
	word, field, _ := strings.Cut(path, ".")
	name, base, err := m.block(word, position)
	if err != nil {
		return 0, 0, err
	}
	at, known := witness.Structs[name].Fields[field]
	switch {
	case field == "identity" && strings.HasPrefix(name, "oieb"):
		at = [2]uint64{0, 8}
	case !known || at[1] > 8:
		return 0, 0, fmt.Errorf("%s has no field %q of up to 8 bytes", name, field)
	}
	if base+at[0]+at[1] > uint64(len(m)) {
		return 0, 0, fmt.Errorf("%s at %d is behind the end of the memory (%d bytes)", path, base+at[0], len(m))
	}
	return base + at[0], at[1], nil
}

// payload is where the payload starts, as the stored sizes say.
func (m memory) payload() uint64 {
	return metadataBlock + m.word(metadataSizeOffset) + m.word(responseBlock+metadataSizeOffset)
}

// bufferPayload is where the payload of a v1 buffer starts, as the stored size says.
func (m memory) bufferPayload() uint64 { return bufferMetadata + m.word(metadataSizeOffset) }

const metadataSizeOffset = 8

func (m memory) word(offset uint64) uint64 {
	if offset+8 > uint64(len(m)) {
		return 0
	}
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&m[offset])))
}

// get loads a field, sequentially consistent, unless it is one of a v1 frame's header, which no alignment allows it for.
func (m memory) get(path string, position uint64) (uint64, error) {
	offset, width, err := m.place(path, position)
	if err != nil {
		return 0, err
	}
	if offset%width != 0 {
		return binary.LittleEndian.Uint64(m[offset:]), nil
	}
	if width == 4 {
		return uint64(atomic.LoadUint32((*uint32)(unsafe.Pointer(&m[offset])))), nil
	}
	return m.word(offset), nil
}

// set stores a field, as get loads it.
func (m memory) set(path string, position, value uint64) error {
	offset, width, err := m.place(path, position)
	if err != nil {
		return err
	}
	switch {
	case offset%width != 0:
		binary.LittleEndian.PutUint64(m[offset:], value)
	case width == 4:
		atomic.StoreUint32((*uint32)(unsafe.Pointer(&m[offset])), uint32(value))
	default:
		atomic.StoreUint64((*uint64)(unsafe.Pointer(&m[offset])), value)
	}
	return nil
}

func (m memory) swap(path string, position uint64, from, to uint32) (bool, error) {
	offset, _, err := m.place(path, position)
	if err != nil {
		return false, err
	}
	return atomic.CompareAndSwapUint32((*uint32)(unsafe.Pointer(&m[offset])), from, to), nil
}

// until waits until a field has a value.
func (m memory) until(path string, position, value uint64, patience time.Duration) error {
	var last uint64
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); runtime.Gosched() {
		var err error
		if last, err = m.get(path, position); err != nil || last == value {
			return err
		}
	}
	return fmt.Errorf("%s is %d after %v, not %d", path, last, patience, value)
}

// words finds a field of eight aligned bytes, for what must be atomic.
func (m memory) words(path string) (*uint64, error) {
	offset, width, err := m.place(path, 0)
	if err != nil {
		return nil, err
	}
	if width != 8 || offset%8 != 0 {
		return nil, fmt.Errorf("%s is no word of 8 bytes", path)
	}
	return (*uint64)(unsafe.Pointer(&m[offset])), nil
}

// fields are all fields of a struct by path.
func (m memory) fields(block string, position uint64) (map[string]any, error) {
	name, _, err := m.block(block, position)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	for field, at := range witness.Structs[name].Fields {
		if at[1] > 8 {
			continue
		}
		value, err := m.get(block+"."+field, position)
		if err != nil {
			return nil, err
		}
		fields[field] = value
	}
	return fields, nil
}
