package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// event is a line of go test -json.
type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

// outputs collects what tests print until it is known whether anybody needs to read it.
type outputs map[string]*strings.Builder

func (o outputs) add(e event) {
	key := e.Package + " " + e.Test
	if o[key] == nil {
		o[key] = &strings.Builder{}
	}
	o[key].WriteString(e.Output)
}

// goTest counts every test and subtest and prints a line per package and the output of what failed.
// A package that fails without a failing test, because it does not compile or crashes, counts as a failure.
func goTest(stdin io.Reader, stdout io.Writer) (c counts, err error) {
	start := time.Now()
	failedIn := map[string]int{}
	passedIn := map[string]int{}
	printed := outputs{}
	lines := bufio.NewReader(stdin)
	for {
		line, readErr := lines.ReadString('\n')
		if line != "" {
			var e event
			if json.Unmarshal([]byte(line), &e) != nil {
				fmt.Fprint(stdout, line) // the go command's own messages
			} else {
				c.count(e, passedIn, failedIn, printed, stdout)
			}
		}
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			return c, readErr
		}
	}
	c.Seconds = time.Since(start).Seconds()
	return c, nil
}

func (c *counts) count(e event, passedIn, failedIn map[string]int, printed outputs, stdout io.Writer) {
	switch e.Action {
	case "output":
		printed.add(e)
		return
	case "build-output":
		fmt.Fprint(stdout, e.Output)
		return
	case "build-fail":
		return // its package fails as well
	case "pass", "fail", "skip":
	default:
		return
	}
	text := printed[e.Package+" "+e.Test]
	if e.Test != "" {
		switch e.Action {
		case "pass":
			c.Passed++
			passedIn[e.Package]++
		case "skip":
			c.Skipped++
			fmt.Fprintf(stdout, "skipped %s %s\n", e.Package, e.Test)
		case "fail":
			c.fail(e.Package+" "+e.Test, cause(text))
			failedIn[e.Package]++
		}
		if e.Action == "fail" && text != nil {
			fmt.Fprint(stdout, text.String())
		}
		return
	}
	switch {
	case e.Action == "fail":
		if failedIn[e.Package] == 0 {
			c.fail(e.Package, cause(text))
		}
		if text != nil {
			fmt.Fprint(stdout, text.String())
		}
		fmt.Fprintf(stdout, "FAIL %s (%.1f s)\n", e.Package, e.Elapsed)
	case e.Action == "pass" && passedIn[e.Package] > 0:
		fmt.Fprintf(stdout, "ok   %s: %d tests (%.1f s)\n", e.Package, passedIn[e.Package], e.Elapsed)
	}
}

// cause picks the line of a test's output that tells most: testify's error, else the first that the go command did not write itself.
func cause(text *strings.Builder) string {
	if text == nil {
		return ""
	}
	first := ""
	for _, line := range strings.Split(text.String(), "\n") {
		line = strings.TrimSpace(line)
		if message, found := strings.CutPrefix(line, "Error:"); found {
			return message
		}
		if first == "" && !strings.HasPrefix(line, "=== ") && !strings.HasPrefix(line, "--- ") {
			first = line
		}
	}
	return first
}
