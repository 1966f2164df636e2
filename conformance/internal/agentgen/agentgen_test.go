package agentgen

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGeneratedFilesAreWhatTheSchemaGives(t *testing.T) {
	content, err := os.ReadFile("../../../" + SchemaPath)
	require.NoError(t, err)
	files, err := Files(content)
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, f := range files {
		disk, err := os.ReadFile("../../../" + f.Path)
		require.NoError(t, err)
		assert.Equal(t, string(f.Content), string(disk), "%s: run go generate ./conformance/...", f.Path)
	}
}

const small = `
protocol_version: 1
roles: [{ name: server, doc: x }]
outcomes: []
handlers: []
messages:
  - { name: nothing, doc: Nothing., fields: [] }
operations:
  - { name: rest, role: server, doc: Rests., args: [{ name: long, type: integer, doc: How long. }], result: nothing }
`

func TestParseRefuses(t *testing.T) {
	_, err := Parse([]byte(small))
	require.NoError(t, err)
	for name, c := range map[string]struct{ old, new, says string }{
		"unknown key":    {"doc: Rests.", "doc: Rests., note: x", "note"},
		"no version":     {"protocol_version: 1", "protocol_version: 0", "protocol_version"},
		"unknown type":   {"type: integer", "type: float", `unknown type "float"`},
		"unknown role":   {"role: server", "role: referee", `unknown role "referee"`},
		"unknown result": {"result: nothing", "result: all", `unknown result "all"`},
		"no doc":         {"doc: How long.", `doc: ""`, "no doc"},
		"twice":          {"doc: How long. }", "doc: How long. }, { name: long, type: integer, doc: x }", "twice"},
		"optional list":  {"type: integer", `type: "[integer]", optional: true`, "never optional"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(strings.Replace(small, c.old, c.new, 1)))
			assert.ErrorContains(t, err, c.says)
		})
	}
}
