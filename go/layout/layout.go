// Package layout says where the fields of the shared structs are in this program, as the compiler laid them out. It is for tools that
// compare languages; the numbers that all languages must agree on are in spec/zeroduplex.yaml.
package layout

import (
	"reflect"

	"github.com/zeroduplex/zeroduplex/go/internal/describe"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// Struct is a struct by its name in the spec; Size is in bytes.
type Struct struct {
	Name   string
	Size   uint64
	Fields []Field
}

// Field is a field by its name in the spec; Offset and Width are in bytes.
type Field struct {
	Name          string
	Offset, Width uint64
}

// Structs measures the structs of both protocols that processes share.
func Structs() []Struct {
	return []Struct{
		measure("oieb_v2", reflect.TypeFor[wire.OiebV2]()),
		measure("frame_header_v2", reflect.TypeFor[wire.FrameHeaderV2]()),
		measure("oieb_v1", reflect.TypeFor[wire.OiebV1]()),
		measure("frame_header_v1", reflect.TypeFor[wire.FrameHeaderV1]()),
	}
}

// measure takes names from the description, in whose order the generated struct's fields stand, and numbers from the type.
func measure(name string, t reflect.Type) Struct {
	s := Struct{Name: name, Size: uint64(t.Size())}
	described := describe.Struct(name).Fields
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Name == "_" {
			continue
		}
		s.Fields = append(s.Fields, Field{Name: described[len(s.Fields)].Name, Offset: uint64(f.Offset), Width: uint64(f.Type.Size())})
	}
	return s
}
