// Command agentgen generates the message types of the agent protocol in all four languages.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentgen"
	"github.com/zeroduplex/zeroduplex/gen/output"
)

func main() {
	root := flag.String("root", ".", "folder of the repository")
	check := flag.Bool("check", false, "write nothing; print a diff and exit 1 when generated files are not what they should be")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "agentgen:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(agentgen.SchemaPath)))
	if err != nil {
		return err
	}
	files, err := agentgen.Files(content)
	if err != nil {
		return err
	}
	tree := output.Tree{Root: root}
	changes, err := tree.Compare(files)
	if err != nil {
		return err
	}
	if !check {
		return tree.Apply(changes)
	}
	for _, c := range changes {
		fmt.Print(c.Diff())
	}
	if len(changes) > 0 {
		return fmt.Errorf("%d generated files are not what the schema gives; run `go generate ./conformance/...`", len(changes))
	}
	return nil
}
