package cpp

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

type nameRules struct {
	Doc                       []string
	Minimum, Maximum, Pattern string
	PrefixCount               int
	Prefixes                  string
	ByteClass                 []string
}

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
