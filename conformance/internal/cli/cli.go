// Package cli is the conformance command.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance"
	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
	"github.com/zeroduplex/zeroduplex/conformance/internal/runner"
	"github.com/zeroduplex/zeroduplex/conformance/internal/suite"
)

const (
	exitGreen = 0
	exitRed   = 1
	exitUsage = 2
)

// MinimumCases is how many cases there are at least: a run that silently lost its suites must not be green.
const MinimumCases = 700

const usage = `usage: conformance run [flags]     run the suites on every ordered pair of languages
       conformance list [flags]    say what would be run
       conformance replay [flags]  perform recorded v1 scenarios and compare the shared memory
       conformance chaos [flags]   kill, stop and close peers at random, and judge what the others make of it
       conformance page REPORT     make the page for people from a report.json, on standard output
`

// Run is the command; it returns the exit code: 0 green, 1 red, 2 wrong usage.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	var err error
	switch args[0] {
	case "run", "list":
		return runOrList(ctx, args[0], args[1:], stdout, stderr)
	case "replay":
		return replay(ctx, args[1:], stdout, stderr)
	case "chaos":
		return runChaos(ctx, args[1:], stdout, stderr)
	case "page":
		err = page(args[1:], stdout)
	case "help", "-h", "--help":
		fmt.Fprint(stdout, usage)
		return exitGreen
	default:
		fmt.Fprintf(stderr, "conformance: unknown command %q\n%s", args[0], usage)
		return exitUsage
	}
	if err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return exitRed
	}
	return exitGreen
}

func page(args []string, stdout io.Writer) error {
	if len(args) != 1 {
		return errors.New("page needs the path of a report.json")
	}
	content, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	html, err := report.Page(content)
	if err != nil {
		return err
	}
	_, err = stdout.Write(html)
	return err
}

type options struct {
	who
	run, pair string
	skip      string
	suites    string
	known     string
	out       string
	seed      uint64
	jobs      int
	quiet     bool
}

func parse(args []string, stderr io.Writer) (*options, error) {
	o := &options{}
	flags := flag.NewFlagSet("conformance", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o.who.add(flags)
	flags.StringVar(&o.run, "run", "*", "`pattern` of cases, * for any text; several separated by blanks")
	flags.StringVar(&o.skip, "skip", "", "`pattern` of cases to leave out")
	flags.StringVar(&o.pair, "pairs", "*", "`pattern` of pairs, such as go->* or *->cpp; several separated by blanks")
	flags.StringVar(&o.suites, "suites", "", "`folder` of suites instead of the built-in ones")
	flags.StringVar(&o.known, "known", "", "`file` of known failures instead of the built-in one; every line must match something that is run")
	flags.StringVar(&o.out, "out", "build/conformance", "`folder` for report.json, junit.xml, index.html and logs")
	flags.Uint64Var(&o.seed, "seed", 0, "seed of everything random (default: from the clock)")
	flags.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "pairs at the same time; more than there are processors disturb cases that look at time")
	flags.BoolVar(&o.quiet, "quiet", false, "print failures and sums only")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.jobs < 1 {
		return nil, errors.New("-jobs must be 1 or more")
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	return o, nil
}

// selection is what the flags ask for.
type selection struct {
	suites   []*suite.Suite
	cases    []suite.Case
	complete bool
	known    []runner.Known
	commands map[string]string
	names    []string
}

func (o *options) selection() (*selection, error) {
	s := &selection{}
	folder := conformance.Suites()
	if o.suites != "" {
		folder = os.DirFS(o.suites)
	}
	var err error
	if s.suites, err = suite.Load(folder); err != nil {
		return nil, err
	}
	all := suite.Expand(s.suites)
	if o.suites == "" && len(all) < MinimumCases {
		return nil, fmt.Errorf("there are only %d cases, fewer than %d: suites were lost", len(all), MinimumCases)
	}
	for _, pattern := range strings.Fields(o.run) {
		matched := false
		for _, c := range all {
			if !runner.Glob(pattern, c.Name) {
				continue
			}
			matched = true
			if !slices.ContainsFunc(s.cases, func(k suite.Case) bool { return k.Name == c.Name }) && !runner.AnyGlob(o.skip, c.Name) {
				s.cases = append(s.cases, c)
			}
		}
		if !matched {
			return nil, fmt.Errorf("-run: %q matches no case; see conformance list", pattern)
		}
	}
	s.complete = len(s.cases) == len(all)
	known := conformance.KnownFailing
	if o.known != "" {
		if known, err = os.ReadFile(o.known); err != nil {
			return nil, err
		}
	}
	if s.known, err = runner.ParseKnown(known); err != nil {
		return nil, err
	}
	s.names, s.commands = o.commands()
	return s, nil
}

func runOrList(ctx context.Context, command string, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitGreen
	}
	var s *selection
	if err == nil {
		s, err = o.selection()
	}
	if err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return exitUsage
	}
	if command == "list" {
		for _, c := range s.cases {
			fmt.Fprintln(stdout, c.Name)
		}
		return exitGreen
	}
	return o.execute(ctx, s, stdout, stderr)
}

