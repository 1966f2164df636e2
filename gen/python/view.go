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
