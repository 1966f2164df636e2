package inspect

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/describe"
)

// memory is a segment that somebody may be writing to at this moment. Every word is read once, atomically.
// Callers check that what they read lies within it.
type memory []byte

func (m memory) u64(offset uint64) uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&m[offset : offset+8][0])).Load()
}

func (m memory) u32(offset uint64) uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&m[offset : offset+4][0])).Load()
}

// block reads the numbers of a struct that begins at an offset. Its padding and reserved bytes are left out.
func (m memory) block(base uint64, name string) Block {
	var b Block
	for _, field := range describe.Struct(name).Fields {
		at := base + field.Offset
		switch {
		case field.Name == "version":
			v := m.u32(at)
			b = append(b, Field{Name: field.Name, Value: uint64(v), Version: fmt.Sprintf("%d.%d.%d", v&0xFF, v>>8&0xFF, v>>16&0xFF)})
		case field.Width == 8:
			b = append(b, Field{Name: field.Name, Value: m.u64(at)})
		case field.Width == 4:
			b = append(b, Field{Name: field.Name, Value: uint64(m.u32(at))})
		}
	}
	return b
}
