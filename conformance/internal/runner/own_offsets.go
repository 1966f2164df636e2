package runner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zeroduplex/zeroduplex/conformance/witness"
)

// offsets compares what an agent said of its structs with the layout typed by hand.
func (x *execution) offsets(actor string, needed []string) (any, error) {
	agent, err := x.agent(actor)
	if err != nil {
		return nil, err
	}
	var problems []string
	reported := map[string]bool{}
	for _, s := range agent.Hello.Structs {
		want, known := witness.Structs[s.Name]
		if !known {
			problems = append(problems, fmt.Sprintf("%s is no struct of the protocol", s.Name))
			continue
		}
		reported[s.Name] = true
		if s.Size != want.Size {
			problems = append(problems, fmt.Sprintf("%s has %d bytes, not %d", s.Name, s.Size, want.Size))
		}
		seen := map[string]bool{}
		for _, f := range s.Fields {
			seen[f.Name] = true
			if at := want.Fields[f.Name]; at != [2]uint64{f.Offset, f.Width} {
				problems = append(problems, fmt.Sprintf("%s.%s is at %d with %d bytes, not at %d with %d", s.Name, f.Name, f.Offset, f.Width, at[0], at[1]))
			}
		}
		for f := range want.Fields {
			if !seen[f] {
				problems = append(problems, fmt.Sprintf("%s.%s is missing", s.Name, f))
			}
		}
	}
	for _, name := range needed {
		if !reported[name] {
			problems = append(problems, name+" is missing")
		}
	}
	slices.Sort(problems)
	return map[string]any{"problems": strings.Join(problems, "; ")}, nil
}
