package csharp

import (
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

type function struct {
	Doc                          []string
	Name, Parameters, Expression string
}

type nameRules struct{ ByteClass string }

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
