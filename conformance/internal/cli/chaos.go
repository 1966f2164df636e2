package cli

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/chaos"
)

type chaosOptions struct {
	who
	seed      uint64
	rounds    int
	pairs     string
	protocol  string
	out       string
	allowance time.Duration
	json      bool
	quiet     bool
	plan      bool
}

func parseChaos(args []string, stderr io.Writer) (*chaosOptions, error) {
	o := &chaosOptions{}
	flags := flag.NewFlagSet("conformance chaos", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o.who.add(flags)
	flags.Uint64Var(&o.seed, "seed", 0, "seed of the plan (default: from the clock)")
	flags.IntVar(&o.rounds, "rounds", 160, "`number` of rounds, shared out among the pairs")
	flags.StringVar(&o.pairs, "pairs", "*/*", "`list` of pairs, server first, such as go/cpp,python/*")
	flags.StringVar(&o.protocol, "protocol", "v2", "`protocol` of the channels; only v2 so far")
	flags.StringVar(&o.out, "out", "build/conformance/chaos", "`folder` for report.json and junit.xml")
	flags.DurationVar(&o.allowance, "allowance", chaos.DefaultLimits.Allowance, "what a loaded machine may add to detection and recovery")
	flags.BoolVar(&o.json, "json", false, "print the report as JSON, and nothing else")
	flags.BoolVar(&o.quiet, "quiet", false, "print violations and the table only")
	flags.BoolVar(&o.plan, "plan", false, "print the plan as JSON and play nothing")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case flags.NArg() > 0:
		return nil, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.protocol != "v2":
		return nil, fmt.Errorf("-protocol: %q is not v2; the suites v1-crashes and v1-lifecycle kill peers of v1", o.protocol)
	case o.allowance < 0:
		return nil, errors.New("-allowance must not be negative")
	}
	if o.seed == 0 {
		o.seed = uint64(time.Now().UnixNano())
	}
	return o, nil
}

// plans shares the rounds out among the pairs.
func (o *chaosOptions) plans(languages []string) ([]chaos.Plan, error) {
	pairs, err := chaos.ParsePairs(o.pairs, languages)
	if err != nil {
		return nil, fmt.Errorf("-pairs: %w", err)
	}
	if o.rounds < len(pairs) {
		return nil, fmt.Errorf("-rounds: %d is less than one for each of %d pairs", o.rounds, len(pairs))
	}
	var plans []chaos.Plan
	for i, pair := range pairs {
		plans = append(plans, chaos.MakePlan(o.seed, pair, (o.rounds*(i+1))/len(pairs)-o.rounds*i/len(pairs)))
	}
	return plans, nil
}

func runChaos(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseChaos(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitGreen
	}
	var plans []chaos.Plan
	var commands map[string]string
	if err == nil {
		var names []string
		names, commands = o.commands()
		plans, err = o.plans(names)
	}
	if err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
		return exitUsage
	}
	if o.plan {
		return exitOf(true, printJSON(stdout, plans), stderr)
	}
	limits := chaos.DefaultLimits
	limits.Allowance = o.allowance
	report, err := chaos.Run(ctx, chaos.Options{Seed: o.seed, Plans: plans, Commands: commands, Limits: limits, Progress: o.progress(stdout)})
	err = errors.Join(err, report.Write(o.out))
	if o.json {
		err = errors.Join(err, printJSON(stdout, report))
	} else {
		err = errors.Join(err, report.Table(stdout))
		fmt.Fprintf(stdout, "%d rounds, %d violations; %s/report.json has the plan and every violation\n", report.Totals.Rounds, report.Totals.Found, o.out)
	}
	return exitOf(report.Green, err, stderr)
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(v)
}

func exitOf(green bool, err error, stderr io.Writer) int {
	if err != nil {
		fmt.Fprintln(stderr, "conformance:", err)
	}
	if err != nil || !green {
		return exitRed
	}
	return exitGreen
}

// progress prints violations at once with what repeats them, and a line for every quarter of a pair.
func (o *chaosOptions) progress(stdout io.Writer) func(chaos.Pair, int, int, *chaos.Violation) {
	if o.json {
		return func(chaos.Pair, int, int, *chaos.Violation) {}
	}
	return func(pair chaos.Pair, done, of int, v *chaos.Violation) {
		switch {
		case v != nil:
			fmt.Fprintf(stdout, "VIOLATION %s round %d, %s: %s\n  again: conformance chaos --seed %d --pairs %s --rounds %d\n",
				pair, v.Round, v.What, v.Message, o.seed, pair, of)
		case !o.quiet && (done == of || done%max(of/4, 1) == 0):
			fmt.Fprintf(stdout, "%-16s %d of %d rounds\n", pair, done, of)
		}
	}
}
