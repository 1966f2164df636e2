package python

import (
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

type structure struct {
	Doc            []string
	SizeName, Size string
	Offsets        []constant
	Name           string
	Fields         []field
}

type field struct{ Name, Offset, Width, Type, Count, Format string }

func structView(s ir.Struct) structure {
	view := structure{
		Doc: doc(s.Doc), SizeName: id(naming.Constant, s.Name, "size"), Size: fmt.Sprint(s.Size), Name: backend.Quote(s.Name),
	}
	for _, f := range s.Fields {
		view.Offsets = append(view.Offsets, constant{
			Doc: doc(backend.FieldDoc(f)), Name: id(naming.Constant, s.Name, f.Name, "offset"), Value: hex(f.Offset),
		})
		view.Fields = append(view.Fields, field{
			Name: backend.Quote(f.Name), Offset: hex(f.Offset), Width: fmt.Sprint(f.Width), Type: backend.Quote(string(f.Type)),
			Count: fmt.Sprint(f.Count), Format: backend.Quote(format(f)),
		})
	}
	for _, w := range s.Words {
		view.Offsets = append(view.Offsets, constant{
			Doc:  doc(w.Doc + " The same bytes as " + strings.Join(w.Covers, ", ") + "; stored " + w.Store + ", loaded " + w.Load + "."),
			Name: id(naming.Constant, s.Name, w.Name, "offset"), Value: hex(w.Offset),
		})
	}
	return view
}

// format is the field for the struct module, little-endian: "<Q" or "<4B".
func format(f ir.Field) string {
	if f.Count > 0 {
		return fmt.Sprintf("<%d%s", f.Count, formats[f.Type])
	}
	return "<" + formats[f.Type]
}
