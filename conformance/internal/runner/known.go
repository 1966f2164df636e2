package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
	"gopkg.in/yaml.v3"
)

// Known is a failure that is known, and expected until somebody mends it.
type Known struct {
	// Pair and Case are patterns in which * stands for any text.
	Pair string `yaml:"pair"`
	Case string `yaml:"case"`
	// Reason says why nobody mended it yet.
	Reason string `yaml:"reason"`
	// Message is a part of the failure's message: another failure is not the one that is known.
	Message string `yaml:"message"`
}

// ParseKnown reads a list of known failures strictly.
func ParseKnown(content []byte) ([]Known, error) {
	var file struct {
		KnownFailing []Known `yaml:"known_failing"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("known failures: %w", err)
	}
	for i, k := range file.KnownFailing {
		if k.Pair == "" || k.Case == "" || k.Reason == "" || k.Message == "" {
			return nil, fmt.Errorf("known failures: line %d of the list needs pair, case, reason and message", i+1)
		}
	}
	return file.KnownFailing, nil
}

// Glob tells whether text matches a pattern in which * stands for any text, also none.
func Glob(pattern, text string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, last)
}

// AnyGlob tells whether text matches one of the patterns, which are separated by blanks.
func AnyGlob(patterns, text string) bool {
	return slices.ContainsFunc(strings.Fields(patterns), func(p string) bool { return Glob(p, text) })
}

// applyKnown turns known failures into expected ones. A known failure that passes is red, as is a line that matches nothing;
// the latter only when everything was run, or a selection would make it so.
func applyKnown(r *report.Report, known []Known, complete bool) {
	matched := make([]bool, len(known))
	for i := range r.Records {
		for _, line := range judgeKnown(&r.Records[i], known) {
			matched[line] = true
		}
	}
	for i, k := range known {
		if !matched[i] && complete {
			r.Problems = append(r.Problems, fmt.Sprintf("the known failure %s %s matches no case that was run", k.Pair, k.Case))
		}
	}
}

// judgeKnown changes the verdict of a record that is known to fail, and gives the lines that speak of it. Of several lines one must match.
func judgeKnown(rec *report.Record, known []Known) (lines []int) {
	var messages []string
	for i, k := range known {
		if Glob(k.Pair, rec.Pair) && Glob(k.Case, rec.Case) {
			lines = append(lines, i)
			messages = append(messages, fmt.Sprintf("%q", k.Message))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	fits := slices.IndexFunc(lines, func(i int) bool { return strings.Contains(rec.Message, known[i].Message) })
	switch {
	case rec.Verdict == report.Pass:
		rec.Verdict = report.Fail
		rec.Message = fmt.Sprintf("it was expected to fail (%s) but passed: remove it from the known failures", known[lines[0]].Reason)
	case rec.Verdict == report.Fail && fits >= 0:
		rec.Verdict = report.XFail
		rec.Message = known[lines[fits]].Reason + ": " + rec.Message
	case rec.Verdict == report.Fail:
		rec.Message = fmt.Sprintf("a failure with %s is known here, but this is another: %s", strings.Join(messages, " or "), rec.Message)
	}
	return lines
}
