package hostile

import (
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/describe"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// Program is a fuzzer's input, read as a sequence of decisions. When it has run out every decision is 0.
type Program struct {
	rest []byte
}

// NewProgram reads input, which it does not change.
func NewProgram(input []byte) *Program { return &Program{rest: input} }

// More reports whether decisions are left.
func (p *Program) More() bool { return len(p.rest) > 0 }

// Byte is the next decision.
func (p *Program) Byte() byte {
	if len(p.rest) == 0 {
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

// Below is a decision among n > 0 possibilities.
func (p *Program) Below(n uint64) uint64 {
	if n <= 1<<8 {
		return uint64(p.Byte()) % n
	}
	return (uint64(p.Byte())<<8 | uint64(p.Byte())) % n
}

// Value is what to store where current stands in a payload of the given size: mostly values at the borders of what is right.
func (p *Program) Value(current, payload uint64) uint64 {
	kind, b := p.Byte(), p.Byte()
	near := uint64(int64(int8(b)))
	switch kind % 12 {
	case 0, 1:
		return uint64(b)
	case 2, 3:
		return current + near*wire.BlockAlignment
	case 4:
		return current + near
	case 5:
		return payload + near*wire.BlockAlignment
	case 6:
		return payload*uint64(b%8) + current
	case 7:
		return 1 << (b % 64)
	case 8:
		return 1<<(b%64) - 1
	case 9:
		return -uint64(b)
	case 10:
		return uint64(b % 9) // states and flags
	default:
		var raw [8]byte
		for i := range raw {
			raw[i] = p.Byte()
		}
		return binary.LittleEndian.Uint64(raw[:])
	}
}

// Word is a place of 4 or 8 bytes in shared memory.
type Word struct {
	at    unsafe.Pointer
	width uint64
}

// WordAt is the word of the given width, 4 or 8, at the start of b.
func WordAt(b []byte, width uint64) Word {
	return Word{at: unsafe.Pointer(&b[:width][0]), width: width}
}

// Load reads it, atomically.
func (w Word) Load() uint64 {
	if w.width == 4 {
		return uint64((*atomic.Uint32)(w.at).Load())
	}
	return (*atomic.Uint64)(w.at).Load()
}

// Store writes it, atomically. A word of 4 bytes takes the lower half.
func (w Word) Store(value uint64) {
	if w.width == 4 {
		(*atomic.Uint32)(w.at).Store(uint32(value))
		return
	}
	(*atomic.Uint64)(w.at).Store(value)
}

// Field decides for a field of a struct that begins where b does.
func (p *Program) Field(structName string, b []byte) Word {
	fields := describe.Struct(structName).Fields
	f := fields[p.Below(uint64(len(fields)))]
	width := min(f.Width, 8)
	if width != 4 {
		width = 8
	}
	return WordAt(b[f.Offset:], width)
}

// Random is a program of the given length. calm, from 0 to 1, is the part of its decisions that is taken from tame.
func Random(seed uint64, length int, calm float64, tame []byte) []byte {
	r := rand.New(rand.NewPCG(seed, 0))
	input := make([]byte, length)
	for i := range input {
		if r.Float64() < calm {
			input[i] = tame[r.IntN(len(tame))]
		} else {
			input[i] = byte(r.Uint32())
		}
	}
	return input
}

// Run runs the programs of the seeds from 0 on, most of them or, on a slow machine and under the race detector, as many as a few
// seconds allow, but a tenth at least. It returns how many.
func Run(most int, program func(seed uint64)) int {
	const enough = 4 * time.Second
	start := time.Now()
	for i := range most {
		if i >= most/10 && time.Since(start) > enough {
			return i
		}
		program(uint64(i))
	}
	return most
}
