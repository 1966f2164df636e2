package suite

import (
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/conformance/internal/value"
)

// Case is a template with its axes settled.
type Case struct {
	// Name is suite/case, or suite/case[axis=value,axis=value].
	Name     string
	Suite    *Suite
	Template *Template
	// Variables are the axes' values.
	Variables value.Scope
}

// Expand gives every case of the suites, in order.
func Expand(suites []*Suite) []Case {
	var cases []Case
	for _, s := range suites {
		for i := range s.Cases {
			t := &s.Cases[i]
			for _, v := range combinations(t.Axes) {
				c := Case{Name: s.Name + "/" + t.Name, Suite: s, Template: t, Variables: value.Scope{}}
				var parts []string
				for j, a := range t.Axes {
					c.Variables[a.Name] = v[j]
					parts = append(parts, fmt.Sprintf("%s=%v", a.Name, v[j]))
				}
				if len(parts) > 0 {
					c.Name += "[" + strings.Join(parts, ",") + "]"
				}
				cases = append(cases, c)
			}
		}
	}
	return cases
}

func combinations(axes Axes) [][]any {
	all := [][]any{nil}
	for _, a := range axes {
		var next [][]any
		for _, prefix := range all {
			for _, v := range a.Values {
				next = append(next, append(append([]any{}, prefix...), v))
			}
		}
		all = next
	}
	return all
}
