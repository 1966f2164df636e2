// Package docs prints the IR as the tables and pictures of the protocol text. The text itself is written by people:
// only what stands between a marker line and its end is generated.
package docs

import (
	"bytes"
	"embed"
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
)

//go:embed templates
var folder embed.FS

var templates = backend.LoadTemplates(folder)

// Path is the protocol text.
const Path = "spec/PROTOCOL.md"

// Backend is the back end of the protocol text. Text is what the file holds now, nil when there is none yet.
type Backend struct{ Text []byte }

// Name implements backend.Backend.
func (Backend) Name() string { return "docs" }

// Files implements backend.Backend.
func (b Backend) Files(d *ir.Document) ([]backend.File, error) {
	regions, err := renderRegions(d)
	if err != nil {
		return nil, err
	}
	text := b.Text
	if text == nil {
		text = skeleton(d, regions)
	}
	content, err := splice(text, regions)
	if err != nil {
		return nil, err
	}
	return []backend.File{{Path: Path, Content: content}}, nil
}

// region is one generated part of the text.
type region struct {
	name    string
	heading string
	content []byte
}

const endMarker = "<!-- /generated -->"

func startMarker(name string) string { return "<!-- generated:" + name + " -->" }

// splice replaces the content of every region. The text must have each region once, and no others.
func splice(text []byte, regions []region) ([]byte, error) {
	known := map[string][]byte{}
	for _, r := range regions {
		known[r.name] = r.content
	}
	var out bytes.Buffer
	open, openLine := "", 0
	for i, line := range strings.SplitAfter(string(text), "\n") {
		trimmed := strings.TrimSpace(line)
		name, isStart := strings.CutPrefix(trimmed, "<!-- generated:")
		switch {
		case isStart && open != "":
			return nil, fmt.Errorf("%s:%d: a region begins inside %q, which began in line %d", Path, i+1, open, openLine)
		case isStart:
			open, openLine = strings.TrimSuffix(name, " -->"), i+1
			content, ok := known[open]
			if !ok {
				return nil, fmt.Errorf("%s:%d: nothing generates the region %q, or it stands here twice; remove it", Path, i+1, open)
			}
			delete(known, open)
			fmt.Fprintf(&out, "%s\n%s%s\n", startMarker(open), content, endMarker)
		case trimmed == endMarker && open == "":
			return nil, fmt.Errorf("%s:%d: a region ends here that never began", Path, i+1)
		case trimmed == endMarker:
			open = ""
		case open == "":
			out.WriteString(line)
		}
	}
	if open != "" {
		return nil, fmt.Errorf("%s:%d: the region %q never ends; add %s", Path, openLine, open, endMarker)
	}
	for _, r := range regions {
		if _, missing := known[r.name]; missing {
			return nil, fmt.Errorf("%s: the region %q is missing; add the lines %s and %s", Path, r.name, startMarker(r.name), endMarker)
		}
	}
	return out.Bytes(), nil
}

// skeleton is a text of headings and empty regions, to begin with.
func skeleton(d *ir.Document, regions []region) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# The %s protocol\n", d.Name)
	for _, r := range regions {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n%s\n", r.heading, startMarker(r.name), endMarker)
	}
	return b.Bytes()
}
