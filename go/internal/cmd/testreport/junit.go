package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"strings"
)

// suiteXML is the part of ctest's JUnit file that is read.
type suiteXML struct {
	Cases []struct {
		Name   string  `xml:"name,attr"`
		Status string  `xml:"status,attr"`
		Time   float64 `xml:"time,attr"`
		Output string  `xml:"system-out"`
		Why    struct {
			Message string `xml:"message,attr"`
		} `xml:"skipped"`
	} `xml:"testcase"`
}

// junit counts the tests of a ctest run and prints the output of what failed. Only a test that
// said itself that it skips counts as skipped: ctest also writes "notrun" for a program that is missing.
func junit(path string, stdout io.Writer) (c counts, err error) {
	encoded, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	var suite suiteXML
	if err := xml.Unmarshal(encoded, &suite); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	for _, test := range suite.Cases {
		c.Seconds += test.Time
		switch {
		case test.Status == "run":
			c.Passed++
		case test.Status == "notrun" && strings.HasPrefix(test.Why.Message, "SKIP_"):
			c.Skipped++
			fmt.Fprintf(stdout, "skipped %s\n", test.Name)
		default:
			c.Failed++
			fmt.Fprintf(stdout, "FAIL %s (%s) %s\n%s\n", test.Name, test.Status, test.Why.Message, test.Output)
		}
	}
	if c.Failed == 0 && c.Passed > 0 {
		fmt.Fprintf(stdout, "ok   %d tests (%.1f s)\n", c.Passed, c.Seconds)
	}
	return c, nil
}
