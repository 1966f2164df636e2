package csharp

import (
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

type structure struct {
	Doc        []string
	Type, Size string
	// Unsafe says that there are fixed buffers, which C# allows only in unsafe code.
	Unsafe bool
	Fields []field
}

type field struct {
	Doc                 []string
	Offset, Declaration string
}

func structView(s ir.Struct) structure {
	view := structure{Doc: doc(s.Doc), Type: id(naming.Type, s.Name), Size: fmt.Sprint(s.Size)}
	for _, f := range s.Fields {
		declaration := scalars[f.Type] + " " + id(naming.Field, f.Name)
		if f.Count > 0 {
			declaration = fmt.Sprintf("fixed %s[%d]", declaration, f.Count)
			view.Unsafe = true
		}
		view.Fields = append(view.Fields, field{Doc: doc(backend.FieldDoc(f)), Offset: hex(f.Offset), Declaration: declaration})
	}
	for _, w := range s.Words {
		view.Fields = append(view.Fields, field{
			Doc: doc(w.Doc + " The same bytes as " + strings.Join(w.Covers, ", ") + "; stored " + w.Store + ", loaded " + w.Load + "."), Offset: hex(w.Offset),
			Declaration: scalars[w.Type] + " " + id(naming.Field, w.Name),
		})
	}
	return view
}
