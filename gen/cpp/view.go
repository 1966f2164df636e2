package cpp

import (
	"fmt"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

// The views hold finished identifiers, literals and comment lines; templates only arrange them.

type wire struct {
	Marker, Digest string
	Protocols      []protocol
	Roles          enum
	States         []stateMachine
	Enums          []enum
	Flags          []flagSet
	Constants      []constant
	Limits         []constant
	Defaults       []constant
	Structs        []structure
	Segments       []segment
	Templates      []function
	Folders        []constant
	Names          nameRules
}

type constant struct {
	Doc               []string
	Type, Name, Value string
}

const commentWidth = 110

var scalars = map[ir.Scalar]string{
	"u8": "std::uint8_t", "u16": "std::uint16_t", "u32": "std::uint32_t", "u64": "std::uint64_t",
	"i8": "std::int8_t", "i16": "std::int16_t", "i32": "std::int32_t", "i64": "std::int64_t",
}

var durations = map[ir.Duration]string{
	ir.Milliseconds: "std::chrono::milliseconds", ir.Microseconds: "std::chrono::microseconds",
}

func id(kind naming.Kind, parts ...string) string { return naming.Cpp.Identifier(kind, parts...) }

func doc(text string) []string { return backend.Wrap(text, commentWidth) }

func docUnit(text, unit string) []string { return doc(backend.WithUnit(text, unit)) }

// number prints a literal. Octal numbers begin with 0 in C++; what only fits an unsigned 64-bit type needs a suffix.
func number(n ir.Integer, scalar ir.Scalar) string {
	suffix := ""
	if scalar == "u64" {
		suffix = "U"
	}
	return backend.Number(n, "0") + suffix
}

func hex(n uint64) string { return fmt.Sprintf("0x%02X", n) }

func wireView(d *ir.Document) wire {
	view := wire{Marker: d.Marker, Digest: d.Digest, Names: nameRulesView(d.Names)}
	for _, p := range d.Protocols {
		view.Protocols = append(view.Protocols, protocolView(p))
	}
	view.Roles = rolesView(d.Roles)
	for _, m := range d.States {
		view.States = append(view.States, stateMachineView(m))
	}
	for _, e := range d.Enums {
		view.Enums = append(view.Enums, enumView(e))
	}
	for _, f := range d.Flags {
		view.Flags = append(view.Flags, flagSetView(f))
	}
	for _, c := range d.Constants {
		view.Constants = append(view.Constants, constantView(c))
	}
	for _, c := range d.Limits {
		view.Limits = append(view.Limits, constantView(c))
	}
	for _, c := range d.Defaults {
		view.Defaults = append(view.Defaults, defaultView(c))
	}
	for _, s := range d.Structs {
		view.Structs = append(view.Structs, structView(s))
	}
	for _, s := range d.Segments {
		view.Segments = append(view.Segments, segmentView(s))
	}
	for _, s := range d.Semaphores {
		view.Templates = append(view.Templates, functionView(id(naming.Function, s.Name, "semaphore"), "Name of the semaphore. "+s.Doc, s.Template))
	}
	for _, p := range d.Paths {
		view.addPath(p)
	}
	return view
}

func constantView(c ir.Constant) constant {
	return constant{
		Doc: docUnit(c.Doc, c.Unit), Type: scalars[c.Type], Name: id(naming.Constant, c.Name), Value: number(c.Value, c.Type),
	}
}

func defaultView(d ir.Default) constant {
	view := constantView(d.Constant)
	view.Name = id(naming.Constant, "default", d.Protocol, d.Name)
	if d.Duration != nil {
		view.Doc = doc(d.Doc)
		view.Type = durations[*d.Duration]
		view.Value = backend.Number(d.Value, "0")
	}
	return view
}
