// Package backend is what every target language has in common: the interface that the generator drives, and the
// printing of numbers and comments.
package backend

import (
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/ir"
)

// Backend turns the IR into the files of one language. The same IR always gives the same bytes.
type Backend interface {
	// Name is the language's name in paths: go, cpp, csharp, python, docs.
	Name() string
	// Files returns formatted files; paths are relative to the repository and use slashes.
	Files(document *ir.Document) ([]File, error)
}

// File is one generated file.
type File struct {
	Path    string
	Content []byte
}

// Wrap breaks text into lines of at most width characters, never inside a word.
func Wrap(text string, width int) []string {
	var lines []string
	var line string
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// Number prints a number in the base the spec uses. octal is the language's prefix for base 8; a language without
// octal numbers passes "" and gets them in decimal.
func Number(n ir.Integer, octal string) string {
	sign := ""
	if n.Negative {
		sign = "-"
	}
	switch {
	case n.Base == 16:
		return sign + "0x" + n.Digits
	case n.Base == 8 && octal != "":
		return sign + octal + n.Digits
	default:
		return n.Decimal
	}
}

// WithUnit appends the unit to a doc text.
func WithUnit(doc, unit string) string {
	if unit == "" {
		return doc
	}
	return doc + " Unit: " + unit + "."
}

// FieldDoc is the doc text of a field with its unit, who writes it, and how it is accessed.
func FieldDoc(f ir.Field) string {
	return WithUnit(f.Doc, f.Unit) + " Written by " + Writers(f.Writers) + "; " + access(f) + "."
}

// Writers lists writers: client in oieb_request, server in oieb_response.
func Writers(writers []ir.Writer) string {
	parts := make([]string, len(writers))
	for i, w := range writers {
		parts[i] = w.Role
		if w.Region != "" {
			parts[i] += " in " + w.Region
		}
	}
	return strings.Join(parts, ", ")
}

func access(f ir.Field) string {
	switch {
	case f.Word != "":
		return "accessed as part of the word " + f.Word
	case f.Atomic:
		return "stored " + f.Store + ", loaded " + f.Load
	case f.PublishedBy != "":
		return "plain, published by " + f.PublishedBy
	default:
		return "plain"
	}
}
