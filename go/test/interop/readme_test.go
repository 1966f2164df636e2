package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// quickStart is the README's block of a language, on a channel of the test's own.
func quickStart(t *testing.T, language, channel string) string {
	readme, err := os.ReadFile(filepath.Join("..", "..", "..", "README.md"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(readme), "```"+language+"\n")
	require.True(t, found, "the README has no %s block", language)
	block, _, found := strings.Cut(after, "```")
	require.True(t, found)
	require.Equal(t, 2, strings.Count(block, `"invert"`), "one server, one client")
	return strings.ReplaceAll(block, `"invert"`, fmt.Sprintf("%q", channel))
}

// build compiles a program and runs it. It must print how many bytes came back right.
func build(t *testing.T, source, program string, compile *exec.Cmd, code string) {
	require.NoError(t, os.WriteFile(source, []byte(code), 0o600))
	printed, err := compile.CombinedOutput()
	require.NoError(t, err, "%s\n%s", code, printed)
	printed, err = exec.Command(program).CombinedOutput()
	require.NoError(t, err, "%s", printed)
	assert.Equal(t, "1024 bytes\n", string(printed))
}

func TestTheGoQuickStartOfTheREADMEWorks(t *testing.T) {
	channel := newChannel(t)
	imports, body, found := strings.Cut(quickStart(t, "go", channel), "\n")
	require.True(t, found)
	folder := foreignModule(t)
	program := filepath.Join(folder, "program")
	compile := exec.Command("go", "build", "-o", program)
	compile.Dir = folder
	build(t, filepath.Join(folder, "main.go"), program, compile, `package main

import ("context"; "fmt")
`+imports+`
func use(data []byte) {
	for i, b := range data { if b != ^byte(i) { panic(i) } }
	fmt.Println(len(data), "bytes")
}
func main() {
	ctx := context.Background()
	pixels := make([]byte, 1024)
	for i := range pixels { pixels[i] = byte(i) }
`+body+`
	if err == nil { err = client.Close() }
	if err == nil { err = server.Close() }
	if err != nil { panic(err) }
}
`)
}

// foreignModule is a folder with a module of its own that uses the SDK as it is here.
func foreignModule(t *testing.T) string {
	folder := t.TempDir()
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	require.NoError(t, err)
	for _, name := range []string{"go.mod", "go.sum"} {
		content, err := os.ReadFile(filepath.Join("..", "module", name))
		require.NoError(t, err)
		moved := strings.ReplaceAll(string(content), "=> ../../..", "=> "+root)
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(moved), 0o600))
	}
	return folder
}

func TestTheCppQuickStartOfTheREADMEWorks(t *testing.T) {
	channel := newChannel(t)
	include, body, found := strings.Cut(quickStart(t, "cpp", channel), "\n")
	require.True(t, found)
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	require.NoError(t, err)
	library := filepath.Join(root, "build", "cpp", "release", "libzeroduplex.a")
	require.FileExists(t, library, "run `make peers`")
	folder := t.TempDir()
	source, program := filepath.Join(folder, "main.cpp"), filepath.Join(folder, "program")
	build(t, source, program, exec.Command("g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-I", filepath.Join(root, "cpp", "include"), "-o", program, source, library, "-pthread"), include+`
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <span>
#include <vector>
static void use(std::span<const std::byte> data) {
  for (std::size_t i = 0; i < data.size(); ++i) if (data[i] != ~std::byte(i & 0xFF)) std::exit(1);
  std::cout << data.size() << " bytes\n";
}
int main() {
  std::vector<std::byte> pixels(1024);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = std::byte(i & 0xFF);
`+body+`
}
`)
}

func TestTheCSharpQuickStartOfTheREADMEWorks(t *testing.T) {
	channel := newChannel(t)
	using, body, found := strings.Cut(quickStart(t, "csharp", channel), "\n")
	require.True(t, found)
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	require.NoError(t, err)
	// With Mono, also where dotnet is installed and built the rest.
	printed, err := exec.Command("make", "-C", filepath.Join(root, "csharp"), "DOTNET=", "build").CombinedOutput()
	require.NoError(t, err, "%s", printed)
	library := filepath.Join(root, "build", "csharp", "mono", "ZeroDuplex.dll")
	folder := t.TempDir()
	content, err := os.ReadFile(library)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "ZeroDuplex.dll"), content, 0o600))
	source, program := filepath.Join(folder, "Program.cs"), filepath.Join(folder, "program")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\nexec mono "+program+".exe\n"), 0o700))
	build(t, source, program, exec.Command("mcs", "-langversion:latest", "-warnaserror", "-r:"+library, "-out:"+program+".exe", source), "using System;\n"+using+`
static class Program
{
    static void Use(ReadOnlySpan<byte> data)
    {
        for (int i = 0; i < data.Length; i++) if (data[i] != (byte)~i) Environment.Exit(1);
        Console.WriteLine(data.Length + " bytes");
    }
    static void Main()
    {
        var pixels = new byte[1024];
        for (int i = 0; i < pixels.Length; i++) pixels[i] = (byte)i;
`+body+`
        client.Dispose();
        server.Dispose();
    }
}
`)
}

func TestThePythonQuickStartOfTheREADMEWorks(t *testing.T) {
	channel := newChannel(t)
	python, err := filepath.Abs(filepath.Join("..", "..", "..", "build", "python", "venv", "bin", "python"))
	require.NoError(t, err)
	require.FileExists(t, python, "run `make peers`")
	folder := t.TempDir()
	source, program := filepath.Join(folder, "main.py"), filepath.Join(folder, "program")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\nexec "+python+" "+source+"\n"), 0o700))
	build(t, source, program, exec.Command(python, "-m", "py_compile", source), `
pixels = bytes(i & 0xFF for i in range(1024))

def use(data):
    assert bytes(data) == bytes(~b & 0xFF for b in pixels)
    print(len(data), "bytes")

`+quickStart(t, "python", channel)+`
client.close()
server.close()
`)
}
