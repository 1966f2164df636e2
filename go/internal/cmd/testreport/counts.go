package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The end of a log is often all that is kept of a run, so the sum names what failed, in this many lines of this length at most.
const (
	failuresNamed = 10
	lineLength    = 240
)

// counts is the outcome of a suite.
type counts struct {
	Suite   string  `json:"suite"`
	Passed  int     `json:"passed"`
	Failed  int     `json:"failed"`
	Skipped int     `json:"skipped"`
	Seconds float64 `json:"seconds"`

	// Failures has a line for each failure: the test's name, and the first line of why where the runner tells it.
	Failures []string `json:"failures,omitempty"`
}

// fail counts a failure.
func (c *counts) fail(name, why string) {
	c.Failed++
	line := name
	for _, l := range strings.Split(why, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			line += ": " + l
			break
		}
	}
	if runes := []rune(line); len(runes) > lineLength {
		line = string(runes[:lineLength]) + "..."
	}
	c.Failures = append(c.Failures, line)
}

// verdict is an error unless tests ran and none failed. No test is no success.
func (c counts) verdict() error {
	if c.Failed > 0 {
		return fmt.Errorf("%s: %d failed", c.Suite, c.Failed)
	}
	if c.Passed == 0 {
		return fmt.Errorf("%s: no test ran", c.Suite)
	}
	return nil
}

func (c counts) save(path string) error {
	encoded, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(encoded, '\n'), 0o644)
}

func (c counts) String() string {
	line := fmt.Sprintf("%d passed, %d failed", c.Passed, c.Failed)
	if c.Skipped > 0 {
		line += fmt.Sprintf(", %d skipped", c.Skipped)
	}
	return line
}

// total adds the suites up. A suite without counts has failed: its runner broke before it could count.
func total(dir string, suites []string, stdout io.Writer) error {
	var sum counts
	var problems []error
	var failures []string
	fmt.Fprintln(stdout)
	for _, suite := range suites {
		var c counts
		encoded, err := os.ReadFile(filepath.Join(dir, suite+".json"))
		if err == nil {
			err = json.Unmarshal(encoded, &c)
		}
		if err != nil {
			c = counts{Failed: 1}
			problems = append(problems, fmt.Errorf("%s did not run: %w", suite, err))
		} else if err := c.verdict(); err != nil {
			problems = append(problems, err)
		}
		fmt.Fprintf(stdout, "%-14s %s (%.1f s)\n", suite, c, c.Seconds)
		for _, f := range c.Failures {
			failures = append(failures, suite+" "+f)
		}
		sum.Passed += c.Passed
		sum.Failed += c.Failed
		sum.Skipped += c.Skipped
	}
	for i, f := range failures {
		if i == failuresNamed {
			fmt.Fprintf(stdout, "and %d failures more\n", len(failures)-i)
			break
		}
		fmt.Fprintln(stdout, "FAIL", f)
	}
	fmt.Fprintln(stdout, sum)
	return errors.Join(problems...)
}
