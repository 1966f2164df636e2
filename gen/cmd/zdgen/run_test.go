package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/gen/ir"
)

const repository = "../../.."

// command runs zdgen and returns its exit code and what it printed.
func command(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// workspace is a folder with a copy of the spec and everything generated from it.
func workspace(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	source, err := os.ReadFile(filepath.Join(repository, ir.SpecPath))
	require.NoError(t, err)
	put(t, root, ir.SpecPath, string(source))
	code, _, stderr := command("-root", root)
	require.Zero(t, code, stderr)
	return root
}

func put(t *testing.T, root, path, content string) {
	t.Helper()
	full := filepath.Join(root, path)
	require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(t, os.WriteFile(full, []byte(content), 0o644))
}

// TestCheckedInFilesAreCurrent is the drift gate for this repository.
func TestCheckedInFilesAreCurrent(t *testing.T) {
	code, stdout, stderr := command("-root", repository, "-check")
	assert.Equal(t, exitOK, code, stdout+stderr)
}

func TestCheckFindsDrift(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, root string)
		want   string
	}{
		"edited": {func(t *testing.T, root string) {
			path := filepath.Join(root, "cpp/include/zeroduplex/generated/wire.hpp")
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, bytes.Replace(content, []byte("oieb_v2_size = 88"), []byte("oieb_v2_size = 96"), 1), 0o644))
		}, "cpp/include/zeroduplex/generated/wire.hpp: changed"},
		"missing": {func(t *testing.T, root string) {
			require.NoError(t, os.Remove(filepath.Join(root, "go/errors_gen.go")))
		}, "go/errors_gen.go: missing"},
		"stale": {func(t *testing.T, root string) {
			content, err := os.ReadFile(filepath.Join(root, "go/errors_gen.go"))
			require.NoError(t, err)
			put(t, root, "go/internal/wire/old_gen.go", string(content))
		}, "go/internal/wire/old_gen.go: stale"},
		"protocol text": {func(t *testing.T, root string) {
			path := filepath.Join(root, "spec/PROTOCOL.md")
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, bytes.Replace(content, []byte("| 0x08"), []byte("| 0x09"), 1), 0o644))
		}, "spec/PROTOCOL.md: changed"},
		"spec": {func(t *testing.T, root string) {
			path := filepath.Join(root, ir.SpecPath)
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(path, bytes.Replace(content, []byte("value: 4096"), []byte("value: 8192"), 1), 0o644))
		}, "go/internal/wire/protocol_gen.go: changed"},
	} {
		t.Run(name, func(t *testing.T) {
			root := workspace(t)
			code, stdout, stderr := command("-root", root, "-check")
			require.Equal(t, exitOK, code, stdout+stderr)
			c.change(t, root)
			code, stdout, stderr = command("-root", root, "-check")
			assert.Equal(t, exitFailure, code)
			assert.Contains(t, stdout, c.want)
			assert.Contains(t, stderr, "go generate ./...")
			code, _, stderr = command("-root", root)
			require.Equal(t, exitOK, code, stderr)
			code, stdout, _ = command("-root", root, "-check")
			assert.Equal(t, exitOK, code, stdout)
		})
	}
}

// TestCheckWritesNothing compares modification times before and after a check that finds drift.
func TestCheckWritesNothing(t *testing.T) {
	root := workspace(t)
	path := filepath.Join(root, "go/errors_gen.go")
	require.NoError(t, os.WriteFile(path, []byte("edited"), 0o644))
	code, _, _ := command("-root", root, "-check")
	assert.Equal(t, exitFailure, code)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "edited", string(content))
}

func TestViolationsAreReported(t *testing.T) {
	root := t.TempDir()
	content, err := os.ReadFile(filepath.Join(repository, "gen/testdata/invalid/gap.yaml"))
	require.NoError(t, err)
	put(t, root, ir.SpecPath, string(content))
	code, _, stderr := command("-root", root)
	assert.Equal(t, exitFailure, code)
	assert.Regexp(t, `^spec/zeroduplex\.yaml:\d+:\d+: .* \[gap\]\n$`, stderr)
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	assert.Len(t, entries, 1, "something was written although the spec is wrong")
}

func TestDumpIR(t *testing.T) {
	code, stdout, stderr := command("-root", repository, "-dump-ir")
	require.Equal(t, exitOK, code, stderr)
	var document ir.Document
	require.NoError(t, json.Unmarshal([]byte(stdout), &document))
	assert.Equal(t, "zeroduplex", document.Name)
	assert.NotEmpty(t, document.Structs)
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-nonsense"}, {"argument"}, {"-check", "-dump-ir"}} {
		code, _, stderr := command(args...)
		assert.Equal(t, exitUsage, code, args)
		assert.Contains(t, stderr, "usage: zdgen")
	}
	code, _, _ := command("-help")
	assert.Equal(t, exitOK, code)
}

func TestNoSpec(t *testing.T) {
	code, _, stderr := command("-root", t.TempDir())
	assert.Equal(t, exitFailure, code)
	assert.Contains(t, stderr, "no such file")
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	root := t.TempDir()
	content, err := os.ReadFile(filepath.Join(repository, ir.SpecPath))
	require.NoError(t, err)
	put(t, root, ir.SpecPath, string(content))
	var out bytes.Buffer
	assert.Equal(t, exitFailure, run(ctx, []string{"-root", root}, strings.NewReader(""), &out, &out))
	assert.NoFileExists(t, filepath.Join(root, "go/errors_gen.go"))
}
