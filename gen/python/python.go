// Package python prints the IR as typed Python.
package python

import (
	"embed"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

//go:embed templates
var folder embed.FS

var templates = backend.LoadTemplates(folder)

const generatedFolder = "python/src/zeroduplex/_generated"

// Backend is the Python back end.
type Backend struct{}

// Name implements backend.Backend.
func (Backend) Name() string { return naming.Python.Name }

// Files implements backend.Backend.
func (Backend) Files(d *ir.Document) ([]backend.File, error) {
	var files []backend.File
	for _, part := range []struct {
		name, template string
		view           any
	}{
		{"__init__.py", "init.py.tmpl", wire{Marker: d.Marker}},
		{"wire.py", "wire.py.tmpl", wireView(d)},
		{"errors.py", "errors.py.tmpl", errorsView(d)},
	} {
		file, err := templates.File(generatedFolder+"/"+part.name, part.template, part.view)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}
