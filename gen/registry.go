package gen

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/cpp"
	"github.com/zeroduplex/zeroduplex/gen/csharp"
	"github.com/zeroduplex/zeroduplex/gen/docs"
	"github.com/zeroduplex/zeroduplex/gen/golang"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/python"
)

// Languages lists the back ends of all languages, in the order in which they run.
func Languages() []backend.Backend {
	return []backend.Backend{golang.Backend{}, cpp.Backend{}, csharp.Backend{}, python.Backend{}}
}

// Backends lists every back end: the languages, and the protocol text of the repository at root.
func Backends(root string) ([]backend.Backend, error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(docs.Path)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return append(Languages(), docs.Backend{Text: text}), nil
}

// Folders lists where generated files live, for finding stale ones.
func Folders() []string {
	var folders []string
	for _, b := range Languages() {
		folders = append(folders, b.Name())
	}
	return folders
}

// Files runs back ends over the IR.
func Files(document *ir.Document, backends []backend.Backend) ([]backend.File, error) {
	var files []backend.File
	for _, b := range backends {
		made, err := b.Files(document)
		if err != nil {
			return nil, err
		}
		files = append(files, made...)
	}
	return files, nil
}
