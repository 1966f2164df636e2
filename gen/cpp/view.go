package cpp

import (
	"fmt"
	"strings"

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

type protocol struct {
	Doc                                    []string
	Components                             []constant
	Version, Values, Identity, IdentityHex string
}

type enum struct {
	Doc                  []string
	Type, Base, ToString string
	Values               []member
}

type member struct {
	Doc               []string
	Name, Text, Value string
}

type stateMachine struct {
	enum
	MayFollow string
	Roles     []roleMoves
}

type roleMoves struct {
	Role  string
	Moves []move
}

type move struct{ From, Condition string }

type flagSet struct {
	Doc  []string
	Bits []constant
}

type structure struct {
	Doc                  []string
	Type, SizeName, Size string
	Fields               []field
	Words                []constant
}

type field struct {
	Doc                            []string
	Type, Name, OffsetName, Offset string
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

type nameRules struct {
	Doc                       []string
	Minimum, Maximum, Pattern string
	PrefixCount               int
	Prefixes                  string
	ByteClass                 []string
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

func protocolView(p ir.Protocol) protocol {
	view := protocol{
		Doc:         doc("Version of protocol " + p.Name + ". " + p.Doc),
		Version:     id(naming.Constant, "protocol", p.Name, "version"),
		Identity:    id(naming.Constant, p.Oieb, "identity_word"),
		IdentityHex: number(p.IdentityWord, "u64"),
	}
	var values []string
	for i, component := range p.Components {
		name := id(naming.Constant, "protocol", p.Name, component)
		view.Components = append(view.Components, constant{Name: name, Value: fmt.Sprint(p.Version[i])})
		values = append(values, fmt.Sprint(p.Version[i]))
	}
	view.Values = strings.Join(values, ", ")
	return view
}

func rolesView(roles []ir.Role) enum {
	view := enum{Doc: doc("A party of the protocol."), Type: "Role", Base: scalars["u8"], ToString: "to_string"}
	for _, r := range roles {
		view.Values = append(view.Values, member{
			Doc: doc(r.Doc), Name: id(naming.Member, r.Name), Text: backend.Quote(r.Name), Value: fmt.Sprint(r.Index),
		})
	}
	return view
}

func enumView(e ir.Enum) enum {
	view := enum{Doc: doc(e.Doc), Type: id(naming.Type, e.Name), Base: scalars[e.Type], ToString: "to_string"}
	for _, v := range e.Values {
		view.Values = append(view.Values, member{
			Doc: doc(v.Doc), Name: id(naming.Member, v.Name), Text: backend.Quote(v.Name), Value: number(v.Value, e.Type),
		})
	}
	return view
}

func stateMachineView(m ir.StateMachine) stateMachine {
	view := stateMachine{enum: enumView(m.Enum), MayFollow: id(naming.Function, m.Name, "may_follow")}
	for _, role := range m.Moves {
		moves := roleMoves{Role: id(naming.Member, role.Role)}
		for _, from := range role.From {
			var conditions []string
			for _, to := range from.To {
				conditions = append(conditions, "to == "+view.Type+"::"+id(naming.Member, to))
			}
			moves.Moves = append(moves.Moves, move{From: id(naming.Member, from.From), Condition: strings.Join(conditions, " || ")})
		}
		view.Roles = append(view.Roles, moves)
	}
	return view
}

func flagSetView(f ir.FlagSet) flagSet {
	view := flagSet{Doc: doc(f.Doc)}
	for _, b := range f.Bits {
		view.Bits = append(view.Bits, constant{
			Doc: doc(b.Doc + " Set by the " + b.By + "."), Type: scalars[f.Type],
			Name: id(naming.Constant, f.Name, b.Name), Value: fmt.Sprintf("%s{1} << %d", scalars[f.Type], b.Bit),
		})
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

func structView(s ir.Struct) structure {
	text := s.Doc
	if s.Alignment == 1 {
		text += " It stands at any address: copy it by std::memcpy."
	}
	view := structure{
		Doc: doc(text), Type: id(naming.Type, s.Name), SizeName: id(naming.Constant, s.Name, "size"), Size: fmt.Sprint(s.Size),
	}
	for _, f := range s.Fields {
		kind := scalars[f.Type]
		if f.Count > 0 {
			kind = fmt.Sprintf("std::array<%s, %d>", kind, f.Count)
		}
		view.Fields = append(view.Fields, field{
			Doc: doc(backend.FieldDoc(f)), Type: kind, Name: id(naming.Field, f.Name),
			OffsetName: id(naming.Constant, s.Name, f.Name, "offset"), Offset: hex(f.Offset),
		})
	}
	for _, w := range s.Words {
		view.Words = append(view.Words, constant{
			Doc: doc(w.Doc), Name: id(naming.Constant, s.Name, w.Name, "offset"), Value: hex(w.Offset),
		})
	}
	return view
}

func segmentView(s ir.Segment) segment {
	view := segment{
		Doc: doc(s.Doc), Type: id(naming.Type, "segment", s.Name), Resolve: id(naming.Function, "resolve_segment", s.Name), Sized: s.Sized,
		ResolveDoc: doc("Lays a segment out for the given sizes in bytes, wanted or stored: stored ones are rounded already and stay as they are. " +
			"Empty for a rounded size below its minimum or above its limit."),
		Length: fmt.Sprint(s.FixedLength),
	}
	var parameters, tooLarge, outOfRange []string
	for _, input := range s.Inputs {
		name := id(naming.Parameter, input.Name)
		parameters = append(parameters, "std::uint64_t "+name)
		tooLarge = append(tooLarge, name+" > "+id(naming.Constant, input.Maximum))
	}
	for _, r := range s.Regions {
		placed := region{Doc: doc(r.Doc), Name: id(naming.Field, r.Name), Offset: start(r), Size: fmt.Sprint(r.Size)}
		if r.Input != "" {
			end := endName(r.Name)
			view.Ends = append(view.Ends, constant{
				Name: end, Value: fmt.Sprintf("detail::round_up(%s + %s, %d)", start(r), id(naming.Parameter, r.Input), s.Alignment),
			})
			placed.Size = end + " - " + start(r)
			view.Length = end
			size := "resolved." + placed.Name + ".size"
			if r.Minimum > 0 {
				outOfRange = append(outOfRange, fmt.Sprintf("%s < %d", size, r.Minimum))
			}
			outOfRange = append(outOfRange, size+" > "+id(naming.Constant, r.Maximum))
		}
		view.Regions = append(view.Regions, placed)
	}
	view.Parameters = strings.Join(parameters, ", ")
	view.TooLarge = strings.Join(tooLarge, " ||\n      ")
	view.OutOfRange = strings.Join(outOfRange, " ||\n      ")
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
	var parameters []string
	for _, p := range t.Parameters {
		parameters = append(parameters, "std::string_view "+id(naming.Parameter, p))
	}
	view.Parameters = strings.Join(parameters, ", ")
	var parts []string
	for _, part := range t.Parts {
		if part.Parameter != "" {
			parts = append(parts, id(naming.Parameter, part.Parameter))
		} else {
			parts = append(parts, backend.Quote(part.Literal))
		}
	}
	view.Expression = strings.Join(parts, ", ")
	return view
}

func (w *wire) addPath(p ir.Path) {
	if p.Mode != nil {
		w.Folders = append(w.Folders, constant{
			Doc: doc("Permission bits of the folder, the sticky bit included."), Type: "std::uint32_t",
			Name: id(naming.Constant, p.Name, "mode"), Value: number(*p.Mode, "u32"),
		})
	}
	if len(p.Template.Parameters) > 0 {
		w.Templates = append(w.Templates, functionView(id(naming.Function, p.Name, "path"), p.Doc, p.Template))
		return
	}
	w.Folders = append(w.Folders, constant{
		Doc: doc(p.Doc), Type: "std::string_view", Name: id(naming.Constant, p.Name), Value: backend.Quote(p.Template.Text),
	})
}

func nameRulesView(n ir.NameRules) nameRules {
	view := nameRules{
		Doc: doc(n.Doc), Minimum: fmt.Sprint(n.Minimum), Maximum: fmt.Sprint(n.Maximum), Pattern: backend.Quote(n.Pattern),
		PrefixCount: len(n.ForbiddenPrefixes),
	}
	var prefixes []string
	for _, p := range n.ForbiddenPrefixes {
		prefixes = append(prefixes, backend.Quote(p))
	}
	view.Prefixes = strings.Join(prefixes, ", ")
	for _, r := range n.Ranges {
		view.ByteClass = append(view.ByteClass, fmt.Sprintf("(c >= '%s' && c <= '%s')", r.First, r.Last))
	}
	for _, single := range n.Singles {
		view.ByteClass = append(view.ByteClass, fmt.Sprintf("c == '%c'", single))
	}
	return view
}
