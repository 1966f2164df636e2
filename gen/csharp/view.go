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

type enum struct {
	Doc        []string
	Flags      bool
	Type, Base string
	Values     []member
}

type member struct {
	Doc         []string
	Name, Value string
}

type stateMachine struct {
	Type, MayFollow string
	Roles           []roleMoves
}

type roleMoves struct {
	Role  string
	Moves []move
}

type move struct{ From, Condition string }

type structure struct {
	Doc        []string
	Type, Size string
	// Unsafe says that there are fixed buffers, which C# allows only in unsafe code.
	Unsafe bool
	Fields []field
}

type field struct {
	Doc                 []string
	Offset, Declaration string
}

type segment struct {
	Doc, ResolveDoc           []string
	Type, Resolve, Parameters string
	Sized                     bool
	Regions                   []region
	Ends                      []constant
	Length                    string
	TooLarge, OutOfRange      string
}

type region struct {
	Doc                []string
	Name, Offset, Size string
}

type function struct {
	Doc                          []string
	Name, Parameters, Expression string
}

type nameRules struct{ ByteClass string }

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

func (w *wire) addNames(d *ir.Document) {
	for _, s := range d.Semaphores {
		w.Functions = append(w.Functions, functionView(id(naming.Function, s.Name, "semaphore"), "Name of the semaphore. "+s.Doc, s.Template))
	}
	for _, p := range d.Paths {
		if p.Mode != nil {
			w.constant("Permission bits of the folder, the sticky bit included.", "uint", id(naming.Constant, p.Name, "mode"), number(*p.Mode, "u32"))
		}
		if len(p.Template.Parameters) > 0 {
			w.Functions = append(w.Functions, functionView(id(naming.Function, p.Name, "path"), p.Doc, p.Template))
			continue
		}
		w.constant(p.Doc, "string", id(naming.Constant, p.Name), backend.Quote(p.Template.Text))
	}
	w.constant("Shortest name, in bytes.", "int", "NameMinimum", fmt.Sprint(d.Names.Minimum))
	w.constant("Longest name, in bytes.", "int", "NameMaximum", fmt.Sprint(d.Names.Maximum))
	w.constant("The class of each byte of a name.", "string", "NamePattern", backend.Quote(d.Names.Pattern))
	var prefixes []string
	for _, p := range d.Names.ForbiddenPrefixes {
		prefixes = append(prefixes, backend.Quote(p))
	}
	w.readonly("What a name must not begin with.", "string[]", "NameForbiddenPrefixes", "{ "+strings.Join(prefixes, ", ")+" }")
}

func rolesView(roles []ir.Role) enum {
	view := enum{Doc: doc("A party of the protocol."), Type: "Role", Base: scalars["u8"]}
	for _, r := range roles {
		view.Values = append(view.Values, member{Doc: doc(r.Doc), Name: id(naming.Member, r.Name), Value: fmt.Sprint(r.Index)})
	}
	return view
}

func enumView(e ir.Enum) enum {
	view := enum{Doc: doc(e.Doc), Type: id(naming.Type, e.Name), Base: scalars[e.Type]}
	for _, v := range e.Values {
		view.Values = append(view.Values, member{Doc: doc(v.Doc), Name: id(naming.Member, v.Name), Value: number(v.Value, e.Type)})
	}
	return view
}

func flagsView(f ir.FlagSet) enum {
	view := enum{Doc: doc(f.Doc), Flags: true, Type: id(naming.Type, f.Name), Base: scalars[f.Type]}
	for _, b := range f.Bits {
		view.Values = append(view.Values, member{
			Doc: doc(b.Doc + " Set by the " + b.By + "."), Name: id(naming.Member, b.Name),
			Value: fmt.Sprintf("(%s)1 << %d", scalars[f.Type], b.Bit),
		})
	}
	return view
}

func stateMachineView(m ir.StateMachine) stateMachine {
	view := stateMachine{Type: id(naming.Type, m.Name), MayFollow: id(naming.Function, m.Name, "may_follow")}
	for _, role := range m.Moves {
		moves := roleMoves{Role: id(naming.Member, role.Role)}
		for _, from := range role.From {
			var conditions []string
			for _, to := range from.To {
				conditions = append(conditions, "to == "+view.Type+"."+id(naming.Member, to))
			}
			moves.Moves = append(moves.Moves, move{From: id(naming.Member, from.From), Condition: strings.Join(conditions, " || ")})
		}
		view.Roles = append(view.Roles, moves)
	}
	return view
}

