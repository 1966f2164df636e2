package python

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

type errors struct {
	Marker  string
	Errors  []errorKind
	Exports []string
}

type errorKind struct {
	Doc, ClassDoc                                           []string
	Name, Value, Text, Meaning, Remedy, Retry, Class, Bases string
}

const baseClass = "ZeroDuplexError"

// builtins are the standard exceptions that say the same; `except TimeoutError` then works as everywhere.
var builtins = map[string]string{
	"invalid_argument":  "ValueError",
	"out_of_memory":     "MemoryError",
	"permission_denied": "PermissionError",
	"timeout":           "TimeoutError",
}

func errorsView(d *ir.Document) errors {
	view := errors{Marker: d.Marker}
	classes := []string{baseClass, "ErrorCode", "ErrorInfo"}
	for _, e := range d.Errors {
		kind := errorKind{
			Doc: doc(e.Meaning), ClassDoc: doc(e.Meaning + " " + e.Remedy),
			Name: id(naming.Member, e.Name), Value: fmt.Sprint(e.Code), Text: backend.Quote(e.Name),
			Meaning: backend.Quote(e.Meaning), Remedy: backend.Quote(e.Remedy), Retry: boolean(e.Retryable), Class: className(e.Name),
		}
		bases := []string{baseClass}
		if e.Parent != "" {
			bases = []string{className(e.Parent)}
		}
		if builtin, ok := builtins[e.Name]; ok {
			bases = append(bases, "builtins."+builtin)
		}
		kind.Bases = strings.Join(bases, ", ")
		view.Errors = append(view.Errors, kind)
		classes = append(classes, kind.Class)
	}
	slices.Sort(classes)
	// Constants before classes is the order that Python's linters want.
	for _, name := range append([]string{"ERRORS", "ERROR_CLASSES"}, classes...) {
		view.Exports = append(view.Exports, backend.Quote(name))
	}
	return view
}

func boolean(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

func className(name string) string { return id(naming.Type, name, "error") }
