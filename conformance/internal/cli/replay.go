package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/zeroduplex/zeroduplex/conformance"
	"github.com/zeroduplex/zeroduplex/conformance/internal/golden"
	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
	"github.com/zeroduplex/zeroduplex/conformance/internal/runner"
)

type replayOptions struct {
	who
	dir, deviations, pairs, out string
	quiet                       bool
}

func parseReplay(args []string, stderr io.Writer) (*replayOptions, error) {
	o := &replayOptions{}
	flags := flag.NewFlagSet("conformance replay", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o.who.add(flags)
	flags.StringVar(&o.dir, "dir", "", "`folder` of recorded scenarios instead of the built-in one")
	flags.StringVar(&o.deviations, "deviations", "", "`file` of deviations instead of the built-in one")
	flags.StringVar(&o.pairs, "pairs", "", "`pattern` of pairs, reader's language first, such as go->*; several separated by blanks (default: each language with itself)")
	flags.StringVar(&o.out, "out", "build/conformance/replay", "`folder` for report.json, junit.xml and index.html")
	flags.BoolVar(&o.quiet, "quiet", false, "print failures and sums only")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return o, nil
}

// options turns flags into what the replay needs.
func (o *replayOptions) options() (golden.Options, error) {
	g := golden.Options{Folder: conformance.Golden()}
	if o.dir != "" {
		g.Folder = os.DirFS(o.dir)
	}
	content := conformance.GoldenDeviations
	var err error
	if o.deviations != "" {
		if content, err = os.ReadFile(o.deviations); err != nil {
			return g, err
		}
	}
	if g.Deviations, err = golden.ParseDeviations(content); err != nil {
		return g, err
	}
	names, commands := o.commands()
	g.Commands = commands
	for _, pair := range runner.Pairs(names, "*") {
		if o.pairs == "" && pair.Server == pair.Client || runner.AnyGlob(o.pairs, pair.String()) {
			g.Pairs = append(g.Pairs, pair)
		}
	}
	if len(g.Pairs) == 0 {
		return g, fmt.Errorf("-pairs: %q matches no pair", o.pairs)
	}
	return g, nil
}

// replay is the command; deviations are always printed, so that nobody takes the bytes for identical where they must not be.
func replay(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseReplay(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitGreen
	}
	var g golden.Options
	if err == nil {
		g, err = o.options()
	}
	if err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return exitUsage
	}
	done := map[string]int{}
	g.Progress = func(rec report.Record) {
		if rec.Red() {
			fmt.Fprintf(stdout, "%-6s %s %s: %s\n", rec.Verdict, rec.Pair, rec.Case, rec.Message)
		} else {
			done[rec.Pair]++
		}
	}
	r, used, err := golden.Replay(ctx, g)
	if err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return exitRed
	}
	for _, pair := range g.Pairs {
		if !o.quiet {
			fmt.Fprintf(stdout, "%-18s %d of %d scenarios are as recorded\n", pair, done[pair.String()], r.Cases)
		}
	}
	for _, u := range used {
		fmt.Fprintf(stdout, "deviation %s, in %d steps: %s\n", u.Name, u.Steps, u.Reason)
	}
	if err := r.Write(o.out); err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return exitRed
	}
	sum(r, o.out, stdout)
	if !r.Green {
		return exitRed
	}
	return exitGreen
}
