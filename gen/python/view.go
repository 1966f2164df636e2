package python

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
	Enums          []enum
	Flags          []enum
	Moves          []stateMachine
	Groups         [][]constant
	Structs        []structure
	Segments       []segment
	Functions      []function
	Names          nameRules
}

type constant struct {
	Doc         []string
	Name, Value string
}

type enum struct {
	Doc    []string
	Type   string
	Values []constant
}

type stateMachine struct {
	Type, Table, MayFollow string
	Triples                []string
}

type structure struct {
	Doc            []string
	SizeName, Size string
	Offsets        []constant
	Name           string
	Fields         []field
}

type field struct{ Name, Offset, Width, Type, Count, Format string }

type segment struct {
	Doc, ResolveDoc           []string
	Type, Resolve, Parameters string
	Sized                     bool
	Regions                   []region
	Ends                      []constant
	Length                    string
	TooLarge, OutOfRange      []string
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
	Doc                                 []string
	Minimum, Maximum, Pattern, Prefixes string
	ByteClass                           string
}

const commentWidth = 100

// formats are the codes of Python's struct module.
var formats = map[ir.Scalar]string{
	"u8": "B", "u16": "H", "u32": "I", "u64": "Q", "i8": "b", "i16": "h", "i32": "i", "i64": "q",
}

func id(kind naming.Kind, parts ...string) string { return naming.Python.Identifier(kind, parts...) }

