package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/zeroduplex/zeroduplex/gen/ir"
)

func emitNames(f *jen.File, d *ir.Document) {
	for _, s := range d.Semaphores {
		name := functionName(s.Name, "semaphore")
		emitTemplate(f, name, name+" names the semaphore. "+s.Doc, s.Template)
	}
	for _, p := range d.Paths {
		emitPath(f, p)
	}
	emitNameRules(f, d.Names)
	emitValidName(f, d.Names)
}

func emitPath(f *jen.File, p ir.Path) {
	if p.Mode != nil {
		// // LockFolderMode is the mode of the folder.
		// const LockFolderMode = 0o1777
		name := constantName(p.Name, "mode")
		comment(f, name+" holds the permission bits of the folder, the sticky bit included.")
		f.Const().Id(name).Op("=").Add(number(*p.Mode))
	}
	if len(p.Template.Parameters) > 0 {
		name := functionName(p.Name, "path")
		emitTemplate(f, name, name+": "+p.Doc, p.Template)
		return
	}
	// // LockFolder: … .
	// const LockFolder = "/tmp/zerobuffer"
	comment(f, constantName(p.Name)+": "+p.Doc)
	f.Const().Id(constantName(p.Name)).Op("=").Lit(p.Template.Text)
}

func emitTemplate(f *jen.File, name, doc string, t ir.Template) {
	// // ObjectPath: … .
	// func ObjectPath(name string) string {
	// 	return "/dev/shm/" + name
	// }
	comment(f, doc)
	f.Func().Id(name).Params(jen.ListFunc(func(g *jen.Group) {
		for _, parameter := range t.Parameters {
			g.Id(paramName(parameter))
		}
	}).String()).String().Block(jen.Return(concatenation(t)))
}

func concatenation(t ir.Template) *jen.Statement {
	joined := jen.Null()
	for i, part := range t.Parts {
		if i > 0 {
			joined.Op("+")
		}
		if part.Parameter != "" {
			joined.Id(paramName(part.Parameter))
		} else {
			joined.Lit(part.Literal)
		}
	}
	return joined
}

func emitNameRules(f *jen.File, n ir.NameRules) {
	// // Rules for names. …
	// const (
	// 	NameMinimum = 1
	// 	NameMaximum = 200
	// 	NamePattern = "[A-Za-z0-9._-]"
	// )
	comment(f, n.Doc+" Lengths count bytes; NamePattern is the class of each byte.")
	f.Const().Defs(
		jen.Id("NameMinimum").Op("=").Add(decimal(n.Minimum)),
		jen.Id("NameMaximum").Op("=").Add(decimal(n.Maximum)),
		jen.Id("NamePattern").Op("=").Lit(n.Pattern),
	)
	// // NameForbiddenPrefixes lists what a name must not begin with.
	// var NameForbiddenPrefixes = []string{".", "sem."}
	comment(f, "NameForbiddenPrefixes lists what a name must not begin with.")
	f.Var().Id("NameForbiddenPrefixes").Op("=").Index().String().ValuesFunc(func(g *jen.Group) {
		for _, prefix := range n.ForbiddenPrefixes {
			g.Lit(prefix)
		}
	})
}

func emitValidName(f *jen.File, n ir.NameRules) {
	// // ValidName tells whether a name obeys the rules.
	// func ValidName(name string) bool {
	// 	if len(name) < NameMinimum || len(name) > NameMaximum {
	// 		return false
	// 	}
	// 	for _, prefix := range NameForbiddenPrefixes {
	// 		if strings.HasPrefix(name, prefix) {
	// 			return false
	// 		}
	// 	}
	// 	for i := 0; i < len(name); i++ {
	// 		if !validNameByte(name[i]) {
	// 			return false
	// 		}
	// 	}
	// 	return true
	// }
	refuse := jen.Block(jen.Return(jen.False()))
	comment(f, "ValidName tells whether a name obeys the rules.")
	f.Func().Id("ValidName").Params(jen.Id("name").String()).Bool().Block(
		jen.If(jen.Len(jen.Id("name")).Op("<").Id("NameMinimum").Op("||").Len(jen.Id("name")).Op(">").Id("NameMaximum")).Add(refuse),
		jen.For(jen.List(jen.Id("_"), jen.Id("prefix")).Op(":=").Range().Id("NameForbiddenPrefixes")).Block(
			jen.If(jen.Qual("strings", "HasPrefix").Call(jen.Id("name"), jen.Id("prefix"))).Add(refuse)),
		jen.For(jen.Id("i").Op(":=").Lit(0), jen.Id("i").Op("<").Len(jen.Id("name")), jen.Id("i").Op("++")).Block(
			jen.If(jen.Op("!").Id("validNameByte").Call(jen.Id("name").Index(jen.Id("i")))).Add(refuse)),
		jen.Return(jen.True()),
	)

	// // validNameByte tells whether a byte is of the class NamePattern.
	// func validNameByte(c byte) bool {
	// 	switch {
	// 	case 'A' <= c && c <= 'Z':
	// 		return true
	// 	case c == '_':
	// 		return true
	// 	default:
	// 		return false
	// 	}
	// }
	comment(f, "validNameByte tells whether a byte is of the class NamePattern.")
	f.Func().Id("validNameByte").Params(jen.Id("c").Byte()).Bool().Block(
		jen.Switch().BlockFunc(func(g *jen.Group) {
			for _, r := range n.Ranges {
				g.Case(character(r.First).Op("<=").Id("c").Op("&&").Id("c").Op("<=").Add(character(r.Last))).Block(jen.Return(jen.True()))
			}
			for _, single := range n.Singles {
				g.Case(jen.Id("c").Op("==").Add(character(string(single)))).Block(jen.Return(jen.True()))
			}
			g.Default().Block(jen.Return(jen.False()))
		}),
	)
}

func character(s string) *jen.Statement { return jen.LitRune([]rune(s)[0]) }
