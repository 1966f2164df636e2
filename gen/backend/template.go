package backend

import (
	"bytes"
	"fmt"
	"io/fs"
	"text/template"
)

// Templates are the text of one back end. Templates only lay out text; what to print is decided by the values that
// they are given.
type Templates struct{ set *template.Template }

// LoadTemplates parses every templates/*.tmpl of the embedded folder. A mistake there is a bug of the generator.
func LoadTemplates(folder fs.FS) Templates {
	return Templates{template.Must(template.New("").Option("missingkey=error").ParseFS(folder, "templates/*.tmpl"))}
}

// File renders the named template as a file.
func (t Templates) File(path, name string, view any) (File, error) {
	content, err := t.Text(name, view)
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	return File{Path: path, Content: content}, nil
}

// Text renders the named template.
func (t Templates) Text(name string, view any) ([]byte, error) {
	var b bytes.Buffer
	if err := t.set.ExecuteTemplate(&b, name, view); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Quote prints a string literal for C++, C# and Python, which agree on the escapes of printable text.
func Quote(text string) string {
	var b bytes.Buffer
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ':
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
