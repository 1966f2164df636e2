package toolchain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The hand-written parts that generated files need, cut down to what makes them compile alone.
const (
	goErrors = `package zeroduplex

type errorInfo struct {
	Code            ErrorCode
	Name            string
	Parent          ErrorCode
	Retryable       bool
	Meaning, Remedy string
}

type sentinel ErrorCode

func (s sentinel) Error() string { return errorTable[0].Name }
`
	cppError = `#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
namespace zeroduplex {
enum class ErrorCode : std::int32_t;
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string detail) : std::runtime_error(detail), code_(code) {}
  ErrorCode code() const noexcept { return code_; }
 private:
  ErrorCode code_;
};
}
#include <zeroduplex/generated/errors.hpp>
`
	cppProgram = `#include <zeroduplex/generated/wire.hpp>
#include <zeroduplex/error.hpp>
int main() {
  for (int code = -1; code < 100; ++code) {
    const auto kind = static_cast<zeroduplex::ErrorCode>(code);
    if (zeroduplex::error_name(kind).empty()) return 1;
    try {
      zeroduplex::throw_error(kind, "detail");
    } catch (const zeroduplex::Error& e) {
      if (e.code() != kind) return 2;
    }
  }
  return zeroduplex::wire::valid_name("") ? 3 : 0;
}
`
	csharpProgram = `using System;
namespace ZeroDuplex
{
    static class Program
    {
        static int Main()
        {
            foreach (ErrorCode code in Enum.GetValues(typeof(ErrorCode)))
            {
                ZeroDuplexException e = ErrorCatalogue.Create(code, "detail");
                if (e.Code != code || !e.Message.StartsWith("detail (") || e.Detail != "detail")
                {
                    return 1;
                }
            }

            return Wire.ValidName("") ? 2 : 0;
        }
    }
}
`
	pythonProgram = `from _generated import errors, wire
assert not wire.valid_name("")
for code, kind in errors.ERROR_CLASSES.items():
    error = kind("detail")
    assert error.code == code and str(error).startswith("detail ("), error
    assert isinstance(error, errors.ZeroDuplexError)
`
)

// Target is an operating system and architecture that Go code must compile for.
type Target struct{ System, Architecture string }

// Targets lists them: every supported system, with a 32-bit architecture among each but macOS, which has none.
func Targets() []Target {
	return []Target{
		{"linux", "amd64"}, {"linux", "386"}, {"linux", "arm64"},
		{"windows", "amd64"}, {"windows", "386"}, {"windows", "arm64"},
		{"darwin", "amd64"}, {"darwin", "arm64"},
	}
}

// CompileGo builds and vets the generated Go files of a repository's folder for the given targets.
func CompileGo(t testing.TB, root string, targets []Target) {
	t.Helper()
	work := t.TempDir()
	place(t, filepath.Join(work, "go.mod"), "module generated\n\ngo 1.24\n")
	sources, err := filepath.Glob(filepath.Join(root, "go/internal/wire/*_gen.go"))
	fatal(t, err)
	if len(sources) == 0 {
		t.Fatal("no generated Go files")
	}
	for _, source := range sources {
		place(t, filepath.Join(work, "wire", filepath.Base(source)), read(t, source))
	}
	place(t, filepath.Join(work, "errors.go"), goErrors)
	place(t, filepath.Join(work, "errors_gen.go"), read(t, filepath.Join(root, "go/errors_gen.go")))
	for _, target := range targets {
		environment := []string{"GOOS=" + target.System, "GOARCH=" + target.Architecture, "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS="}
		Run(t, work, environment, "go", "build", "./...")
		Run(t, work, environment, "go", "vet", "./...")
	}
}

// CompileCpp compiles the generated headers with warnings as errors and runs a program that uses them.
func CompileCpp(t testing.TB, root, compiler string) {
	t.Helper()
	work := t.TempDir()
	place(t, filepath.Join(work, "include/zeroduplex/error.hpp"), cppError)
	place(t, filepath.Join(work, "main.cpp"), cppProgram)
	Run(t, work, nil, compiler, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror",
		"-I", "include", "-I", filepath.Join(root, "cpp/include"), "main.cpp", "-o", "main")
	Run(t, work, nil, filepath.Join(work, "main"))
}

// CompileCSharp compiles the generated files alone with warnings as errors and runs a program that uses them.
func CompileCSharp(t testing.TB, root string) {
	t.Helper()
	work := t.TempDir()
	place(t, filepath.Join(work, "Program.cs"), csharpProgram)
	generated := filepath.Join(root, "csharp/src/ZeroDuplex/Generated")
	Require(t, "mono")
	Run(t, work, nil, "mcs", "-unsafe", "-warn:4", "-warnaserror", "-langversion:latest", "-out:program.exe", "Program.cs",
		filepath.Join(generated, "Wire.cs"), filepath.Join(generated, "Errors.cs"))
	Run(t, work, nil, "mono", "program.exe")
}

// CompilePython imports the generated modules alone, with warnings as errors, and uses them.
func CompilePython(t testing.TB, root string) {
	t.Helper()
	work := t.TempDir()
	place(t, filepath.Join(work, "program.py"), pythonProgram)
	Run(t, work, []string{
		"PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=" + filepath.Join(root, "python/src/zeroduplex"),
	}, "python3", "-W", "error", "program.py")
}

func place(t testing.TB, path, content string) {
	t.Helper()
	fatal(t, os.MkdirAll(filepath.Dir(path), 0o755))
	fatal(t, os.WriteFile(path, []byte(content), 0o644))
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	fatal(t, err)
	return strings.ReplaceAll(string(content), "\r\n", "\n")
}

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
