package csharp

import (
	"fmt"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

type errors struct {
	Marker string
	Errors []errorKind
}

type errorKind struct {
	Doc, ClassDoc                                          []string
	Name, Value, Text, Meaning, Remedy, Retry, Class, Base string
}

const baseClass = "ZeroDuplexException"

func errorsView(d *ir.Document) errors {
	view := errors{Marker: d.Marker}
	for _, e := range d.Errors {
		kind := errorKind{
			Doc: doc(e.Meaning), ClassDoc: doc(e.Meaning + " " + e.Remedy),
			Name: id(naming.Member, e.Name), Value: fmt.Sprint(e.Code), Text: backend.Quote(e.Name),
			Meaning: backend.Quote(e.Meaning), Remedy: backend.Quote(e.Remedy), Retry: fmt.Sprint(e.Retryable),
			Class: className(e.Name), Base: baseClass,
		}
		if e.Parent != "" {
			kind.Base = className(e.Parent)
		}
		view.Errors = append(view.Errors, kind)
	}
	return view
}

func className(name string) string { return id(naming.Type, name, "exception") }
