// Package golang prints the IR as Go: package wire, and the error catalogue of package zeroduplex. It uses jennifer;
// above each builder chain stands the Go that it emits.
package golang

import (
	"bytes"
	"fmt"

	"github.com/dave/jennifer/jen"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

// The folders and packages of the generated files.
const (
	wireFolder = "go/internal/wire"
	errorsFile = "go/errors_gen.go"
)

const commentWidth = 110

// Backend is the Go back end.
type Backend struct{}

// Name implements backend.Backend.
func (Backend) Name() string { return naming.Go.Name }

// Files implements backend.Backend.
func (Backend) Files(d *ir.Document) ([]backend.File, error) {
	wire := []struct {
		path string
		emit func(*jen.File, *ir.Document)
	}{
		{wireFolder + "/structs_gen.go", emitStructs},
		{wireFolder + "/segments_gen.go", emitSegments},
		{wireFolder + "/protocol_gen.go", emitProtocol},
		{wireFolder + "/names_gen.go", emitNames},
		{wireFolder + "/tables_gen.go", emitTables},
	}
	var files []backend.File
	for _, w := range wire {
		f := jen.NewFilePathName(wireFolder, "wire")
		w.emit(f, d)
		file, err := render(f, d, w.path)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	f := jen.NewFilePathName("go", "zeroduplex")
	emitErrors(f, d)
	file, err := render(f, d, errorsFile)
	if err != nil {
		return nil, err
	}
	return append(files, file), nil
}

// render formats the file. jennifer quotes the source when it does not parse, which only a bug here can cause.
func render(f *jen.File, d *ir.Document, path string) (backend.File, error) {
	f.HeaderComment("// " + d.Marker)
	var b bytes.Buffer
	if err := f.Render(&b); err != nil {
		return backend.File{}, fmt.Errorf("%s: %w", path, err)
	}
	return backend.File{Path: path, Content: b.Bytes()}, nil
}

func typeName(parts ...string) string     { return naming.Go.Identifier(naming.Type, parts...) }
func fieldName(parts ...string) string    { return naming.Go.Identifier(naming.Field, parts...) }
func memberName(parts ...string) string   { return naming.Go.Identifier(naming.Member, parts...) }
func constantName(parts ...string) string { return naming.Go.Identifier(naming.Constant, parts...) }
func functionName(parts ...string) string { return naming.Go.Identifier(naming.Function, parts...) }
func paramName(parts ...string) string    { return naming.Go.Identifier(naming.Parameter, parts...) }

var scalars = map[ir.Scalar]string{
	"u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64",
	"i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64",
}

// atomics are the types of sync/atomic for the scalars that have one.
var atomics = map[ir.Scalar]string{"u32": "Uint32", "u64": "Uint64", "i32": "Int32", "i64": "Int64"}

func scalar(s ir.Scalar) *jen.Statement { return jen.Id(scalars[s]) }

// number prints a literal in the base of the spec; jennifer itself only prints decimal ones.
func number(n ir.Integer) *jen.Statement { return jen.Op(backend.Number(n, "0o")) }

func decimal(n uint64) *jen.Statement { return jen.Op(fmt.Sprintf("%d", n)) }

func hex(n uint64) *jen.Statement { return jen.Op(fmt.Sprintf("0x%02X", n)) }

// comment adds text as lines of a comment.
func comment(g interface{ Comment(string) *jen.Statement }, text string) {
	for _, line := range backend.Wrap(text, commentWidth) {
		g.Comment(line)
	}
}
