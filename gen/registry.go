package gen

import (
	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/cpp"
	"github.com/zeroduplex/zeroduplex/gen/golang"
	"github.com/zeroduplex/zeroduplex/gen/ir"
)

// Backends lists the back ends of all languages, in the order in which they run.
func Backends() []backend.Backend {
	return []backend.Backend{golang.Backend{}, cpp.Backend{}}
}

// Folders lists where generated files live, for finding stale ones.
func Folders() []string { return []string{"go", "cpp", "csharp", "python"} }

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
