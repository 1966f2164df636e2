package page

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
)

const usage = `usage: zeroduplex bench report DIR --out FILE [--summary FILE --of NAME,…]

Makes one HTML page of all results that zeroduplex bench has written into a folder with --out: plots of time against size, and tables with
the ratios to the raw limits. The page loads nothing. --summary puts tables of the named results, as rtt for DIR/rtt.json, into a Markdown
file, in place of those it put there before.`

// Run runs the command and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	set := flags.New("zeroduplex bench report", usage, stderr)
	out := set.String("out", "", "file to write the page to")
	summary := set.String("summary", "", "Markdown file to put a summary into")
	of := set.String("of", "", "results to sum up there, as rtt,dual")
	positional, code, ok := set.Parse(args, "DIR")
	if !ok {
		return code
	}
	if *out == "" {
		return set.Misuse(errors.New("--out is missing"))
	}
	if (*summary == "") != (*of == "") {
		return set.Misuse(errors.New("--summary and --of go together"))
	}
	files, err := Read(positional[0])
	if err != nil {
		return set.Fail(err)
	}
	page, err := Make(files)
	if err == nil {
		err = os.WriteFile(*out, page, 0o644)
	}
	if err == nil && *summary != "" {
		err = writeSummary(files, *summary, strings.Split(*of, ","))
	}
	if err == nil {
		_, err = fmt.Fprintf(stdout, "%s shows %d benchmarks\n", *out, len(files))
	}
	return set.Finish(err)
}

func writeSummary(files []File, path string, names []string) error {
	summary, err := Summary(files, names)
	if err != nil {
		return err
	}
	markdown, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if markdown, err = PutSummary(markdown, summary); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, markdown, 0o644)
}
