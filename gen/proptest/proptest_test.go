package proptest

import (
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeroduplex/zeroduplex/gen"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
	"github.com/zeroduplex/zeroduplex/gen/spec"
)

var (
	iterations = flag.Int("iterations", 3, "random specs to try")
	seed       = flag.Uint64("seed", 0, "seed of the first spec; 0 takes one from the clock")
)

const (
	structsPerSpec   = 8
	samplesPerStruct = 3
)

// artefacts is where a failing spec and all that was made of it are kept.
const artefacts = "../../build/proptest"

func TestAllLanguagesWriteAndReadTheSameBytes(t *testing.T) {
	first := *seed
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	}
	base, err := os.ReadFile("../../" + ir.SpecPath)
	require.NoError(t, err)
	for i := range *iterations {
		number := first + uint64(i)
		if !t.Run(fmt.Sprintf("seed=%d", number), func(t *testing.T) { try(t, string(base), number) }) {
			t.Logf("try again with: go test ./gen/proptest -args -seed %d -iterations 1; the files are in build/proptest/%d", number, number)
		}
	}
}

func try(t *testing.T, base string, number uint64) {
	r := rand.New(rand.NewPCG(number, 0))
	var all []record
	var samples []sample
	for i := range structsPerSpec {
		s := randomRecord(r, i)
		all = append(all, s)
		for n := range samplesPerStruct {
			samples = append(samples, randomSample(r, s, n))
		}
	}
	root := t.TempDir()
	t.Cleanup(func() {
		if t.Failed() {
			keep(t, root, number)
		}
	})
	generate(t, root, withRecords(base, all))

	written, read := expected(samples)
	type program struct{ command, environment []string }
	programs := map[string]program{}
	for _, l := range languages() {
		work := filepath.Join(root, "programs", l.Name)
		require.NoError(t, os.MkdirAll(work, 0o755))
		command, environment := l.build(t, l, samples, root, work)
		programs[l.Name] = program{command, environment}
	}
	// Each reads what the one before it wrote.
	before := ""
	for _, l := range append(languages(), languages()[0]) {
		p := programs[l.Name]
		work := filepath.Join(root, "programs", l.Name)
		if before != "" {
			assert.Equal(t, read, run(t, work, p.command, p.environment, "read", before), "%s reads something else than was written", l.Name)
		}
		lines := run(t, work, p.command, p.environment, "write", "")
		assert.Equal(t, written, lines, "%s writes other bytes", l.Name)
		before = ""
		for _, line := range lines {
			before += line + "\n"
		}
	}
}

// generate runs the whole generator over the text of a spec.
func generate(t *testing.T, root, text string) {
	t.Helper()
	save(t, filepath.Join(root, "spec.yaml"), text)
	model, err := spec.Load(filepath.Join(root, "spec.yaml"), "spec.yaml")
	require.NoError(t, err, "the random spec is not valid")
	files, err := gen.Files(ir.Resolve(model), gen.Languages())
	require.NoError(t, err)
	for _, f := range files {
		save(t, filepath.Join(root, filepath.FromSlash(f.Path)), string(f.Content))
	}
}

// expected is what every program must print.
func expected(samples []sample) (written, read []string) {
	for _, v := range samples {
		written = append(written, fmt.Sprintf("%s %d %s", v.name, v.number, hex.EncodeToString(v.bytes())))
		read = append(read, v.line())
	}
	return written, read
}

func keep(t *testing.T, root string, number uint64) {
	t.Helper()
	target := filepath.Join(artefacts, fmt.Sprint(number))
	if err := os.RemoveAll(target); err != nil {
		t.Error(err)
		return
	}
	if err := os.CopyFS(target, os.DirFS(root)); err != nil {
		t.Error(err)
	}
}

// A test that could not fail would prove nothing: bindings in which two fields have changed places must be noticed in every language.
func TestBindingsOfAnotherLayoutAreNoticed(t *testing.T) {
	u32 := spec.Scalars["u32"]
	right := record{name: "random_pair_0", alignment: 8, size: 8, fields: []field{{name: "left", scalar: u32}, {name: "right", scalar: u32, offset: 4}}}
	wrong := right
	wrong.fields = []field{{name: "right", scalar: u32}, {name: "left", scalar: u32, offset: 4}}
	samples := []sample{{record: right, values: [][]uint64{{1}, {2}}}}
	base, err := os.ReadFile("../../" + ir.SpecPath)
	require.NoError(t, err)
	root := t.TempDir()
	generate(t, root, withRecords(string(base), []record{wrong}))
	written, read := expected(samples)
	for _, l := range languages() {
		work := filepath.Join(root, "programs", l.Name)
		require.NoError(t, os.MkdirAll(work, 0o755))
		command, environment := l.build(t, l, samples, root, work)
		assert.NotEqual(t, written, run(t, work, command, environment, "write", ""), l.Name)
		if l.Name != naming.Python.Name { // which prints in the order of its table
			assert.NotEqual(t, read, run(t, work, command, environment, "read", written[0]+"\n"), l.Name)
		}
	}
}