func (o *options) execute(ctx context.Context, s *selection, stdout, stderr io.Writer) int {
	fmt.Fprintf(stdout, "%d cases on pairs of %s, seed %d\n", len(s.cases), strings.Join(s.names, ", "), o.seed)
	r, err := runner.Run(ctx, runner.Options{
		Languages: s.names, Pairs: o.pair, Commands: s.commands, Cases: s.cases, Known: s.known, Complete: s.complete && o.pair == "*" || o.known != "",
		Seed: o.seed, Jobs: o.jobs, Logs: filepath.Join(o.out, "logs"), Progress: o.progress(stdout),
	})
	if err != nil && r == nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return exitRed
	}
	describe(r, s.suites, s.cases)
	if err := r.Write(o.out); err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return exitRed
	}
	sum(r, o.out, stdout)
	if !r.Green || err != nil {
		return exitRed
	}
	return exitGreen
}

// describe adds what people want to know of the suites.
func describe(r *report.Report, suites []*suite.Suite, cases []suite.Case) {
	for _, s := range suites {
		info := report.Suite{Name: s.Name, Title: s.Title, Doc: s.Doc, Cases: []report.CaseInfo{}}
		for _, c := range cases {
			if c.Suite == s {
				info.Cases = append(info.Cases, report.CaseInfo{Name: c.Name, Doc: c.Template.Doc})
			}
		}
		if len(info.Cases) > 0 {
			r.Suites = append(r.Suites, info)
		}
	}
}

// progress prints failures at once, and a line per finished pair.
func (o *options) progress(stdout io.Writer) func(string, int, int, report.Record) {
	red := map[string]int{}
	return func(pair string, done, of int, record report.Record) {
		if record.Red() {
			red[pair]++
			fmt.Fprintf(stdout, "%-6s %s %s: %s\n", strings.ToUpper(string(record.Verdict)), pair, record.Case, record.Message)
		}
		if done == of && !o.quiet {
			fmt.Fprintf(stdout, "%-18s %d of %d cases are fine\n", pair, of-red[pair], of)
		}
	}
}

func sum(r *report.Report, out string, stdout io.Writer) {
	for _, p := range r.Problems {
		fmt.Fprintln(stdout, "PROBLEM", p)
	}
	fmt.Fprintf(stdout, "report: %s\n", filepath.Join(out, "index.html"))
	t := r.Totals
	fmt.Fprintf(stdout, "%d pairs, %d cases, %d expected failures, %d unsupported, %d not run, %.1f s\n",
		len(r.Pairs), r.Cases, t.XFail, t.Unsupported, t.NotRun, float64(r.Milliseconds)/1000)
	fmt.Fprintf(stdout, "%d passed, %d failed\n", t.Pass, r.Red())
}
