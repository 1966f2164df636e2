package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
)

const row = "%-4s  %-62s %12s %8s %8s %7s  %s\n"

func printHeader(w io.Writer) {
	fmt.Fprintf(w, row, "", "check", "size", "depth", "memory", "time", "outcome")
}

func (r result) print(w io.Writer) {
	verdict := "ok"
	if !r.Passed {
		verdict = "FAIL"
	}
	fmt.Fprintf(w, row, verdict, r.Name, r.Size, r.Depth, r.Memory, fmt.Sprintf("%.1f s", r.Duration.Seconds()), r.Outcome)
}

// sum prints the last line and returns the exit code. That nothing ran is no success.
func sum(results []result, w io.Writer) int {
	passed := 0
	for _, r := range results {
		if r.Passed {
			passed++
		}
	}
	fmt.Fprintf(w, "\n%d passed, %d failed\n", passed, len(results)-passed)
	if passed == 0 || passed < len(results) {
		return 1
	}
	return 0
}

type junitSuite struct {
	XMLName xml.Name    `xml:"testsuite"`
	Name    string      `xml:"name,attr"`
	Cases   []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Seconds string        `xml:"time,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
}

func saveJUnit(path string, results []result) error {
	suite := junitSuite{Name: "verify"}
	for _, r := range results {
		c := junitCase{Class: "verify", Name: r.Name, Seconds: fmt.Sprintf("%.3f", r.Duration.Seconds())}
		if !r.Passed {
			c.Failure = &junitFailure{Message: r.Outcome}
		}
		suite.Cases = append(suite.Cases, c)
	}
	encoded, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(encoded, '\n'), 0o644)
}
