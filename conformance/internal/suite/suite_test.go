package suite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeroduplex/zeroduplex/conformance"
	"github.com/zeroduplex/zeroduplex/conformance/internal/suite"
	"github.com/zeroduplex/zeroduplex/conformance/internal/value"
)

// Loading enforces names, operations, arguments and members; the bounds guard against suites that got lost silently.
func TestEmbeddedSuites(t *testing.T) {
	suites, err := suite.Load(conformance.Suites())
	require.NoError(t, err)
	files, err := filepath.Glob("../../suites/*.yaml")
	require.NoError(t, err)
	assert.Len(t, suites, len(files))
	templates := 0
	orders := map[int]string{}
	for _, s := range suites {
		templates += len(s.Cases)
		assert.Empty(t, orders[s.Order], "%s and %s have the same place", s.Name, orders[s.Order])
		orders[s.Order] = s.Name
	}
	assert.GreaterOrEqual(t, templates, 370)
	cases := suite.Expand(suites)
	assert.GreaterOrEqual(t, len(cases), 800)
	seen := map[string]bool{}
	for _, c := range cases {
		assert.False(t, seen[c.Name], c.Name)
		seen[c.Name] = true
	}
}

const minimal = `
suite: some
title: Some
doc: Something.
cases:
  - name: one
    doc: One.
    steps:
      - { do: client.call, with: { size: 1, seed: 2 } }
`

func TestParse(t *testing.T) {
	s, err := suite.Parse("folder/some.yaml", []byte(minimal))
	require.NoError(t, err)
	assert.Equal(t, 9, s.Cases[0].Steps[0].Line)
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ old, new, says string }{
		"unknown key of a suite":      {"title: Some", "title: Some\nauthor: me", "author"},
		"unknown key of a case":       {"    doc: One.", "    doc: One.\n    skip: true", "skip"},
		"unknown key of a step":       {"{ do:", "{ sleep: 3, do:", `a step has no "sleep"`},
		"another name than the file":  {"suite: some", "suite: other", "asks for"},
		"case that is not kebab-case": {"name: one", "name: One_Case", "kebab-case"},
		"case without a doc":          {"    doc: One.\n", "", "doc is missing"},
		"unknown actor":               {"client.call", "referee.call", `unknown actor "referee"`},
		"unknown operation":           {"client.call", "client.jump", `no operation "jump"`},
		"operation of the other role": {"client.call", "server.call", `no operation "call"`},
		"unknown argument":            {"seed: 2", "seed: 2, sed: 3", `no argument "sed"`},
		"missing argument":            {", seed: 2", "", `needs "seed"`},
		"unknown member":              {"with:", "expect: { sice: 3 }, with:", `gives no "sice"`},
		"unknown member of an error":  {"with:", "error: closed, expect: { size: 3 }, with:", `gives no "size"`},
		"two things in a step":        {"{ do:", "{ pending: x, do:", "exactly one"},
		"nothing in the background":   {"{ do: client.call, with: { size: 1, seed: 2 } }", "{ await: ghost }", `nothing called "ghost"`},
		"judging what has not come":   {"with:", "background: b, expect: { size: 1 }, with:", "where it is awaited"},
		"steps without repeat":        {"{ do: client.call, with: { size: 1, seed: 2 } }", "steps: [{ do: client.close }]", "repeat"},
		"axis without values":         {"    doc: One.", "    doc: One.\n    axes: { size: [] }", "needs a lower_snake_case name and values"},
		"value that is none":          {"seed: 2", "seed: 2.5", "is no value"},
		"unknown ability of the host": {"    doc: One.", "    doc: One.\n    host: [wings]", "wings"},
		"argument of create":          {"    doc: One.", "    doc: One.\n    server: { size: 4 }", `no argument "size"`},
		"case that is there twice":    {"  - name: one", "  - name: one\n    doc: x\n    steps: [{ do: client.close }]\n  - name: one", "twice"},
		"second document":             {"suite: some", "suite: some", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(minimal, c.old, c.new, 1)
			if name == "second document" {
				text += "---\nsuite: more\n"
				c.says = "more than one document"
			}
			_, err := suite.Parse("some.yaml", []byte(text))
			assert.ErrorContains(t, err, c.says)
		})
	}
}

func TestExpand(t *testing.T) {
	s, err := suite.Parse("some.yaml", []byte(strings.Replace(minimal, "    doc: One.", "    doc: One.\n    axes: { b: [1, 2], a: [x] }", 1)))
	require.NoError(t, err)
	var names []string
	cases := suite.Expand([]*suite.Suite{s})
	for _, c := range cases {
		names = append(names, c.Name)
	}
	assert.Equal(t, []string{"some/one[b=1,a=x]", "some/one[b=2,a=x]"}, names)
	assert.Equal(t, value.Scope{"b": uint64(2), "a": "x"}, cases[1].Variables)
}

func TestLoadNamesTheFile(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "broken.yaml"), []byte("suite: ["), 0o644))
	_, err := suite.Load(os.DirFS(folder))
	assert.ErrorContains(t, err, "broken.yaml")
}
