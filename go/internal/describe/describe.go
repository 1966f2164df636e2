// Package describe finds the specification's descriptions by name.
package describe

import "github.com/zeroduplex/zeroduplex/go/internal/wire"

// Struct returns a struct's description. It panics for a name that the specification lacks: names are constants of the caller.
func Struct(name string) wire.StructInfo {
	for _, s := range wire.Structs {
		if s.Name == name {
			return s
		}
	}
	panic("the specification has no struct " + name)
}

// Segment returns a segment's description. It panics for a name that the specification lacks.
func Segment(name string) wire.SegmentInfo {
	for _, s := range wire.Segments {
		if s.Name == name {
			return s
		}
	}
	panic("the specification has no segment " + name)
}
