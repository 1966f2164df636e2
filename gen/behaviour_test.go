package gen_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/gen/internal/probe"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/spec"
)

// TestBehaviour asks the functions of the checked-in bindings of every language the same questions and compares the
// answers with those of the model, which does not know the emitted code.
func TestBehaviour(t *testing.T) {
	model, err := spec.Parse(readSpec(t), "spec")
	require.NoError(t, err)
	document := ir.Resolve(model)
	questions := probe.Questions{Sizes: map[string][][]uint64{}, Names: names()}
	for _, g := range model.Segments {
		questions.Sizes[g.Name] = sizes(model, g)
	}
	want := answers(model, questions)
	require.Greater(t, len(want), 200)
	for _, language := range probe.Languages() {
		t.Run(language.Name, func(t *testing.T) {
			got := probe.Ask(t, language.Name, document, questions, absolute(t), t.TempDir())
			assert.Equal(t, want, got)
		})
	}
}

// sizes are those of the examples, bounds and beyond, random ones, and of each that is legal what a segment would
// store: laying that out again must change nothing.
func sizes(model *spec.Spec, g spec.Segment) [][]uint64 {
	inputs := spec.Inputs(g)
	bounds := func(input string) []uint64 {
		limit := model.Limit(spec.InputMaximum(g, input)).Value.Uint64()
		return []uint64{0, 1, 63, 64, 65, 128, limit - 64, limit - 1, limit, limit + 1, math.MaxUint64}
	}
	var all [][]uint64
	for _, e := range g.Examples {
		var one []uint64
		for _, input := range inputs {
			one = append(one, e.Sizes[input])
		}
		all = append(all, one)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		var one []uint64
		for _, input := range inputs {
			choice := append(bounds(input), random.Uint64N(1<<20), random.Uint64N(1<<20), random.Uint64N(1<<20))
			one = append(one, choice[random.IntN(len(choice))])
		}
		all = append(all, one)
	}
	for _, one := range slices.Clone(all) {
		if placed, _, ok := place(model, g, one); ok {
			var stored []uint64
			for i, r := range g.Regions {
				if r.SizedBy != "" {
					stored = append(stored, placed[i].Size)
				}
			}
			all = append(all, stored)
		}
	}
	return all
}

func place(model *spec.Spec, g spec.Segment, sizes []uint64) (placed []spec.Placed, length uint64, ok bool) {
	bySize := map[string]uint64{}
	for i, input := range spec.Inputs(g) {
		bySize[input] = sizes[i]
		if sizes[i] > model.Limit(spec.InputMaximum(g, input)).Value.Uint64() {
			return nil, 0, false
		}
	}
	placed, length = spec.Place(model, g, bySize)
	for i, r := range g.Regions {
		if r.SizedBy != "" && (placed[i].Size < *r.Minimum || placed[i].Size > model.Limit(r.Maximum).Value.Uint64()) {
			return nil, 0, false
		}
	}
	return placed, length, true
}

func names() []string {
	return []string{
		"", "a", "Z9._-x", ".a", "sem.a", "sem", "a.sem.", "a/b", "a b", "-", "_", "ä", "a\tb", "a:", "a@", "a[", "a`", "a{",
		strings.Repeat("n", 200), strings.Repeat("n", 201),
	}
}

// answers gives what bindings must answer, from the model alone.
func answers(model *spec.Spec, q probe.Questions) probe.Answers {
	var all probe.Answers
	yes := map[bool]string{true: "yes", false: "no"}
	for _, g := range model.Segments {
		for _, one := range q.Sizes[g.Name] {
			answer := probe.SegmentQuestion(g.Name, one) + ":"
			if placed, length, ok := place(model, g, one); ok {
				for _, p := range placed {
					answer += fmt.Sprintf(" %d %d", p.Offset, p.Size)
				}
				answer += fmt.Sprintf(" %d", length)
			} else {
				answer += " refused"
			}
			all = append(all, answer)
		}
	}
	for _, name := range q.Names {
		all = append(all, probe.NameQuestion(name)+": "+yes[legal(model.Names, name)])
	}
	replace := strings.NewReplacer("{name}", probe.Arguments["name"], "{kind}", probe.Arguments["kind"], "{tmpdir}", probe.Arguments["tmpdir"])
	for _, s := range model.Semaphores {
		all = append(all, s.Name+"_semaphore: "+replace.Replace(s.Template))
	}
	for _, p := range model.Paths {
		if strings.Contains(p.Template, "{") {
			all = append(all, p.Name+"_path: "+replace.Replace(p.Template))
		}
	}
	for _, m := range model.States {
		for _, from := range m.Values {
			for _, to := range m.Values {
				for _, role := range model.Roles {
					may := slices.ContainsFunc(m.Transitions, func(t spec.Transition) bool {
						return slices.Contains(t.From, from.Name) && t.To == to.Name && t.By == role.Name
					})
					all = append(all, probe.MoveQuestion(m.Name, from.Name, to.Name, role.Name)+": "+yes[may])
				}
			}
		}
	}
	return all
}

func legal(rules spec.NameRules, name string) bool {
	for _, prefix := range rules.ForbiddenPrefixes {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	ranges, err := spec.ByteClass(rules.Pattern)
	if err != nil || uint64(len(name)) < rules.Minimum || uint64(len(name)) > rules.Maximum {
		return false
	}
	for i := range len(name) {
		if !slices.ContainsFunc(ranges, func(r spec.ByteRange) bool { return r.First <= name[i] && name[i] <= r.Last }) {
			return false
		}
	}
	return true
}
