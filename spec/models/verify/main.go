// Command verify runs the models of the protocol and the checks of the C++ ring's memory orders, and everything that is known to be
// wrong in the same models: a fault that is not found fails like an error that is.
//
//	verify [-jobs N] [-run TEXT] [-ring PROGRAM] [-out FOLDER]
//
// It prints a row per check and, last, "N passed, N failed". Logs, trails and junit.xml go to the folder.
// Exit codes: 0 every check passed, 1 one failed or none ran, 2 wrong arguments.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// check is one thing to verify.
type check interface {
	// name is unique and usable as a folder's.
	name() string
	// run works in its own folder, which exists and is empty.
	run(folder string) result
}

// result is a row of the table.
type result struct {
	Name     string
	Passed   bool
	Outcome  string // what was found, or why it failed
	Size     string // states, or iterations
	Depth    string
	Memory   string
	Duration time.Duration
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	jobs := flags.Int("jobs", 2, "checks that run at the same time")
	only := flags.String("run", "", "only checks whose name contains this")
	models := flags.String("models", "spec/models", "folder of the models")
	ring := flags.String("ring", "", "program that checks the C++ ring's memory orders; empty: leave them out")
	out := flags.String("out", "build/verify", "folder for logs and results")
	if flags.Parse(args) != nil {
		return 2
	}
	if flags.NArg() > 0 || *jobs < 1 {
		fmt.Fprintln(stderr, "verify: wrong arguments; see verify -h")
		return 2
	}
	checks := promelaChecks(*models)
	if *ring != "" {
		found, err := ringChecks(*ring)
		if err != nil {
			fmt.Fprintf(stderr, "verify: %v\n", err)
			return 1
		}
		checks = append(checks, found...)
	}
	var chosen []check
	for _, c := range checks {
		if strings.Contains(c.name(), *only) {
			chosen = append(chosen, c)
		}
	}
	results, err := runAll(chosen, *jobs, *out, stdout)
	if err == nil {
		err = saveJUnit(filepath.Join(*out, "junit.xml"), results)
	}
	if err != nil {
		fmt.Fprintf(stderr, "verify: %v\n", err)
		return 1
	}
	return sum(results, stdout)
}

// runAll runs the checks, jobs at a time, and prints the rows in the checks' order as they become known.
func runAll(checks []check, jobs int, out string, stdout io.Writer) ([]result, error) {
	if err := os.RemoveAll(out); err != nil {
		return nil, err
	}
	results := make([]result, len(checks))
	done := make([]chan struct{}, len(checks))
	for i := range checks {
		done[i] = make(chan struct{})
		if err := os.MkdirAll(filepath.Join(out, checks[i].name()), 0o755); err != nil {
			return nil, err
		}
	}
	next := make(chan int)
	var workers sync.WaitGroup
	for range jobs {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for i := range next {
				start := time.Now()
				results[i] = checks[i].run(filepath.Join(out, checks[i].name()))
				results[i].Name, results[i].Duration = checks[i].name(), time.Since(start)
				close(done[i])
			}
		}()
	}
	go func() {
		for i := range checks {
			next <- i
		}
		close(next)
	}()
	printHeader(stdout)
	for i := range checks {
		<-done[i]
		results[i].print(stdout)
	}
	workers.Wait()
	return results, nil
}
