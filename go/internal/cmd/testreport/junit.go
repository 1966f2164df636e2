package main

import (
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"strings"
)

// suiteXML is the part of a JUnit file that is read. Runners nest suites as they like.
type suiteXML struct {
	Suites []suiteXML `xml:"testsuite"`
	Cases  []caseXML  `xml:"testcase"`
}

type caseXML struct {
	Class   string     `xml:"classname,attr"`
	Name    string     `xml:"name,attr"`
	Status  string     `xml:"status,attr"` // ctest's
	Time    float64    `xml:"time,attr"`
	Output  string     `xml:"system-out"`
	Failure *reasonXML `xml:"failure"`
	Error   *reasonXML `xml:"error"`
	Skipped *reasonXML `xml:"skipped"`
}

type reasonXML struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// junit counts the tests of a JUnit file and prints what failed. Of ctest's "notrun" only a test that said itself that it skips
// counts as skipped: ctest also writes it for a program that is missing.
func junit(path string, stdout io.Writer) (c counts, err error) {
	encoded, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	var root suiteXML
	if err := xml.Unmarshal(encoded, &root); err != nil {
		return c, fmt.Errorf("%s: %w", path, err)
	}
	root.count(&c, stdout)
	if c.Failed == 0 && c.Passed > 0 {
		fmt.Fprintf(stdout, "ok   %d tests (%.1f s)\n", c.Passed, c.Seconds)
	}
	return c, nil
}

func (s suiteXML) count(c *counts, stdout io.Writer) {
	for _, inner := range s.Suites {
		inner.count(c, stdout)
	}
	for _, test := range s.Cases {
		c.Seconds += test.Time
		name := strings.TrimPrefix(test.Class+"."+test.Name, ".")
		switch {
		case test.passed():
			c.Passed++
		case test.skipped():
			c.Skipped++
			fmt.Fprintf(stdout, "skipped %s: %s\n", name, test.Skipped.Message)
		default:
			c.fail(name, test.reason())
			fmt.Fprintf(stdout, "FAIL %s %s\n%s\n%s\n", name, test.Status, test.reason(), test.Output)
		}
	}
}

func (t caseXML) passed() bool {
	return t.Failure == nil && t.Error == nil && t.Skipped == nil && (t.Status == "" || t.Status == "run")
}

func (t caseXML) skipped() bool {
	if t.Skipped == nil || t.Failure != nil || t.Error != nil {
		return false
	}
	return t.Status == "" || t.Status == "notrun" && strings.HasPrefix(t.Skipped.Message, "SKIP_")
}

func (t caseXML) reason() string {
	for _, r := range []*reasonXML{t.Failure, t.Error, t.Skipped} {
		if r != nil {
			return strings.TrimSpace(r.Message + "\n" + r.Text)
		}
	}
	return ""
}
