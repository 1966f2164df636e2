package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"github.com/zeroduplex/zeroduplex/gen"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/output"
	"github.com/zeroduplex/zeroduplex/gen/spec"
)

// Exit codes: drift and violations are failures, wrong usage is the caller's mistake.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

type options struct {
	root   string
	check  bool
	dumpIR bool
}

func run(ctx context.Context, args []string, _ io.Reader, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("zdgen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.root, "root", ".", "folder of the repository")
	flags.BoolVar(&o.check, "check", false, "write nothing; print a diff and exit 1 when generated files are not what they should be")
	flags.BoolVar(&o.dumpIR, "dump-ir", false, "write nothing; print the resolved layout as JSON")
	flags.Usage = func() {
		fmt.Fprintf(stderr, "usage: zdgen [-root folder] [-check | -dump-ir]\nGenerates bindings and protocol tables from %s.\n", ir.SpecPath)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return exitOK
		}
		return exitUsage
	}
	if flags.NArg() > 0 || (o.check && o.dumpIR) {
		flags.Usage()
		return exitUsage
	}
	if err := generate(ctx, o, stdout); err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailure
	}
	return exitOK
}

func generate(ctx context.Context, o options, stdout io.Writer) error {
	model, err := spec.Load(filepath.Join(o.root, filepath.FromSlash(ir.SpecPath)), ir.SpecPath)
	if err != nil {
		return err
	}
	document := ir.Resolve(model)
	if o.dumpIR {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(document)
	}
	backends, err := gen.Backends(o.root)
	if err != nil {
		return err
	}
	files, err := gen.Files(document, backends)
	if err != nil {
		return err
	}
	tree := output.Tree{Root: o.root, Owned: gen.Folders()}
	changes, err := tree.Compare(files)
	if err != nil || ctx.Err() != nil {
		return errors.Join(err, ctx.Err())
	}
	if !o.check {
		return tree.Apply(changes)
	}
	if len(changes) == 0 {
		return nil
	}
	for _, c := range changes {
		fmt.Fprint(stdout, c.Diff())
	}
	return fmt.Errorf("%d generated files are not what the spec gives; run `go generate ./...`", len(changes))
}
