// Package cpp prints the IR as C++20 headers.
package cpp

import (
	"embed"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

//go:embed templates
var folder embed.FS

var templates = backend.LoadTemplates(folder)

const includeFolder = "cpp/include/zeroduplex/generated"

// Backend is the C++ back end.
type Backend struct{}

// Name implements backend.Backend.
func (Backend) Name() string { return naming.Cpp.Name }

// Files implements backend.Backend.
func (Backend) Files(d *ir.Document) ([]backend.File, error) {
	wire, err := templates.File(includeFolder+"/wire.hpp", "wire.hpp.tmpl", wireView(d))
	if err != nil {
		return nil, err
	}
	errors, err := templates.File(includeFolder+"/errors.hpp", "errors.hpp.tmpl", errorsView(d))
	if err != nil {
		return nil, err
	}
	return []backend.File{wire, errors}, nil
}
