package gen_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/gen/internal/toolchain"
)

// The tests below compile the checked-in files, each language alone.

func TestGoCompilesEverywhere(t *testing.T) {
	toolchain.CompileGo(t, absolute(t), toolchain.Targets())
}

func TestCppCompiles(t *testing.T) {
	for _, compiler := range cppCompilers() {
		t.Run(compiler, func(t *testing.T) { toolchain.CompileCpp(t, absolute(t), compiler) })
	}
}

// cppCompilers is g++, which is required, and clang++ on machines that have it too.
func cppCompilers() []string {
	compilers := []string{"g++"}
	if _, err := exec.LookPath("clang++"); err == nil {
		compilers = append(compilers, "clang++")
	}
	return compilers
}

func TestCSharpCompiles(t *testing.T) { toolchain.CompileCSharp(t, absolute(t)) }

func TestPythonImports(t *testing.T) { toolchain.CompilePython(t, absolute(t)) }

func absolute(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(repository)
	require.NoError(t, err)
	return root
}
