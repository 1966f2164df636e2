// Package segment reads and writes channels byte by byte, knowing nothing but the layout typed by hand in package witness. It shares no
// code with any SDK on purpose.
package segment

import (
	"fmt"
	"strings"
	"sync/atomic"
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
	resetWanted     = ^uint64(0)
	lockByteServer  = 0
	lockByteClient  = 1
	semaphoreSize   = 32
	sharedFlag      = 128
	stateRequest    = 1
	stateProcessing = 2
	stateResponse   = 3
)

// semaphoreNames are the four of a channel.
var semaphoreNames = []string{"request-ready", "response-ready", "response-consumed", "space-available"}

// Path is the object's file.
func Path(name string) string { return "/dev/shm/" + name }

// SemaphorePath is a semaphore's file; which is one of request-ready, response-ready, response-consumed, space-available.
func SemaphorePath(name, which string) string { return "/dev/shm/sem.sem-" + which + "-" + name }

func up(n uint64) uint64 { return (n + 63) &^ 63 }

// memory is the bytes of a segment, mapped or read.
type memory []byte

// place finds a field by its path: request.X, response.X, frame.X at a position of the payload, or the words request.identity and
// response.identity.
func (m memory) place(path string, position uint64) (offset, width uint64, err error) {
	block, field, _ := strings.Cut(path, ".")
	name, base := "oieb_v2", uint64(0)
	switch block {
	case "request":
	case "response":
		base = responseBlock
	case "frame":
		name, base = "frame_header_v2", m.payload()+position
	default:
		return 0, 0, fmt.Errorf("%q is no field: request.X, response.X or frame.X", path)
	}
	at, known := witness.Structs[name].Fields[field]
	switch {
	case field == "identity" && block != "frame":
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

const metadataSizeOffset = 8

func (m memory) word(offset uint64) uint64 {
	if offset+8 > uint64(len(m)) {
		return 0
	}
	return atomic.LoadUint64((*uint64)(unsafe.Pointer(&m[offset])))
}

// get loads a field, sequentially consistent.
func (m memory) get(path string, position uint64) (uint64, error) {
	offset, width, err := m.place(path, position)
	if err != nil {
		return 0, err
	}
	if width == 4 {
		return uint64(atomic.LoadUint32((*uint32)(unsafe.Pointer(&m[offset])))), nil
	}
	return m.word(offset), nil
}

// set stores a field, sequentially consistent.
func (m memory) set(path string, position, value uint64) error {
	offset, width, err := m.place(path, position)
	if err != nil {
		return err
	}
	if width == 4 {
		atomic.StoreUint32((*uint32)(unsafe.Pointer(&m[offset])), uint32(value))
	} else {
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

// fields are all fields of a struct by path.
func (m memory) fields(block string, position uint64) (map[string]any, error) {
	name := "oieb_v2"
	if block == "frame" {
		name = "frame_header_v2"
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