func structView(s ir.Struct) structure {
	view := structure{Doc: doc(s.Doc), Type: id(naming.Type, s.Name), Size: fmt.Sprint(s.Size)}
	for _, f := range s.Fields {
		declaration := scalars[f.Type] + " " + id(naming.Field, f.Name)
		if f.Count > 0 {
			declaration = fmt.Sprintf("fixed %s[%d]", declaration, f.Count)
			view.Unsafe = true
		}
		view.Fields = append(view.Fields, field{Doc: doc(backend.FieldDoc(f)), Offset: hex(f.Offset), Declaration: declaration})
	}
	for _, w := range s.Words {
		view.Fields = append(view.Fields, field{
			Doc: doc(w.Doc + " The same bytes as " + strings.Join(w.Covers, ", ") + "; stored " + w.Store + ", loaded " + w.Load + "."), Offset: hex(w.Offset),
			Declaration: scalars[w.Type] + " " + id(naming.Field, w.Name),
		})
	}
	return view
}

func segmentView(s ir.Segment) segment {
	view := segment{
		Doc: doc(s.Doc), Type: id(naming.Type, "segment", s.Name), Resolve: id(naming.Function, "try_resolve_segment", s.Name), Sized: s.Sized,
		ResolveDoc: doc("Lays a segment out for the given sizes in bytes, wanted or stored: stored ones are rounded already and stay as they are. " +
			"False for a rounded size below its minimum or above its limit."),
		Length: fmt.Sprint(s.FixedLength),
	}
	var tooLarge, outOfRange []string
	for _, input := range s.Inputs {
		name := id(naming.Parameter, input.Name)
		view.Parameters += "ulong " + name + ", "
		tooLarge = append(tooLarge, name+" > "+id(naming.Constant, input.Maximum))
	}
	for _, r := range s.Regions {
		placed := region{Doc: doc(r.Doc), Name: id(naming.Field, r.Name), Offset: start(r), Size: fmt.Sprint(r.Size)}
		if r.Input != "" {
			end := endName(r.Name)
			view.Ends = append(view.Ends, constant{
				Name: end, Value: fmt.Sprintf("RoundUp(%s + %s, %d)", start(r), id(naming.Parameter, r.Input), s.Alignment),
			})
			placed.Size = end + " - " + start(r)
			view.Length = end
			size := "segment." + placed.Name + ".Size"
			if r.Minimum > 0 {
				outOfRange = append(outOfRange, fmt.Sprintf("%s < %d", size, r.Minimum))
			}
			outOfRange = append(outOfRange, size+" > "+id(naming.Constant, r.Maximum))
		}
		view.Regions = append(view.Regions, placed)
	}
	const newLine = "\n                || "
	view.TooLarge = strings.Join(tooLarge, newLine)
	view.OutOfRange = strings.Join(outOfRange, newLine)
	return view
}

func start(r ir.Region) string {
	if r.Offset != nil {
		return hex(*r.Offset)
	}
	return endName(r.After)
}

func endName(region string) string { return id(naming.Parameter, region, "end") }

func functionView(name, text string, t ir.Template) function {
	view := function{Doc: doc(text), Name: name}
	var parameters, parts []string
	for _, p := range t.Parameters {
		parameters = append(parameters, "string "+id(naming.Parameter, p))
	}
	for _, part := range t.Parts {
		if part.Parameter != "" {
			parts = append(parts, id(naming.Parameter, part.Parameter))
		} else {
			parts = append(parts, backend.Quote(part.Literal))
		}
	}
	view.Parameters = strings.Join(parameters, ", ")
	view.Expression = strings.Join(parts, " + ")
	return view
}

func nameRulesView(n ir.NameRules) nameRules {
	var conditions []string
	for _, r := range n.Ranges {
		conditions = append(conditions, fmt.Sprintf("(c >= '%s' && c <= '%s')", r.First, r.Last))
	}
	for _, single := range n.Singles {
		conditions = append(conditions, fmt.Sprintf("c == '%c'", single))
	}
	return nameRules{ByteClass: strings.Join(conditions, " || ")}
}
