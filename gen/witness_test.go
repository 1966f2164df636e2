package gen_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/zeroduplex/zeroduplex/gen"
	"github.com/zeroduplex/zeroduplex/gen/internal/probe"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/output"
	"github.com/zeroduplex/zeroduplex/gen/spec"
)

// repository is the root of the repository, seen from this package.
const repository = ".."

// TestWitness compares the checked-in bindings of every language with the table that people typed.
func TestWitness(t *testing.T) {
	root, err := filepath.Abs(repository)
	require.NoError(t, err)
	witness := loadWitness(t)
	for _, language := range probe.Languages() {
		t.Run(language.Name, func(t *testing.T) {
			layout := language.Probe(t, resolve(t, readSpec(t)), root, t.TempDir())
			for name, want := range witness {
				assert.Equal(t, want, layout[name], name)
			}
		})
	}
}

// TestWitnessSeesAMovedField swaps two fields in a copy of the spec, which stays valid, and expects every language to
// contradict the witness.
func TestWitnessSeesAMovedField(t *testing.T) {
	moved := swap(t, readSpec(t), "payload_written_count", "payload_read_count")
	document := resolve(t, moved)
	files, err := gen.Files(document, gen.Languages())
	require.NoError(t, err)
	root := t.TempDir()
	tree := output.Tree{Root: root}
	changes, err := tree.Compare(files)
	require.NoError(t, err)
	require.NoError(t, tree.Apply(changes))
	witness := loadWitness(t)
	for _, language := range probe.Languages() {
		t.Run(language.Name, func(t *testing.T) {
			layout := language.Probe(t, document, root, t.TempDir())
			assert.NotEqual(t, witness["oieb_v2"], layout["oieb_v2"], "the witness did not notice that two fields changed places")
			assert.Equal(t, witness["frame_header_v2"], layout["frame_header_v2"])
		})
	}
}

// TestOffsetAloneIsRefused moves one field without its neighbours: such a spec never reaches a back end.
func TestOffsetAloneIsRefused(t *testing.T) {
	source := strings.Replace(string(readSpec(t)), "offset: 0x38", "offset: 0x40", 1)
	_, err := spec.Parse([]byte(source), "spec")
	var violations spec.Errors
	require.ErrorAs(t, err, &violations)
	assert.Equal(t, spec.RuleGap, violations[0].Rule)
}

func loadWitness(t *testing.T) probe.Layout {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(repository, "conformance/witness/offsets.yaml"))
	require.NoError(t, err)
	assert.False(t, output.Marked(content), "the witness must never be generated")
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	var witness probe.Layout
	require.NoError(t, decoder.Decode(&witness))
	for _, name := range []string{"oieb_v1", "oieb_v2", "frame_header_v1", "frame_header_v2"} {
		require.NotEmpty(t, witness[name].Fields, name)
	}
	return witness
}

func readSpec(t *testing.T) []byte {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(repository, filepath.FromSlash(ir.SpecPath)))
	require.NoError(t, err)
	return source
}

func resolve(t *testing.T, source []byte) *ir.Document {
	t.Helper()
	model, err := spec.Parse(source, "spec")
	require.NoError(t, err)
	return ir.Resolve(model)
}

// swap exchanges the first occurrences of two field names.
func swap(t *testing.T, source []byte, one, other string) []byte {
	t.Helper()
	require.Contains(t, string(source), "name: "+one+"\n")
	text := strings.Replace(string(source), "name: "+one+"\n", "name: #\n", 1)
	text = strings.Replace(text, "name: "+other+"\n", "name: "+one+"\n", 1)
	return []byte(strings.Replace(text, "name: #\n", "name: "+other+"\n", 1))
}
