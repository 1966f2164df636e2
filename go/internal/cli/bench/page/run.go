package page

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
)

const usage = `usage: zeroduplex bench report DIR --out FILE

Makes one HTML page of all results that zeroduplex bench has written into a folder with --out: plots of time against size, and tables with
the ratios to the raw limits. The page loads nothing.`

// Run runs the command and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	set := flags.New("zeroduplex bench report", usage, stderr)
	out := set.String("out", "", "file to write the page to")
	positional, code, ok := set.Parse(args, "DIR")
	if !ok {
		return code
	}
	if *out == "" {
		return set.Misuse(errors.New("--out is missing"))
	}
	files, err := Read(positional[0])
	if err != nil {
		return set.Fail(err)
	}
	page, err := Make(files)
	if err == nil {
		err = os.WriteFile(*out, page, 0o644)
	}
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s shows %d benchmarks\n", *out, len(files))
	}
	return set.Finish(err)
}
