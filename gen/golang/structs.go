package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
)

func emitStructs(f *jen.File, d *ir.Document) {
	f.PackageComment("Package wire is the layout that all processes share: structs, segments, names and numbers, generated from the spec.")
	for _, s := range d.Structs {
		emitLayoutConstants(f, s)
		emitStruct(f, s)
		emitWords(f, s)
		emitAsserts(f, s)
	}
}

func emitLayoutConstants(f *jen.File, s ir.Struct) {
	// // Size and offsets of OiebV2, in bytes.
	// const (
	// 	OiebV2Size = 88
	// 	OiebV2PayloadSizeOffset = 0x20
	// )
	comment(f, "Size and offsets of "+typeName(s.Name)+", in bytes.")
	f.Const().DefsFunc(func(g *jen.Group) {
		g.Id(constantName(s.Name, "size")).Op("=").Add(decimal(s.Size))
		for _, field := range s.Fields {
			g.Id(constantName(s.Name, field.Name, "offset")).Op("=").Add(hex(field.Offset))
		}
		for _, word := range s.Words {
			g.Id(constantName(s.Name, word.Name, "offset")).Op("=").Add(hex(word.Offset))
		}
	})
}

func emitStruct(f *jen.File, s ir.Struct) {
	// // OiebV2 is … .
	// type OiebV2 struct {
	// 	_ structs.HostLayout
	// 	OiebSize uint32
	// 	Version [4]uint8
	// 	PayloadFreeBytes atomic.Uint64
	// }
	comment(f, typeName(s.Name)+": "+s.Doc)
	if s.Alignment == 1 {
		f.Comment("")
		comment(f, "It stands at any address: copy it out of and into shared memory, never convert a pointer to it.")
	}
	f.Type().Id(typeName(s.Name)).StructFunc(func(g *jen.Group) {
		g.Id("_").Qual("structs", "HostLayout")
		for _, field := range s.Fields {
			g.Line()
			comment(g, backend.FieldDoc(field))
			g.Id(fieldName(field.Name)).Add(fieldType(field))
		}
	})
}

// fieldType is uint64, [4]uint8 or atomic.Uint64.
func fieldType(field ir.Field) *jen.Statement {
	switch {
	case field.Atomic:
		return jen.Qual("sync/atomic", atomics[field.Type])
	case field.Count > 0:
		return jen.Index(decimal(field.Count)).Add(scalar(field.Type))
	default:
		return scalar(field.Type)
	}
}

func emitWords(f *jen.File, s ir.Struct) {
	for _, word := range s.Words {
		// // Identity is … .
		// func (s *OiebV2) Identity() *atomic.Uint64 {
		// 	return (*atomic.Uint64)(unsafe.Pointer(&s.OiebSize))
		// }
		comment(f, fieldName(word.Name)+": "+word.Doc)
		f.Func().Params(jen.Id("s").Op("*").Id(typeName(s.Name))).Id(fieldName(word.Name)).Params().
			Op("*").Qual("sync/atomic", atomics[word.Type]).
			Block(jen.Return(
				jen.Parens(jen.Op("*").Qual("sync/atomic", atomics[word.Type])).
					Parens(jen.Qual("unsafe", "Pointer").Parens(jen.Op("&").Id("s").Dot(fieldName(word.Covers[0])))),
			))
	}
}

func emitAsserts(f *jen.File, s ir.Struct) {
	// // A layout other than the spec's does not compile: one of the lengths would be negative.
	// var (
	// 	_ [OiebV2Size - unsafe.Sizeof(OiebV2{})]struct{}
	// 	_ [unsafe.Sizeof(OiebV2{}) - OiebV2Size]struct{}
	// )
	comment(f, "A layout other than the spec's does not compile: one of the two array lengths would be negative.")
	f.Var().DefsFunc(func(g *jen.Group) {
		assertEqual(g, constantName(s.Name, "size"), jen.Qual("unsafe", "Sizeof").Call(jen.Id(typeName(s.Name)).Values()))
		for _, field := range s.Fields {
			assertEqual(g, constantName(s.Name, field.Name, "offset"), jen.Qual("unsafe", "Offsetof").
				Call(jen.Id(typeName(s.Name)).Values().Dot(fieldName(field.Name))))
		}
	})
}

func assertEqual(g *jen.Group, constant string, actual *jen.Statement) {
	// _ [constant - actual]struct{}
	// _ [actual - constant]struct{}
	g.Id("_").Index(jen.Id(constant).Op("-").Add(actual.Clone())).Struct()
	g.Id("_").Index(actual.Clone().Op("-").Id(constant)).Struct()
}
