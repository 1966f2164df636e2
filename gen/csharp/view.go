package csharp

import (
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

// The views hold finished identifiers, literals and comment lines; templates only arrange them.

type wire struct {
	Marker    string
	Enums     []enum
	Structs   []structure
	Segments  []segment
	Constants []constant
	Moves     []stateMachine
	Names     nameRules
	Functions []function
}

// constant is a member of class Wire; Modifier is const or static readonly.
type constant struct {
	Doc                         []string
	Modifier, Type, Name, Value string
}

const commentWidth = 110

var scalars = map[ir.Scalar]string{
	"u8": "byte", "u16": "ushort", "u32": "uint", "u64": "ulong", "i8": "sbyte", "i16": "short", "i32": "int", "i64": "long",
}

// durations give the expression for a number of units.
var durations = map[ir.Duration]string{
	ir.Milliseconds: "TimeSpan.FromTicks(%s * TimeSpan.TicksPerMillisecond)",
	ir.Microseconds: "TimeSpan.FromTicks(%s * (TimeSpan.TicksPerMillisecond / 1000))",
}

func id(kind naming.Kind, parts ...string) string { return naming.CSharp.Identifier(kind, parts...) }

var xml = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// doc escapes text for an XML comment.
func doc(text string) []string { return backend.Wrap(xml.Replace(text), commentWidth) }

// number prints a literal; C# has no octal ones. The suffix keeps unsigned 64-bit arithmetic unsigned.
func number(n ir.Integer, scalar ir.Scalar) string {
	suffixes := map[ir.Scalar]string{"u64": "UL", "u32": "U", "i64": "L"}
	return backend.Number(n, "") + suffixes[scalar]
}

func hex(n uint64) string { return fmt.Sprintf("0x%02X", n) }

func wireView(d *ir.Document) wire {
	view := wire{Marker: d.Marker, Names: nameRulesView(d.Names)}
	view.Enums = append(view.Enums, rolesView(d.Roles))
	for _, m := range d.States {
		view.Enums = append(view.Enums, enumView(m.Enum))
		view.Moves = append(view.Moves, stateMachineView(m))
	}
	for _, e := range d.Enums {
		view.Enums = append(view.Enums, enumView(e))
	}
	for _, f := range d.Flags {
		view.Enums = append(view.Enums, flagsView(f))
	}
	for _, s := range d.Structs {
		view.Structs = append(view.Structs, structView(s))
	}
	for _, s := range d.Segments {
		view.Segments = append(view.Segments, segmentView(s))
	}
	view.addNumbers(d)
	view.addNames(d)
	return view
}

func (w *wire) constant(text, kind, name, value string) {
	w.Constants = append(w.Constants, constant{Doc: doc(text), Modifier: "const", Type: kind, Name: name, Value: value})
}

func (w *wire) readonly(text, kind, name, value string) {
	w.Constants = append(w.Constants, constant{Doc: doc(text), Modifier: "static readonly", Type: kind, Name: name, Value: value})
}

func (w *wire) addNumbers(d *ir.Document) {
	w.constant("Identifies the spec that this file was generated from.", "string", "SpecDigest", backend.Quote(d.Digest))
	for _, p := range d.Protocols {
		for i, component := range p.Components {
			w.constant("Version of protocol "+p.Name+": "+component+".", "byte", id(naming.Constant, "protocol", p.Name, component), fmt.Sprint(p.Version[i]))
		}
		w.constant("The first eight bytes of a "+p.Name+" segment, read as one little-endian number.", "ulong",
			id(naming.Constant, p.Oieb, "identity_word"), number(p.IdentityWord, "u64"))
	}
	for _, s := range d.Structs {
		name := id(naming.Type, s.Name)
		w.constant("Size of "+name+", in bytes.", "int", id(naming.Constant, s.Name, "size"), fmt.Sprint(s.Size))
		for _, f := range s.Fields {
			w.constant("Offset of "+f.Name+", in bytes.", "int", id(naming.Constant, s.Name, f.Name, "offset"), hex(f.Offset))
		}
		for _, word := range s.Words {
			w.constant("Offset of the word "+word.Name+", in bytes.", "int", id(naming.Constant, s.Name, word.Name, "offset"), hex(word.Offset))
		}
	}
	for _, list := range [][]ir.Constant{d.Constants, d.Limits} {
		for _, c := range list {
			w.constant(backend.WithUnit(c.Doc, c.Unit), scalars[c.Type], id(naming.Constant, c.Name), number(c.Value, c.Type))
		}
	}
	for _, c := range d.Defaults {
		name := id(naming.Constant, "default", c.Protocol, c.Name)
		if c.Duration != nil {
			w.readonly(c.Doc, "TimeSpan", name, fmt.Sprintf(durations[*c.Duration], backend.Number(c.Value, "")))
			continue
		}
		w.constant(backend.WithUnit(c.Doc, c.Unit), scalars[c.Type], name, number(c.Value, c.Type))
	}
}
