package golang

import (
	"fmt"
	"strings"

	"github.com/dave/jennifer/jen"

	"github.com/zeroduplex/zeroduplex/gen/ir"
)

func emitErrors(f *jen.File, d *ir.Document) {
	// // ErrorCode identifies an error in every language.
	// type ErrorCode int32
	comment(f, "ErrorCode identifies a kind of error. The numbers are the same in every language.")
	f.Type().Id("ErrorCode").Int32()
	// // The error codes.
	// const (
	// 	// The channel name breaks the name rules.
	// 	ErrorCodeInvalidName ErrorCode = 2
	// )
	comment(f, "The error codes.")
	f.Const().DefsFunc(func(g *jen.Group) {
		for _, e := range d.Errors {
			comment(g, e.Meaning)
			g.Id(memberName("error_code", e.Name)).Id("ErrorCode").Op("=").Lit(int(e.Code))
		}
	})
	emitErrorTable(f, d.Errors)
	emitSentinels(f, d.Errors)
}

func emitErrorTable(f *jen.File, errors []ir.ErrorKind) {
	// // errorTable describes every error; a kind stands before its sub-kinds.
	// var errorTable = []errorInfo{
	// 	{Code: ErrorCodeTimeout, Name: "timeout", Retryable: true, Meaning: "…", Remedy: "…"},
	// }
	comment(f, "errorTable describes every error; a kind stands before its sub-kinds.")
	f.Var().Id("errorTable").Op("=").Index().Id("errorInfo").CustomFunc(lines, func(g *jen.Group) {
		for _, e := range errors {
			g.Add(errorEntry(e))
		}
	})
}

func errorEntry(e ir.ErrorKind) *jen.Statement {
	// {
	// 	Code: ErrorCodeAcquisitionOpen,
	// 	Name: "acquisition_open",
	// 	Parent: ErrorCodeBufferFull,
	// 	Retryable: true,
	// 	Meaning: "…",
	// 	Remedy: "…",
	// }
	return jen.CustomFunc(lines, func(g *jen.Group) {
		g.Id("Code").Op(":").Id(memberName("error_code", e.Name))
		g.Id("Name").Op(":").Lit(e.Name)
		if e.Parent != "" {
			g.Id("Parent").Op(":").Id(memberName("error_code", e.Parent))
		}
		g.Id("Retryable").Op(":").Lit(e.Retryable)
		g.Id("Meaning").Op(":").Lit(e.Meaning)
		g.Id("Remedy").Op(":").Lit(e.Remedy)
	})
}

func emitSentinels(f *jen.File, errors []ir.ErrorKind) {
	// // Errors to compare with errors.Is.
	// var (
	// 	// ErrTimeout: The deadline passed. Wait longer, …
	// 	ErrTimeout error = sentinel(ErrorCodeTimeout)
	// )
	comment(f, "The kinds of errors, to be compared by errors.Is.")
	f.Var().DefsFunc(func(g *jen.Group) {
		for _, e := range errors {
			name := constantName("err", e.Name)
			comment(g, fmt.Sprintf("%s: %s %s%s", name, e.Meaning, e.Remedy, kindNote(e)))
			g.Id(name).Error().Op("=").Id("sentinel").Call(jen.Id(memberName("error_code", e.Name)))
		}
	})
}

func kindNote(e ir.ErrorKind) string {
	var notes []string
	if e.Parent != "" {
		notes = append(notes, "A kind of "+constantName("err", e.Parent)+".")
	}
	if e.Retryable {
		notes = append(notes, "Retryable.")
	}
	if len(notes) == 0 {
		return ""
	}
	return " " + strings.Join(notes, " ")
}
