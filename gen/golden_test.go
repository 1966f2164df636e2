package gen_test

import (
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/gen"
	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/docs"
	"github.com/zeroduplex/zeroduplex/gen/internal/toolchain"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/spec"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

const goldenFolder = "testdata/golden"

// TestGolden compares what each small spec gives with checked-in files, which show a reviewer how output changes. A
// missing file is an error, and so is one that nothing generates.
func TestGolden(t *testing.T) {
	for _, feature := range features(t) {
		t.Run(feature, func(t *testing.T) {
			files := generate(t, filepath.Join(goldenFolder, feature, "spec.yaml"))
			expected := filepath.Join(goldenFolder, feature, "expected")
			if *update {
				require.NoError(t, os.RemoveAll(expected))
				writeFiles(t, expected, files)
			}
			want := map[string]string{}
			for _, f := range files {
				want[f.Path] = string(f.Content)
			}
			assert.Equal(t, readTree(t, expected), want, "run `go test ./gen -run TestGolden -update` and review the difference")
		})
	}
}

// TestGoldenFilesCompile compiles what each small spec gives, so that goldens cannot preserve a mistake.
func TestGoldenFilesCompile(t *testing.T) {
	for _, feature := range features(t) {
		t.Run(feature, func(t *testing.T) {
			root := t.TempDir()
			writeFiles(t, root, generate(t, filepath.Join(goldenFolder, feature, "spec.yaml")))
			toolchain.CompileGo(t, root, []toolchain.Target{{System: "linux", Architecture: "amd64"}, {System: "linux", Architecture: "386"}})
			toolchain.CompileCpp(t, root, "g++")
			toolchain.CompileCSharp(t, root)
			toolchain.CompilePython(t, root)
		})
	}
}

func features(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(goldenFolder)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.NotEmpty(t, names)
	return names
}

// generate runs the whole pipeline over a spec, the protocol text from its skeleton.
func generate(t *testing.T, path string) []backend.File {
	t.Helper()
	model, err := spec.Load(path, filepath.ToSlash(path))
	require.NoError(t, err)
	files, err := gen.Files(ir.Resolve(model), append(gen.Languages(), docs.Backend{}))
	require.NoError(t, err)
	return files
}

func writeFiles(t *testing.T, root string, files []backend.File) {
	t.Helper()
	for _, f := range files {
		path := filepath.Join(root, filepath.FromSlash(f.Path))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, f.Content, 0o644))
	}
}

func readTree(t *testing.T, root string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		tree[filepath.ToSlash(relative)] = string(content)
		return err
	}))
	return tree
}
