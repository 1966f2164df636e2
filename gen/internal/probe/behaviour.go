package probe

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zeroduplex/zeroduplex/gen/internal/toolchain"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

// Questions is what to ask the functions of the bindings. Every language must give the same Answers.
type Questions struct {
	// Sizes holds, by segment, the sizes to lay out, in the order of the segment's inputs.
	Sizes map[string][][]uint64
	// Names are candidates for channel names.
	Names []string
}

// Answers are lines, one per question, in the order of the document:
//
//	segment v2 4096 4096 1048576: 0 88 88 88 176 4112 4288 4096 8384 1048576 1056960
//	segment v2 0 0 0: refused
//	name "a b": no
//	request_ready_semaphore: sem-request-ready-N
//	frame_state free request client: yes
type Answers []string

// Arguments are what templates get for their parameters.
var Arguments = map[string]string{"name": "N", "kind": "K", "tmpdir": "T"}

// dialect is how a language calls the functions of its bindings.
type dialect struct {
	language *naming.Language
	// The lines of a program.
	open, close string
	// print prints a constant text and a boolean or textual expression.
	printBool, printText func(text, expression string) string
	segment              func(s ir.Segment, text string, sizes []uint64) string
	call                 func(name string, arguments []string) string
	member               func(enum, name string) string
}

// program writes the questions as a program.
func (l dialect) program(d *ir.Document, q Questions) string {
	var b strings.Builder
	b.WriteString(l.open)
	for _, s := range d.Segments {
		for _, sizes := range q.Sizes[s.Name] {
			b.WriteString(l.segment(s, SegmentQuestion(s.Name, sizes), sizes))
		}
	}
	for _, name := range q.Names {
		b.WriteString(l.printBool(NameQuestion(name), l.call(l.language.Identifier(naming.Function, "valid_name"), []string{fmt.Sprintf("%q", name)})))
	}
	for _, s := range d.Semaphores {
		b.WriteString(l.template(s.Name+"_semaphore", s.Template))
	}
	for _, p := range d.Paths {
		if len(p.Template.Parameters) > 0 {
			b.WriteString(l.template(p.Name+"_path", p.Template))
		}
	}
	for _, m := range d.States {
		for _, from := range m.Values {
			for _, to := range m.Values {
				for _, role := range d.Roles {
					b.WriteString(l.printBool(MoveQuestion(m.Name, from.Name, to.Name, role.Name),
						l.call(l.language.Identifier(naming.Function, m.Name, "may_follow"),
							[]string{l.member(m.Name, from.Name), l.member(m.Name, to.Name), l.member("role", role.Name)})))
				}
			}
		}
	}
	b.WriteString(l.close)
	return b.String()
}

func (l dialect) template(function string, t ir.Template) string {
	arguments := make([]string, len(t.Parameters))
	for i, p := range t.Parameters {
		arguments[i] = fmt.Sprintf("%q", Arguments[p])
	}
	return l.printText(function, l.call(l.language.Identifier(naming.Function, function), arguments))
}

// SegmentQuestion is the beginning of the answer about a segment.
func SegmentQuestion(segment string, sizes []uint64) string {
	return "segment " + segment + joined(sizes, " %d")
}

// NameQuestion is the beginning of the answer about a name; other characters than letters are shown by number.
func NameQuestion(name string) string { return "name " + fmt.Sprintf("%x", name) }

// MoveQuestion is the beginning of the answer about a change of state.
func MoveQuestion(machine, from, to, role string) string {
	return strings.Join([]string{machine, from, to, role}, " ")
}

func joined(numbers []uint64, format string) string {
	var b strings.Builder
	for _, n := range numbers {
		fmt.Fprintf(&b, format, n)
	}
	return b.String()
}

// Ask runs the questions in one language; root and work are as for Probe.
func Ask(t testing.TB, language string, d *ir.Document, q Questions, root, work string) Answers {
	t.Helper()
	var out string
	switch language {
	case naming.Go.Name:
		copyWire(t, root, work)
		write(t, filepath.Join(work, "main.go"), goDialect.program(d, q))
		out = toolchain.Run(t, work, []string{"GOWORK=off", "GOFLAGS=-mod=mod"}, "go", "run", ".")
	case naming.Cpp.Name:
		write(t, filepath.Join(work, "ask.cpp"), cppDialect.program(d, q))
		toolchain.Run(t, work, nil, "g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-I", filepath.Join(root, "cpp/include"), "ask.cpp", "-o", "ask")
		out = toolchain.Run(t, work, nil, filepath.Join(work, "ask"))
	case naming.CSharp.Name:
		write(t, filepath.Join(work, "Ask.cs"), csharpDialect.program(d, q))
		toolchain.Require(t, "mono")
		toolchain.Run(t, work, nil, "mcs", "-unsafe", "-warnaserror", "-langversion:latest", "-out:ask.exe", "Ask.cs",
			filepath.Join(root, "csharp/src/ZeroDuplex/Generated/Wire.cs"))
		out = toolchain.Run(t, work, nil, "mono", "ask.exe")
	case naming.Python.Name:
		write(t, filepath.Join(work, "ask.py"), pythonDialect.program(d, q))
		out = toolchain.Run(t, work, []string{
			"PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=" + filepath.Join(root, "python/src/zeroduplex/_generated"),
		}, "python3", "ask.py")
	default:
		t.Fatalf("no such language: %s", language)
	}
	return strings.Split(strings.TrimSpace(out), "\n")
}

