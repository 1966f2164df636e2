// Package probe asks compiled bindings where their fields really are: for each language it writes a small program
// against the generated files, runs it, and returns what offsetof and its kin answered.
package probe

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/zeroduplex/zeroduplex/gen/internal/toolchain"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

// Layout maps a struct to its layout.
type Layout map[string]Struct

// Struct is a size and its fields, by name.
type Struct struct {
	Size   uint64              `yaml:"size"`
	Fields map[string][]uint64 `yaml:"fields"`
}

// Language probes one language: root is a repository's folder with generated files, work an empty folder.
type Language struct {
	Name  string
	Probe func(t testing.TB, document *ir.Document, root, work string) Layout
}

// Languages lists the probes of all languages.
func Languages() []Language {
	return []Language{
		{naming.Go.Name, probeGo}, {naming.Cpp.Name, probeCpp}, {naming.CSharp.Name, probeCSharp}, {naming.Python.Name, probePython},
	}
}

// probeGo compiles a copy of package wire together with a program that prints Sizeof and Offsetof.
func probeGo(t testing.TB, d *ir.Document, root, work string) Layout {
	copyWire(t, root, work)
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n\t\"fmt\"\n\t\"unsafe\"\n)\n\nfunc main() {\n")
	for _, s := range d.Structs {
		name := naming.Go.Identifier(naming.Type, s.Name)
		fmt.Fprintf(&b, "\tfmt.Println(%q, %q, unsafe.Sizeof(%s{}), 0)\n", s.Name, sizeRow, name)
		for _, f := range s.Fields {
			member := name + "{}." + naming.Go.Identifier(naming.Field, f.Name)
			fmt.Fprintf(&b, "\tfmt.Println(%q, %q, unsafe.Offsetof(%s), unsafe.Sizeof(%s))\n", s.Name, f.Name, member, member)
		}
	}
	b.WriteString("}\n")
	write(t, filepath.Join(work, "main.go"), b.String())
	return parse(t, toolchain.Run(t, work, []string{"GOWORK=off", "GOFLAGS=-mod=mod"}, "go", "run", "."))
}

func probeCpp(t testing.TB, d *ir.Document, root, work string) Layout {
	var b strings.Builder
	b.WriteString("#include <cstdio>\n#include <zeroduplex/generated/wire.hpp>\nusing namespace zeroduplex::wire;\nint main() {\n")
	for _, s := range d.Structs {
		name := naming.Cpp.Identifier(naming.Type, s.Name)
		fmt.Fprintf(&b, "  std::printf(\"%s %s %%zu 0\\n\", sizeof(%s));\n", s.Name, sizeRow, name)
		for _, f := range s.Fields {
			member := naming.Cpp.Identifier(naming.Field, f.Name)
			fmt.Fprintf(&b, "  std::printf(\"%s %s %%zu %%zu\\n\", offsetof(%s, %s), sizeof(%s::%s));\n", s.Name, f.Name, name, member, name, member)
		}
	}
	b.WriteString("}\n")
	write(t, filepath.Join(work, "probe.cpp"), b.String())
	toolchain.Run(t, work, nil, "g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-I", filepath.Join(root, "cpp/include"), "probe.cpp", "-o", "probe")
	return parse(t, toolchain.Run(t, work, nil, filepath.Join(work, "probe")))
}

// probeCSharp takes widths from the layout that the marshaller reports: of a fixed buffer, its element times count.
func probeCSharp(t testing.TB, d *ir.Document, root, work string) Layout {
	var b strings.Builder
	b.WriteString("using System;\nusing System.Runtime.InteropServices;\nnamespace ZeroDuplex\n{\n    static class Probe\n    {\n        static unsafe void Main()\n        {\n")
	for _, s := range d.Structs {
		name := naming.CSharp.Identifier(naming.Type, s.Name)
		fmt.Fprintf(&b, "            Console.WriteLine(\"%s %s {0} 0\", Marshal.SizeOf(typeof(%s)));\n", s.Name, sizeRow, name)
		for _, f := range s.Fields {
			member := naming.CSharp.Identifier(naming.Field, f.Name)
			fmt.Fprintf(&b, "            Console.WriteLine(\"%s %s {0} {1}\", Marshal.OffsetOf(typeof(%s), \"%s\"), Marshal.SizeOf(typeof(%s).GetField(\"%s\").FieldType));\n",
				s.Name, f.Name, name, member, name, member)
		}
	}
	b.WriteString("        }\n    }\n}\n")
	write(t, filepath.Join(work, "Probe.cs"), b.String())
	toolchain.Require(t, "mono")
	toolchain.Run(t, work, nil, "mcs", "-unsafe", "-warnaserror", "-langversion:latest", "-out:probe.exe", "Probe.cs",
		filepath.Join(root, "csharp/src/ZeroDuplex/Generated/Wire.cs"))
	return parse(t, toolchain.Run(t, work, nil, "mono", "probe.exe"))
}

// probePython compares constants and table with each other on the way: they are all that Python has of a struct.
func probePython(t testing.TB, _ *ir.Document, root, work string) Layout {
	write(t, filepath.Join(work, "probe.py"), `import struct
import wire
for s in wire.STRUCTS:
    print(s.name, "`+sizeRow+`", getattr(wire, s.name.upper() + "_SIZE"), 0)
    assert getattr(wire, s.name.upper() + "_SIZE") == s.size
    for f in s.fields:
        assert f.width == struct.calcsize(f.format), f
        assert f.offset == getattr(wire, s.name.upper() + "_" + f.name.upper() + "_OFFSET"), f
        print(s.name, f.name, f.offset, struct.calcsize(f.format))
`)
	return parse(t, toolchain.Run(t, work, []string{
		"PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=" + filepath.Join(root, "python/src/zeroduplex/_generated"),
	}, "python3", "probe.py"))
}

// sizeRow marks the line of a struct's size among those of its fields.
const sizeRow = "#size"

func parse(t testing.TB, output string) Layout {
	t.Helper()
	layout := Layout{}
	for _, line := range strings.Split(strings.TrimSpace(output), "\n") {
		cells := strings.Fields(line)
		if len(cells) != 4 {
			t.Fatalf("a probe printed %q", line)
		}
		first, second := number(t, cells[2]), number(t, cells[3])
		if cells[1] == sizeRow {
			layout[cells[0]] = Struct{Size: first, Fields: map[string][]uint64{}}
			continue
		}
		layout[cells[0]].Fields[cells[1]] = []uint64{first, second}
	}
	return layout
}

func number(t testing.TB, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	check(t, err)
	return n
}

func write(t testing.TB, path, content string) {
	t.Helper()
	check(t, os.WriteFile(path, []byte(content), 0o644))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
