package cpp

import (
	"fmt"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

type structure struct {
	Doc                  []string
	Type, SizeName, Size string
	Fields               []field
	Words                []constant
}

type field struct {
	Doc                            []string
	Type, Name, OffsetName, Offset string
}

func structView(s ir.Struct) structure {
	text := s.Doc
	if s.Alignment == 1 {
		text += " It stands at any address: copy it by std::memcpy."
	}
	view := structure{
		Doc: doc(text), Type: id(naming.Type, s.Name), SizeName: id(naming.Constant, s.Name, "size"), Size: fmt.Sprint(s.Size),
	}
	for _, f := range s.Fields {
		kind := scalars[f.Type]
		if f.Count > 0 {
			kind = fmt.Sprintf("std::array<%s, %d>", kind, f.Count)
		}
		view.Fields = append(view.Fields, field{
			Doc: doc(backend.FieldDoc(f)), Type: kind, Name: id(naming.Field, f.Name),
			OffsetName: id(naming.Constant, s.Name, f.Name, "offset"), Offset: hex(f.Offset),
		})
	}
	for _, w := range s.Words {
		view.Words = append(view.Words, constant{
			Doc: doc(w.Doc), Name: id(naming.Constant, s.Name, w.Name, "offset"), Value: hex(w.Offset),
		})
	}
	return view
}
