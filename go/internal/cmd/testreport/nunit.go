package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// nunit counts the tests of NUnit 2's result file and of the TRX file that `dotnet test` writes, and prints what failed. Their
// test elements are found wherever they stand.
func nunit(path string, stdout io.Writer) (c counts, err error) {
	file, err := os.Open(path)
	if err != nil {
		return c, err
	}
	defer file.Close()
	decoder := xml.NewDecoder(file)
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return c, fmt.Errorf("%s: %w", path, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "test-case" && start.Name.Local != "UnitTestResult" {
			continue
		}
		var test struct {
			Name    string  `xml:"name,attr"`
			TRXName string  `xml:"testName,attr"`
			Result  string  `xml:"result,attr"`
			Outcome string  `xml:"outcome,attr"`
			Time    float64 `xml:"time,attr"`
			Text    string  `xml:",innerxml"`
			Why     string  `xml:"failure>message"`
			TRXWhy  string  `xml:"Output>ErrorInfo>Message"`
		}
		if err := decoder.DecodeElement(&test, &start); err != nil {
			return c, fmt.Errorf("%s: %w", path, err)
		}
		c.Seconds += test.Time
		switch name := test.Name + test.TRXName; test.Result + test.Outcome {
		case "Success", "Passed":
			c.Passed++
		case "Ignored", "Skipped", "NotExecuted":
			c.Skipped++
			fmt.Fprintf(stdout, "skipped %s\n", name)
		default:
			c.fail(name, test.Why+test.TRXWhy)
			fmt.Fprintf(stdout, "FAIL %s\n%s\n", name, strings.TrimSpace(test.Text))
		}
	}
	if c.Failed == 0 && c.Passed > 0 {
		fmt.Fprintf(stdout, "ok   %d tests (%.1f s)\n", c.Passed, c.Seconds)
	}
	return c, nil
}
