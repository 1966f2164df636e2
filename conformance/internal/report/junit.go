package report

import (
	"encoding/xml"
	"fmt"
)

type junitSuites struct {
	XMLName xml.Name     `xml:"testsuites"`
	Suites  []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Seconds string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Skipped *junitMessage `xml:"skipped"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
}

// JUnit is the report for CI systems: one test suite per pair. What is red is a failure or an error there, never "skipped".
func (r *Report) JUnit() ([]byte, error) {
	all := junitSuites{}
	index := map[string]int{}
	for _, rec := range r.Records {
		i, known := index[rec.Pair]
		if !known {
			i = len(all.Suites)
			index[rec.Pair] = i
			all.Suites = append(all.Suites, junitSuite{Name: rec.Pair})
		}
		s := &all.Suites[i]
		c := junitCase{Class: rec.Pair, Name: rec.Case, Seconds: fmt.Sprintf("%.3f", rec.Milliseconds/1000)}
		message := &junitMessage{Message: string(rec.Verdict) + ": " + rec.Message}
		switch {
		case rec.Verdict == Fail:
			c.Failure = message
			s.Failures++
		case rec.Red():
			c.Error = message
			s.Errors++
		case rec.Verdict != Pass:
			c.Skipped = message
			s.Skipped++
		}
		s.Tests++
		s.Cases = append(s.Cases, c)
	}
	if len(r.Problems) > 0 {
		s := junitSuite{Name: "run"}
		for _, p := range r.Problems {
			s.Tests++
			s.Errors++
			s.Cases = append(s.Cases, junitCase{Class: "run", Name: "problem", Seconds: "0.000", Error: &junitMessage{Message: p}})
		}
		all.Suites = append(all.Suites, s)
	}
	content, err := xml.MarshalIndent(all, "", " ")
	return append([]byte(xml.Header), content...), err
}
