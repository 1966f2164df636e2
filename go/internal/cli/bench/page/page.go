// Package page makes one page for people of the JSON forms of benchmarks, and of nothing else. The page needs nothing but itself.
package page

import (
	"bytes"
	_ "embed" // the page's template
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/document"
)

//go:embed page.html
var pageTemplate string

// File is a document and the name of its file, without the ending.
type File struct {
	Name string
	document.Document
}

// Read reads every JSON file in a folder. One that is no benchmark of the version that this program writes is an error: a page must not
// silently lack a part.
func Read(folder string) (files []File, err error) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there is no JSON file in %s; zeroduplex bench writes one with --out", folder)
	}
	slices.Sort(paths)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		file := File{Name: strings.TrimSuffix(filepath.Base(path), ".json")}
		if err := json.Unmarshal(content, &file.Document); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if file.SchemaVersion != document.SchemaVersion {
			return nil, fmt.Errorf("%s has schema version %d, this program reads %d; measure again", path, file.SchemaVersion, document.SchemaVersion)
		}
		if len(file.Results) == 0 {
			return nil, fmt.Errorf("%s has no results", path)
		}
		files = append(files, file)
	}
	return files, nil
}

// Make makes the page.
func Make(files []File) ([]byte, error) {
	if len(files) == 0 {
		return nil, errors.New("no benchmarks to show")
	}
	parsed, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	v := view{Machines: machines(files)}
	for i := range colors {
		v.Palette = append(v.Palette, i)
	}
	for _, file := range files {
		v.Sections = append(v.Sections, newSection(file))
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, v)
	return out.Bytes(), err
}