// copyWire makes package wire part of a program: it is internal to the Go SDK and cannot be imported from elsewhere.
func copyWire(t testing.TB, root, work string) {
	t.Helper()
	sources, err := filepath.Glob(filepath.Join(root, "go/internal/wire/*_gen.go"))
	check(t, err)
	for _, source := range sources {
		content, err := os.ReadFile(source)
		check(t, err)
		write(t, filepath.Join(work, filepath.Base(source)), strings.Replace(string(content), "\npackage wire\n", "\npackage main\n", 1))
	}
	write(t, filepath.Join(work, "go.mod"), "module probe\n\ngo 1.24\n")
}

func parentheses(name string, arguments []string) string {
	return name + "(" + strings.Join(arguments, ", ") + ")"
}

var goDialect = dialect{
	language: naming.Go,
	open: `package main

import "fmt"

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func main() {
`,
	close:     "}\n",
	printBool: func(text, e string) string { return fmt.Sprintf("\tfmt.Println(%q, yes(%s))\n", text+":", e) },
	printText: func(text, e string) string { return fmt.Sprintf("\tfmt.Println(%q, %s)\n", text+":", e) },
	segment: func(s ir.Segment, text string, sizes []uint64) string {
		return fmt.Sprintf("\tif s, ok := ResolveSegment%s(%s); ok {\n\t\tfmt.Print(%q)\n\t\tfor _, r := range s.Regions() {\n\t\t\tfmt.Print(\" \", r.Offset, \" \", r.Size)\n\t\t}\n"+
			"\t\tfmt.Println(\"\", s.Length)\n\t} else {\n\t\tfmt.Println(%q)\n\t}\n",
			naming.Pascal.Apply(s.Name), strings.TrimSuffix(joined(sizes, "%d, "), ", "), text+":", text+": refused")
	},
	call:   parentheses,
	member: func(enum, name string) string { return naming.Go.Identifier(naming.Member, enum, name) },
}

var cppDialect = dialect{
	language: naming.Cpp,
	open: `#include <iostream>
#include <zeroduplex/generated/wire.hpp>
using namespace zeroduplex::wire;
static const char* yes(bool b) { return b ? "yes" : "no"; }
static std::ostream& operator<<(std::ostream& out, const Region& r) { return out << " " << r.offset << " " << r.size; }
int main() {
`,
	close: "  yes(true);\n}\n",
	printBool: func(text, e string) string {
		return fmt.Sprintf("  std::cout << %q << yes(%s) << '\\n';\n", text+": ", e)
	},
	printText: func(text, e string) string { return fmt.Sprintf("  std::cout << %q << %s << '\\n';\n", text+": ", e) },
	segment: func(s ir.Segment, text string, sizes []uint64) string {
		var regions string
		for _, r := range s.Regions {
			regions += " << s->" + naming.Cpp.Identifier(naming.Field, r.Name)
		}
		return fmt.Sprintf("  if (const auto s = resolve_segment_%s(%s)) std::cout << %q%s << \" \" << s->length << '\\n'; else std::cout << %q;\n",
			s.Name, strings.TrimSuffix(joined(sizes, "%dU, "), ", "), text+":", regions, text+": refused\n")
	},
	call: parentheses,
	member: func(enum, name string) string {
		return naming.Cpp.Identifier(naming.Type, enum) + "::" + naming.Cpp.Identifier(naming.Member, name)
	},
}

var csharpDialect = dialect{
	language: naming.CSharp,
	open: `using System;
namespace ZeroDuplex
{
    static class Ask
    {
        static string Yes(bool b) { return b ? "yes" : "no"; }
        static string Show(Region r) { return " " + r.Offset + " " + r.Size; }
        static void Main()
        {
`,
	close: "            Yes(true);\n        }\n    }\n}\n",
	printBool: func(text, e string) string {
		return fmt.Sprintf("            Console.WriteLine(%q + Yes(%s));\n", text+": ", e)
	},
	printText: func(text, e string) string {
		return fmt.Sprintf("            Console.WriteLine(%q + %s);\n", text+": ", e)
	},
	segment: func(s ir.Segment, text string, sizes []uint64) string {
		regions := ""
		for _, r := range s.Regions {
			regions += "Show(s." + naming.CSharp.Identifier(naming.Field, r.Name) + ") + "
		}
		kind := naming.CSharp.Identifier(naming.Type, "segment", s.Name)
		return fmt.Sprintf("            { %s s; Console.WriteLine(Wire.TryResolve%s(%sout s) ? %q + %s\" \" + s.Length : %q); }\n",
			kind, kind, joined(sizes, "%dUL, "), text+":", regions, text+": refused")
	},
	call: func(name string, arguments []string) string { return "Wire." + parentheses(name, arguments) },
	member: func(enum, name string) string {
		return naming.CSharp.Identifier(naming.Type, enum) + "." + naming.CSharp.Identifier(naming.Member, name)
	},
}

var pythonDialect = dialect{
	language: naming.Python,
	open: `import wire
def yes(b):
    return "yes" if b else "no"
def show(text, s):
    if s is None:
        print(text, "refused")
    else:
        regions = [r for r in vars(s).values() if isinstance(r, wire.Region)]
        print(text, *[n for r in regions for n in (r.offset, r.size)], s.length)
`,
	printBool: func(text, e string) string { return fmt.Sprintf("print(%q, yes(%s))\n", text+":", e) },
	printText: func(text, e string) string { return fmt.Sprintf("print(%q, %s)\n", text+":", e) },
	segment: func(s ir.Segment, text string, sizes []uint64) string {
		return fmt.Sprintf("show(%q, wire.resolve_segment_%s(%s))\n", text+":", s.Name, strings.TrimSuffix(joined(sizes, "%d, "), ", "))
	},
	call: func(name string, arguments []string) string { return "wire." + parentheses(name, arguments) },
	member: func(enum, name string) string {
		return "wire." + naming.Python.Identifier(naming.Type, enum) + "." + naming.Python.Identifier(naming.Member, name)
	},
}
