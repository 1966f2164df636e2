// Command testreport turns what test runners print into counts and sums them up.
//
//	go test -json ./... | testreport go -suite NAME -out FILE
//	testreport junit -suite NAME -out FILE junit.xml
//	testreport nunit -suite NAME -out FILE TestResult.xml|results.trx
//	testreport total -dir FOLDER SUITE...
//
// The last line of total is "N passed, N failed", with ", N skipped" when a test was skipped.
// Exit codes: 0 all passed and there were tests, 1 a test failed or a suite is missing or empty, 2 wrong arguments.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("testreport", flag.ContinueOnError)
	flags.SetOutput(stderr)
	suite := flags.String("suite", "", "name of the suite")
	out := flags.String("out", "", "file for the counts")
	dir := flags.String("dir", "", "folder of the counts")
	if len(args) == 0 {
		fmt.Fprintln(stderr, "testreport: say go, junit, nunit or total")
		return 2
	}
	if flags.Parse(args[1:]) != nil {
		return 2
	}
	var c counts
	var err error
	switch {
	case args[0] == "total" && flags.NArg() > 0:
		err = total(*dir, flags.Args(), stdout)
	case args[0] == "go" && flags.NArg() == 0:
		c, err = goTest(stdin, stdout)
	case args[0] == "junit" && flags.NArg() == 1:
		c, err = junit(flags.Arg(0), stdout)
	case args[0] == "nunit" && flags.NArg() == 1:
		c, err = nunit(flags.Arg(0), stdout)
	default:
		fmt.Fprintln(stderr, "testreport: wrong arguments")
		return 2
	}
	if args[0] != "total" {
		c.Suite = *suite
		err = errors.Join(err, c.save(*out), c.verdict())
	}
	if err != nil {
		fmt.Fprintf(stderr, "testreport: %v\n", err)
		return 1
	}
	return 0
}
