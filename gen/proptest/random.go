package proptest

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/spec"
)

// field is a field of a random struct; padding between fields is a field too, since the spec allows no gaps.
type field struct {
	name   string
	scalar spec.Scalar
	count  uint64 // 0 for a single number
	offset uint64
	atomic bool
}

func (f field) elements() uint64 { return max(1, f.count) }
func (f field) width() uint64    { return f.scalar.Width * f.elements() }

// record is a random struct.
type record struct {
	name      string
	alignment uint64
	size      uint64
	fields    []field
}

// scalars in a fixed order, so that a seed means the same everywhere.
var scalars = []string{"u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"}

var words = []string{"count", "offset", "size", "mark", "left", "right", "head", "tail", "sum", "level"}

// randomRecord makes a struct that keeps every rule of the spec.
func randomRecord(r *rand.Rand, number int) record {
	s := record{name: fmt.Sprintf("random_%s_%d", words[r.IntN(len(words))], number)}
	widest, end := uint64(1), uint64(0)
	add := func(f field) {
		f.offset = end
		end += f.width()
		s.fields = append(s.fields, f)
	}
	pad := func(alignment uint64) {
		if gap := (alignment - end%alignment) % alignment; gap > 0 {
			add(field{name: fmt.Sprintf("gap_%d", len(s.fields)), scalar: spec.Scalars["u8"], count: gap})
		}
	}
	for range 1 + r.IntN(12) {
		f := field{name: fmt.Sprintf("%s_%d", words[r.IntN(len(words))], len(s.fields)), scalar: spec.Scalars[scalars[r.IntN(len(scalars))]]}
		switch {
		case r.IntN(3) == 0:
			f.count = 1 + r.Uint64N(9)
		case f.scalar.Width >= 4:
			f.atomic = r.IntN(2) == 0
		}
		widest = max(widest, f.scalar.Width)
		pad(f.scalar.Width)
		add(f)
	}
	s.alignment = widest << r.IntN(3)
	pad(s.alignment)
	s.size = end
	return s
}

// yaml writes the struct the way spec/zeroduplex.yaml does.
func (s record) yaml() string {
	var b strings.Builder
	fmt.Fprintf(&b, "  - name: %s\n    size: %d\n    alignment: %d\n    doc: A struct that a random number made.\n    fields:\n", s.name, s.size, s.alignment)
	for _, f := range s.fields {
		count, order := "", "store: plain, load: plain"
		if f.count > 0 {
			count = fmt.Sprintf("count: %d, ", f.count)
		}
		if f.atomic {
			order = "store: release, load: acquire"
		}
		fmt.Fprintf(&b, "      - { name: %s, offset: %d, type: %s, %swidth: %d, doc: \"A field.\", written_by: [ { role: client } ], %s }\n",
			f.name, f.offset, f.scalar.Name, count, f.width(), order)
	}
	return b.String()
}

// sample is a struct with a value for each element of each field, as bits.
type sample struct {
	record
	number int
	values [][]uint64
}

func randomSample(r *rand.Rand, s record, number int) sample {
	v := sample{record: s, number: number}
	for _, f := range s.fields {
		elements := make([]uint64, f.elements())
		for i := range elements {
			switch r.IntN(6) {
			case 0: // all bits, which is -1 of a signed number
				elements[i] = mask(f.scalar)
			case 1: // the sign alone
				elements[i] = 1 << (8*f.scalar.Width - 1)
			default:
				elements[i] = r.Uint64() & mask(f.scalar)
			}
		}
		v.values = append(v.values, elements)
	}
	return v
}

func mask(s spec.Scalar) uint64 { return ^uint64(0) >> (64 - 8*s.Width) }

// bytes is what every language must write: computed from offsets and widths alone.
func (v sample) bytes() []byte {
	content := make([]byte, v.size)
	for i, f := range v.fields {
		for j, value := range v.values[i] {
			var whole [8]byte
			binary.LittleEndian.PutUint64(whole[:], value)
			copy(content[f.offset+uint64(j)*f.scalar.Width:], whole[:f.scalar.Width])
		}
	}
	return content
}

// line is what a program prints of a struct that it has read: its name, the sample's number and every element as an unsigned number.
func (v sample) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d", v.name, v.number)
	for _, elements := range v.values {
		for _, value := range elements {
			fmt.Fprintf(&b, " %d", value)
		}
	}
	return b.String()
}

// withRecords puts structs into the text of a spec.
func withRecords(text string, records []record) string {
	var added strings.Builder
	for _, s := range records {
		added.WriteString(s.yaml() + "\n")
	}
	return strings.Replace(text, "\nstructs:\n", "\nstructs:\n"+added.String(), 1)
}
