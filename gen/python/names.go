package python

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
	Doc                                 []string
	Minimum, Maximum, Pattern, Prefixes string
	ByteClass                           string
}

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
