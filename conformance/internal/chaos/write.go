package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
)

// Table writes the report for people.
func (r *Report) Table(w io.Writer) error {
	fmt.Fprintf(w, "seed %d, detection within %d ms, recovery within %d ms (an allowance of %d ms for a loaded machine included in both)\n",
		r.Seed, r.Limits.DetectionMs, r.Limits.RecoveryMs, r.Limits.AllowanceMs)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "server/client\trounds\tkills\tterms\tstops\tcloses\tpoints\tanswers\trecoveries\tworst detection\tworst recovery\tviolations\t")
	row := func(name string, c Counts) {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f ms\t%.1f ms\t%d\t\n",
			name, c.Rounds, c.Kills, c.Terminates, c.Stops, c.Closes, c.Points, c.Answers, c.Recoveries, c.WorstSeen, c.WorstBack, c.Found)
	}
	for _, pair := range r.Pairs {
		row(pair.Pair.String(), pair.Counts)
	}
	row("all", r.Totals)
	if err := table.Flush(); err != nil {
		return err
	}
	judged, survivors := 0, 0
	for _, pair := range r.Pairs {
		for _, g := range pair.Growth {
			survivors++
			if g.Judged {
				judged++
			}
		}
	}
	fmt.Fprintf(w, "growth of descriptors, threads, mappings and memory: judged of %d of %d survivors, the others lived through less than %d rounds\n",
		judged, survivors, fewestSamples)
	for _, p := range r.Problems {
		fmt.Fprintln(w, p)
	}
	return nil
}

// records are the rounds as cases of a test report: what was not played is not green.
func (r *Report) records() *report.Report {
	all := report.New(r.Seed, nil)
	all.Problems = r.Problems
	for _, pair := range r.Pairs {
		add := func(name, message string, verdict report.Verdict, milliseconds float64) {
			all.Records = append(all.Records, report.Record{
				Pair: pair.Pair.String(), Server: pair.Pair.Server, Client: pair.Pair.Client, Suite: "chaos", Case: name, Verdict: verdict, Message: message,
				Milliseconds: milliseconds,
			})
		}
		broken := map[int]string{}
		for _, v := range pair.Violations {
			if v.Round == 0 {
				add(v.What, v.Message, report.Fail, 0)
			} else {
				broken[v.Round] = v.Message
			}
		}
		for i, round := range pair.Plan {
			name := fmt.Sprintf("round %d: %s", round.Number, round.What())
			message, violated := broken[round.Number]
			switch {
			case violated:
				add(name, message, report.Fail, pair.took[i])
			case i >= pair.Counts.Rounds:
				add(name, "it was not played", report.NotRun, 0)
			default:
				add(name, "", report.Pass, pair.took[i])
			}
		}
	}
	return all
}

// Write writes report.json and junit.xml.
func (r *Report) Write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	content, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	junit, err := r.records().JUnit()
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, "report.json"), append(content, '\n'), 0o644),
		os.WriteFile(filepath.Join(folder, "junit.xml"), junit, 0o644))
}
