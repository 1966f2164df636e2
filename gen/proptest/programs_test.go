package proptest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zeroduplex/zeroduplex/gen/internal/toolchain"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

// language builds a program over generated bindings. The program's argument is "write": it prints "struct number hex" for every
// sample; or "read": it reads such lines and prints "struct number value value …".
type language struct {
	*naming.Language
	build func(t testing.TB, l language, samples []sample, root, work string) (command []string, environment []string)
}

func languages() []language {
	return []language{{naming.Go, buildGo}, {naming.Cpp, buildCpp}, {naming.CSharp, buildCSharp}, {naming.Python, buildPython}}
}

// run runs a program over a file of input.
func run(t testing.TB, work string, command, environment []string, mode, input string) []string {
	t.Helper()
	path := filepath.Join(work, mode+".txt")
	require.NoError(t, os.WriteFile(path, []byte(input), 0o644))
	out := toolchain.Run(t, work, environment, command[0], append(command[1:], mode, path)...)
	return strings.Split(strings.TrimSpace(out), "\n")
}

func save(t testing.TB, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

// records are the distinct structs of samples, in order.
func records(samples []sample) []record {
	var list []record
	for _, v := range samples {
		if len(list) == 0 || list[len(list)-1].name != v.name {
			list = append(list, v.record)
		}
	}
	return list
}

func buildGo(t testing.TB, l language, samples []sample, root, work string) ([]string, []string) {
	sources, err := filepath.Glob(filepath.Join(root, "go/internal/wire/*_gen.go"))
	require.NoError(t, err)
	require.NotEmpty(t, sources)
	for _, source := range sources {
		content, err := os.ReadFile(source)
		require.NoError(t, err)
		save(t, filepath.Join(work, filepath.Base(source)), strings.Replace(string(content), "\npackage wire\n", "\npackage main\n", 1))
	}
	save(t, filepath.Join(work, "go.mod"), "module property\n\ngo 1.24\n")
	var b strings.Builder
	b.WriteString(`package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"unsafe"
)

// bits keeps constants from being checked against the type they are converted to.
func bits(v uint64) uint64 { return v }

func write[T any](name string, number int, s *T) {
	fmt.Println(name, number, hex.EncodeToString(unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s))))
}

func read[T any](text string) *T {
	s := new(T)
	if n, err := hex.Decode(unsafe.Slice((*byte)(unsafe.Pointer(s)), unsafe.Sizeof(*s)), []byte(text)); err != nil || n != int(unsafe.Sizeof(*s)) {
		panic(fmt.Sprint(n, err))
	}
	return s
}

func main() {
	if os.Args[1] == "write" {
		writeAll()
		return
	}
	file, err := os.Open(os.Args[2])
	if err != nil {
		panic(err)
	}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		cells := strings.Fields(lines.Text())
		fmt.Print(cells[0], " ", cells[1])
		readOne(cells[0], cells[2])
		fmt.Println()
	}
}

func writeAll() {
`)
	member := func(f field, i int) string {
		name := l.Identifier(naming.Field, f.name)
		if f.count > 0 {
			name += fmt.Sprintf("[%d]", i)
		}
		return name
	}
	types := map[string]string{"u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64", "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64"}
	for _, v := range samples {
		fmt.Fprintf(&b, "\t{\n\t\tvar s %s\n", l.Identifier(naming.Type, v.name))
		for i, f := range v.fields {
			for j, value := range v.values[i] {
				form := "\t\ts.%s = %s(bits(%d))\n"
				if f.atomic {
					form = "\t\ts.%s.Store(%s(bits(%d)))\n"
				}
				fmt.Fprintf(&b, form, member(f, j), types[f.scalar.Name], value)
			}
		}
		fmt.Fprintf(&b, "\t\twrite(%q, %d, &s)\n\t}\n", v.name, v.number)
	}
	b.WriteString("}\n\nfunc readOne(name, text string) {\n\tswitch name {\n")
	for _, s := range records(samples) {
		fmt.Fprintf(&b, "\tcase %q:\n\t\ts := read[%s](text)\n", s.name, l.Identifier(naming.Type, s.name))
		for _, f := range s.fields {
			for j := range int(f.elements()) {
				value := "s." + member(f, j)
				if f.atomic {
					value += ".Load()"
				}
				fmt.Fprintf(&b, "\t\tfmt.Print(\" \", uint%d(%s))\n", 8*f.scalar.Width, value)
			}
		}
	}
	b.WriteString("\tdefault:\n\t\tpanic(name)\n\t}\n}\n")
	save(t, filepath.Join(work, "main.go"), b.String())
	toolchain.Run(t, work, []string{"GOWORK=off", "GOFLAGS=-mod=mod"}, "go", "build", "-o", "property", ".")
	return []string{filepath.Join(work, "property")}, nil
}

func buildCpp(t testing.TB, l language, samples []sample, root, work string) ([]string, []string) {
	var b strings.Builder
	b.WriteString(`#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <zeroduplex/generated/wire.hpp>
using namespace zeroduplex::wire;

template <typename T> void write(const char* name, int number, const T& s) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&s);
  std::cout << name << ' ' << number << ' ';
  for (std::size_t i = 0; i < sizeof s; ++i) std::cout << "0123456789abcdef"[bytes[i] >> 4] << "0123456789abcdef"[bytes[i] & 15];
  std::cout << '\n';
}

template <typename T> T read(const std::string& text) {
  T s{};
  if (text.size() != 2 * sizeof s) throw std::runtime_error("wrong length");
  for (std::size_t i = 0; i < sizeof s; ++i) {
    const auto byte = static_cast<unsigned char>(std::stoul(text.substr(2 * i, 2), nullptr, 16));
    std::memcpy(reinterpret_cast<unsigned char*>(&s) + i, &byte, 1);
  }
  return s;
}

static void write_all() {
`)
	member := func(f field, i int) string {
		name := l.Identifier(naming.Field, f.name)
		if f.count > 0 {
			name += fmt.Sprintf("[%d]", i)
		}
		return name
	}
	for _, v := range samples {
		fmt.Fprintf(&b, "  {\n    %s s{};\n", l.Identifier(naming.Type, v.name))
		for i, f := range v.fields {
			for j, value := range v.values[i] {
				fmt.Fprintf(&b, "    s.%s = static_cast<std::remove_reference_t<decltype(s.%s)>>(%dULL);\n", member(f, j), member(f, j), value)
			}
		}
		fmt.Fprintf(&b, "    write(%q, %d, s);\n  }\n", v.name, v.number)
	}
	b.WriteString("}\n\nstatic void read_one(const std::string& name, const std::string& text) {\n")
	for _, s := range records(samples) {
		fmt.Fprintf(&b, "  if (name == %q) {\n    const auto s = read<%s>(text);\n", s.name, l.Identifier(naming.Type, s.name))
		for _, f := range s.fields {
			for j := range int(f.elements()) {
				fmt.Fprintf(&b, "    std::cout << ' ' << static_cast<std::uint64_t>(static_cast<std::uint%d_t>(s.%s));\n", 8*f.scalar.Width, member(f, j))
			}
		}
		b.WriteString("    return;\n  }\n")
	}
	b.WriteString(`  throw std::runtime_error(name);
}

int main(int, char** argv) {
  if (std::string(argv[1]) == "write") {
    write_all();
    return 0;
  }
  std::ifstream file(argv[2]);
  for (std::string name, number, text; file >> name >> number >> text;) {
    std::cout << name << ' ' << number;
    read_one(name, text);
    std::cout << '\n';
  }
}
`)
	save(t, filepath.Join(work, "property.cpp"), b.String())
	toolchain.Run(t, work, nil, "g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-I", filepath.Join(root, "cpp/include"), "property.cpp", "-o", "property")
	return []string{filepath.Join(work, "property")}, nil
}

func buildCSharp(t testing.TB, l language, samples []sample, root, work string) ([]string, []string) {
	var b strings.Builder
	b.WriteString(`using System;
using System.IO;

namespace ZeroDuplex
{
    static unsafe class Property
    {
        static void Write(string name, int number, byte* bytes, int size)
        {
            Console.Write(name + " " + number + " ");
            for (int i = 0; i < size; i++) Console.Write(bytes[i].ToString("x2"));
            Console.WriteLine();
        }

        static void Read(string text, byte* bytes, int size)
        {
            if (text.Length != 2 * size) throw new Exception("wrong length");
            for (int i = 0; i < size; i++) bytes[i] = Convert.ToByte(text.Substring(2 * i, 2), 16);
        }

        static void Main(string[] args)
        {
            if (args[0] == "write")
            {
                WriteAll();
                return;
            }
            foreach (string line in File.ReadAllLines(args[1]))
            {
                string[] cells = line.Split(' ');
                Console.Write(cells[0] + " " + cells[1]);
                ReadOne(cells[0], cells[2]);
                Console.WriteLine();
            }
        }

        static void WriteAll()
        {
`)
	member := func(f field, i int) string {
		name := l.Identifier(naming.Field, f.name)
		if f.count > 0 {
			name += fmt.Sprintf("[%d]", i)
		}
		return name
	}
	types := map[string]string{"u8": "byte", "u16": "ushort", "u32": "uint", "u64": "ulong", "i8": "sbyte", "i16": "short", "i32": "int", "i64": "long"}
	unsigned := map[uint64]string{1: "byte", 2: "ushort", 4: "uint", 8: "ulong"}
	for _, v := range samples {
		name := l.Identifier(naming.Type, v.name)
		fmt.Fprintf(&b, "            {\n                var s = new %s();\n", name)
		for i, f := range v.fields {
			for j, value := range v.values[i] {
				fmt.Fprintf(&b, "                s.%s = unchecked((%s)%dUL);\n", member(f, j), types[f.scalar.Name], value)
			}
		}
		fmt.Fprintf(&b, "                Write(%q, %d, (byte*)&s, sizeof(%s));\n            }\n", v.name, v.number, name)
	}
	b.WriteString("        }\n\n        static void ReadOne(string name, string text)\n        {\n")
	for _, s := range records(samples) {
		name := l.Identifier(naming.Type, s.name)
		fmt.Fprintf(&b, "            if (name == %q)\n            {\n                %s s;\n                Read(text, (byte*)&s, sizeof(%s));\n", s.name, name, name)
		for _, f := range s.fields {
			for j := range int(f.elements()) {
				fmt.Fprintf(&b, "                Console.Write(\" \" + unchecked((%s)s.%s));\n", unsigned[f.scalar.Width], member(f, j))
			}
		}
		b.WriteString("                return;\n            }\n")
	}
	b.WriteString("            throw new Exception(name);\n        }\n    }\n}\n")
	save(t, filepath.Join(work, "Property.cs"), b.String())
	toolchain.Require(t, "mono")
	toolchain.Run(t, work, nil, "mcs", "-unsafe", "-langversion:latest", "-out:property.exe", "Property.cs",
		filepath.Join(root, "csharp/src/ZeroDuplex/Generated/Wire.cs"))
	return []string{"mono", filepath.Join(work, "property.exe")}, nil
}

// buildPython goes through the table of structs, which is what the Python bindings are.
func buildPython(t testing.TB, _ language, samples []sample, root, work string) ([]string, []string) {
	var b strings.Builder
	b.WriteString(`import struct
import sys

import wire

STRUCTS = {s.name: s for s in wire.STRUCTS}


def signed(value, width):
    return value - (1 << 8 * width) if value >> (8 * width - 1) else value


def write(name, number, values):
    layout = STRUCTS[name]
    content = bytearray(layout.size)
    assert len(values) == len(layout.fields)
    for field in layout.fields:
        elements = values[field.name]
        width = field.width // len(elements)
        if field.format[-1].islower():
            elements = [signed(value, width) for value in elements]
        struct.pack_into(field.format, content, field.offset, *elements)
    print(name, number, content.hex())


def read(name, number, text):
    layout = STRUCTS[name]
    content = bytes.fromhex(text)
    assert len(content) == layout.size
    values = []
    for field in layout.fields:
        elements = struct.unpack_from(field.format, content, field.offset)
        bits = 8 * field.width // len(elements)
        values += [value % (1 << bits) for value in elements]
    print(name, number, *values)


if sys.argv[1] == "write":
`)
	for _, v := range samples {
		fmt.Fprintf(&b, "    write(%q, %d, {", v.name, v.number)
		for i, elements := range v.values {
			fmt.Fprintf(&b, "%q: [%s], ", v.fields[i].name, strings.Trim(strings.ReplaceAll(fmt.Sprint(elements), " ", ", "), "[]"))
		}
		b.WriteString("})\n")
	}
	b.WriteString("else:\n    for line in open(sys.argv[2]):\n        read(*line.split())\n")
	save(t, filepath.Join(work, "property.py"), b.String())
	return []string{"python3", filepath.Join(work, "property.py")}, []string{
		"PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=" + filepath.Join(root, "python/src/zeroduplex/_generated"),
	}
}