// docstring escapes what could end or change a docstring.
var docstring = strings.NewReplacer(`\`, `\\`, `"`, `'`)

func doc(text string) []string { return backend.Wrap(docstring.Replace(text), commentWidth) }

func number(n ir.Integer) string { return backend.Number(n, "0o") }

func hex(n uint64) string { return fmt.Sprintf("0x%02X", n) }

func wireView(d *ir.Document) wire {
	view := wire{Marker: d.Marker, Digest: backend.Quote(d.Digest), Names: nameRulesView(d.Names)}
	view.Enums = append(view.Enums, rolesView(d.Roles))
	for _, m := range d.States {
		view.Enums = append(view.Enums, enumView(m.Enum))
		view.Moves = append(view.Moves, stateMachineView(m))
	}
	for _, e := range d.Enums {
		view.Enums = append(view.Enums, enumView(e))
	}
	for _, f := range d.Flags {
		view.Flags = append(view.Flags, flagsView(f))
	}
	for _, p := range d.Protocols {
		view.Groups = append(view.Groups, protocolConstants(p))
	}
	view.Groups = append(view.Groups, constants(d.Constants), constants(d.Limits), defaults(d.Defaults))
	for _, s := range d.Structs {
		view.Structs = append(view.Structs, structView(s))
	}
	for _, s := range d.Segments {
		view.Segments = append(view.Segments, segmentView(s))
	}
	for _, s := range d.Semaphores {
		view.Functions = append(view.Functions, functionView(id(naming.Function, s.Name, "semaphore"), "Name of the semaphore. "+s.Doc, s.Template))
	}
	var folders []constant
	for _, p := range d.Paths {
		if p.Mode != nil {
			folders = append(folders, constant{
				Doc: doc("Permission bits of the folder, the sticky bit included."), Name: id(naming.Constant, p.Name, "mode"), Value: number(*p.Mode),
			})
		}
		if len(p.Template.Parameters) > 0 {
			view.Functions = append(view.Functions, functionView(id(naming.Function, p.Name, "path"), p.Doc, p.Template))
			continue
		}
		folders = append(folders, constant{Doc: doc(p.Doc), Name: id(naming.Constant, p.Name), Value: backend.Quote(p.Template.Text)})
	}
	view.Groups = append(view.Groups, folders)
	return view
}

func protocolConstants(p ir.Protocol) []constant {
	var version []string
	for _, part := range p.Version {
		version = append(version, fmt.Sprint(part))
	}
	return []constant{
		{Doc: doc("Version of protocol " + p.Name + ": " + strings.Join(p.Components[:], ", ") + "."),
			Name: id(naming.Constant, "protocol", p.Name, "version"), Value: "(" + strings.Join(version, ", ") + ")"},
		{Doc: doc("The first eight bytes of a " + p.Name + " segment, read as one little-endian number."),
			Name: id(naming.Constant, p.Oieb, "identity_word"), Value: number(p.IdentityWord)},
	}
}

func constants(list []ir.Constant) []constant {
	var views []constant
	for _, c := range list {
		views = append(views, constant{Doc: doc(backend.WithUnit(c.Doc, c.Unit)), Name: id(naming.Constant, c.Name), Value: number(c.Value)})
	}
	return views
}

func defaults(list []ir.Default) []constant {
	var views []constant
	for _, d := range list {
		view := constant{Doc: doc(backend.WithUnit(d.Doc, d.Unit)), Name: id(naming.Constant, "default", d.Protocol, d.Name), Value: number(d.Value)}
		if d.Duration != nil {
			view.Doc = doc(d.Doc)
			view.Value = fmt.Sprintf("timedelta(%s=%s)", *d.Duration, view.Value)
		}
		views = append(views, view)
	}
	return views
}

func rolesView(roles []ir.Role) enum {
	view := enum{Doc: doc("A party of the protocol."), Type: "Role"}
	for _, r := range roles {
		view.Values = append(view.Values, constant{Doc: doc(r.Doc), Name: id(naming.Member, r.Name), Value: fmt.Sprint(r.Index)})
	}
	return view
}

func enumView(e ir.Enum) enum {
	view := enum{Doc: doc(e.Doc), Type: id(naming.Type, e.Name)}
	for _, v := range e.Values {
		view.Values = append(view.Values, constant{Doc: doc(v.Doc), Name: id(naming.Member, v.Name), Value: number(v.Value)})
	}
	return view
}

func flagsView(f ir.FlagSet) enum {
	view := enum{Doc: doc(f.Doc), Type: id(naming.Type, f.Name)}
	for _, b := range f.Bits {
		view.Values = append(view.Values, constant{
			Doc: doc(b.Doc + " Set by the " + b.By + "."), Name: id(naming.Member, b.Name), Value: fmt.Sprintf("1 << %d", b.Bit),
		})
	}
	return view
}

func stateMachineView(m ir.StateMachine) stateMachine {
	view := stateMachine{
		Type: id(naming.Type, m.Name), Table: "_" + id(naming.Constant, m.Name, "moves"), MayFollow: id(naming.Function, m.Name, "may_follow"),
	}
	for _, role := range m.Moves {
		for _, from := range role.From {
			for _, to := range from.To {
				view.Triples = append(view.Triples, fmt.Sprintf("(%s.%s, %s.%s, Role.%s)",
					view.Type, id(naming.Member, from.From), view.Type, id(naming.Member, to), id(naming.Member, role.Role)))
			}
		}
	}
	return view
}

func structView(s ir.Struct) structure {
	view := structure{
		Doc: doc(s.Doc), SizeName: id(naming.Constant, s.Name, "size"), Size: fmt.Sprint(s.Size), Name: backend.Quote(s.Name),
	}
	for _, f := range s.Fields {
		view.Offsets = append(view.Offsets, constant{
			Doc: doc(backend.FieldDoc(f)), Name: id(naming.Constant, s.Name, f.Name, "offset"), Value: hex(f.Offset),
		})
		view.Fields = append(view.Fields, field{
			Name: backend.Quote(f.Name), Offset: hex(f.Offset), Width: fmt.Sprint(f.Width), Type: backend.Quote(string(f.Type)),
			Count: fmt.Sprint(f.Count), Format: backend.Quote(format(f)),
		})
	}
	for _, w := range s.Words {
		view.Offsets = append(view.Offsets, constant{
			Doc:  doc(w.Doc + " The same bytes as " + strings.Join(w.Covers, ", ") + "; stored " + w.Store + ", loaded " + w.Load + "."),
			Name: id(naming.Constant, s.Name, w.Name, "offset"), Value: hex(w.Offset),
		})
	}
	return view
}

// format is the field for the struct module, little-endian: "<Q" or "<4B".
func format(f ir.Field) string {
	if f.Count > 0 {
		return fmt.Sprintf("<%d%s", f.Count, formats[f.Type])
	}
	return "<" + formats[f.Type]
}

func segmentView(s ir.Segment) segment {
	view := segment{
		Doc: doc(s.Doc), Type: id(naming.Type, "segment", s.Name), Resolve: id(naming.Function, "resolve_segment", s.Name), Sized: s.Sized,
		ResolveDoc: doc("Lays a segment out for the given sizes in bytes, wanted or stored: stored ones are rounded already and stay as they are. " +
			"None for a rounded size below its minimum or above its limit."),
		Length: fmt.Sprint(s.FixedLength),
	}
	var parameters []string
	for _, input := range s.Inputs {
		name := id(naming.Parameter, input.Name)
		parameters = append(parameters, name+": int")
		view.TooLarge = append(view.TooLarge, fmt.Sprintf("0 <= %s <= %s", name, id(naming.Constant, input.Maximum)))
	}
	for _, r := range s.Regions {
		placed := region{Doc: doc(r.Doc), Name: id(naming.Field, r.Name), Offset: start(r), Size: fmt.Sprint(r.Size)}
		if r.Input != "" {
			end := endName(r.Name)
			view.Ends = append(view.Ends, constant{
				Name: end, Value: fmt.Sprintf("_round_up(%s + %s, %d)", start(r), id(naming.Parameter, r.Input), s.Alignment),
			})
			placed.Size = end + " - " + start(r)
			view.Length = end
			view.OutOfRange = append(view.OutOfRange, fmt.Sprintf("%d <= resolved.%s.size <= %s", r.Minimum, placed.Name, id(naming.Constant, r.Maximum)))
		}
		view.Regions = append(view.Regions, placed)
	}
	view.Parameters = strings.Join(parameters, ", ")
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
		parameters = append(parameters, id(naming.Parameter, p)+": str")
	}
	var parts []string
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
	view := nameRules{
		Doc: doc(n.Doc), Minimum: fmt.Sprint(n.Minimum), Maximum: fmt.Sprint(n.Maximum), Pattern: backend.Quote(n.Pattern),
	}
	var prefixes, conditions []string
	for _, p := range n.ForbiddenPrefixes {
		prefixes = append(prefixes, backend.Quote(p))
	}
	view.Prefixes = tuple(prefixes)
	for _, r := range n.Ranges {
		conditions = append(conditions, fmt.Sprintf("%q <= c <= %q", r.First, r.Last))
	}
	if n.Singles != "" {
		conditions = append(conditions, "c in "+backend.Quote(n.Singles))
	}
	view.ByteClass = strings.Join(conditions, " or ")
	return view
}

// tuple prints a tuple literal; one of a single element needs a comma.
func tuple(elements []string) string {
	if len(elements) == 1 {
		return "(" + elements[0] + ",)"
	}
	return "(" + strings.Join(elements, ", ") + ")"
}
