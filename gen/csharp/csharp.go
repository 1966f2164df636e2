// Package csharp prints the IR as C#, in the subset of C# 7.2 that Debian's Mono compiles.
package csharp

import (
	"embed"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

//go:embed templates
var folder embed.FS

var templates = backend.LoadTemplates(folder)

const generatedFolder = "csharp/src/ZeroDuplex/Generated"

// Backend is the C# back end.
type Backend struct{}

// Name implements backend.Backend.
func (Backend) Name() string { return naming.CSharp.Name }

// Files implements backend.Backend.
func (Backend) Files(d *ir.Document) ([]backend.File, error) {
	wire, err := templates.File(generatedFolder+"/Wire.cs", "Wire.cs.tmpl", wireView(d))
	if err != nil {
		return nil, err
	}
	errors, err := templates.File(generatedFolder+"/Errors.cs", "Errors.cs.tmpl", errorsView(d))
	if err != nil {
		return nil, err
	}
	return []backend.File{wire, errors}, nil
}
