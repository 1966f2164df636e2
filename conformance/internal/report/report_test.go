package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func example() *Report {
	r := New(7, []string{"go", "cpp"})
	r.Agents = []Agent{{Language: "go", Command: "a", Name: "go", SDKVersion: "1", Capabilities: []string{}}, {Language: "cpp", Capabilities: []string{}}}
	r.Suites = []Suite{{Name: "s", Title: "Suite", Doc: "It <shows>.", Cases: []CaseInfo{{"s/a", "A."}, {"s/b[n=1]", "B."}, {"s/b[n=2]", "B."}}}}
	for _, pair := range [][2]string{{"go", "go"}, {"go", "cpp"}, {"cpp", "go"}, {"cpp", "cpp"}} {
		for _, c := range r.Suites[0].Cases {
			r.Records = append(r.Records, Record{
				Pair: pair[0] + "->" + pair[1], Server: pair[0], Client: pair[1], Suite: "s", Case: c.Name, Verdict: Pass, Milliseconds: 1.5,
				Logs: map[string]string{"runner": "logs/x.log"},
			})
		}
	}
	return r
}

// with gives the example with one verdict changed.
func with(v Verdict, message string) *Report {
	r := example()
	r.Records[4].Verdict, r.Records[4].Message = v, message
	r.Finish()
	return r
}

func TestGreenAndRed(t *testing.T) {
	for verdict, red := range map[Verdict]int{Pass: 0, XFail: 0, Fail: 1, NotRun: 1, Unsupported: 1, "": 1, "skipped": 1} {
		assert.Equal(t, red, with(verdict, "m").Red(), verdict)
		assert.Equal(t, red == 0, with(verdict, "m").Green, verdict)
	}
	outsider := example()
	outsider.Records[4].Verdict, outsider.Records[4].Client = Unsupported, "rust"
	assert.Equal(t, 0, outsider.Red(), "an outsider may leave something out")
	problem := example()
	problem.Problems = []string{"an agent did not end"}
	problem.Finish()
	assert.False(t, problem.Green)
	empty := New(1, []string{"go"})
	empty.Finish()
	assert.False(t, empty.Green, "nothing was run")
}

func TestCounts(t *testing.T) {
	r := with(Fail, "m")
	assert.Equal(t, Counts{Pass: 11, Fail: 1}, r.Totals)
	assert.Equal(t, map[string]Counts{"go->go": {Pass: 3}, "go->cpp": {Pass: 2, Fail: 1}, "cpp->go": {Pass: 3}, "cpp->cpp": {Pass: 3}}, r.Pairs)
	assert.Equal(t, 3, r.Cases)
	for i, v := range Verdicts {
		var c Counts
		c.Add(v)
		assert.Equal(t, 1, c.Of(v))
		assert.Equal(t, 0, c.Of(Verdicts[(i+1)%len(Verdicts)]))
	}
}

func TestWrite(t *testing.T) {
	folder := t.TempDir()
	r := with(Fail, `byte 3 is <5> & not "6"`)
	require.NoError(t, r.Write(folder))
	content, err := os.ReadFile(filepath.Join(folder, "report.json"))
	require.NoError(t, err)
	assert.Empty(t, validate(t, content))

	var again Report
	require.NoError(t, json.Unmarshal(content, &again))
	assert.Equal(t, r.Pairs, again.Pairs)

	var junit junitSuites
	content, err = os.ReadFile(filepath.Join(folder, "junit.xml"))
	require.NoError(t, err)
	require.NoError(t, xml.Unmarshal(content, &junit))
	assert.Len(t, junit.Suites, 4)
	failures := 0
	for _, s := range junit.Suites {
		failures += s.Failures
		assert.Equal(t, 3, s.Tests)
	}
	assert.Equal(t, 1, failures)

	page, err := os.ReadFile(filepath.Join(folder, "index.html"))
	require.NoError(t, err)
	text := string(page)
	assert.Contains(t, text, "1 red")
	assert.Contains(t, text, "It &lt;shows&gt;.")
	assert.Contains(t, text, "byte 3 is &lt;5&gt;")
	assert.Equal(t, 12+4, strings.Count(text, `class="dot `), "a square per case and pair, and one per pair for the group of b")
	for _, fetched := range []string{"http://", "https://", "src=", "@import", "<script"} {
		assert.NotContains(t, text, fetched, "the page must need nothing else")
	}
}

func TestJUnitHidesNothing(t *testing.T) {
	for verdict, want := range map[Verdict]string{Fail: "<failure", NotRun: "<error", Unsupported: "<error", XFail: "<skipped"} {
		content, err := with(verdict, "m").JUnit()
		require.NoError(t, err)
		assert.Contains(t, string(content), want, verdict)
	}
	r := example()
	r.Problems = []string{"the agent did not end"}
	content, err := r.JUnit()
	require.NoError(t, err)
	assert.Contains(t, string(content), "the agent did not end")
}

func TestPageIsMadeFromTheJSONAlone(t *testing.T) {
	content, err := json.Marshal(with(Pass, ""))
	require.NoError(t, err)
	page, err := Page(content)
	require.NoError(t, err)
	assert.Contains(t, string(page), "All green")
	_, err = Page([]byte(`{"schema_version": 99}`))
	assert.ErrorContains(t, err, "schema version 99")
	_, err = Page([]byte(`no`))
	assert.Error(t, err)
}

func TestSchemaNoticesWhatDoesNotBelong(t *testing.T) {
	content, err := json.Marshal(with(Pass, ""))
	require.NoError(t, err)
	for old, changed := range map[string]string{
		`"seed":7`: `"seed":"7"`, `"schema_version":1`: `"schema_version":2`, `"green":true`: `"green":true,"grin":1`, `"verdict":"pass"`: `"verdict":"maybe"`,
		`"cases":3,`: ``,
	} {
		require.Contains(t, string(content), old)
		assert.NotEmpty(t, validate(t, []byte(strings.Replace(string(content), old, changed, 1))), changed)
	}
}

// schema is the part of JSON Schema that report.schema.json uses; decoding refuses any other keyword.
type schema struct {
	Schema               string             `json:"$schema"`
	Title                string             `json:"title"`
	Ref                  string             `json:"$ref"`
	Type                 string             `json:"type"`
	Const                any                `json:"const"`
	Enum                 []string           `json:"enum"`
	Required             []string           `json:"required"`
	Properties           map[string]*schema `json:"properties"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"`
	Items                *schema            `json:"items"`
	Defs                 map[string]*schema `json:"$defs"`
}

func strict(t *testing.T, content []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(into))
}

func validate(t *testing.T, content []byte) []string {
	t.Helper()
	text, err := os.ReadFile("../../schema/report.schema.json")
	require.NoError(t, err)
	var root schema
	strict(t, text, &root)
	var value any
	require.NoError(t, json.Unmarshal(content, &value))
	return check(t, &root, &root, "report", value)
}

func check(t *testing.T, root, s *schema, path string, v any) []string {
	t.Helper()
	if s.Ref != "" {
		s = root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")]
		require.NotNil(t, s, path)
	}
	var problems []string
	bad := func(format string, args ...any) { problems = append(problems, path+": "+fmt.Sprintf(format, args...)) }
	if s.Const != nil && s.Const != v {
		bad("%v instead of %v", v, s.Const)
	}
	if text, ok := v.(string); s.Enum != nil && (!ok || !slices.Contains(s.Enum, text)) {
		bad("%v is none of %v", v, s.Enum)
	}
	n, isNumber := v.(float64)
	_, isText := v.(string)
	_, isFlag := v.(bool)
	list, isList := v.([]any)
	members, isObject := v.(map[string]any)
	if s.Type != "" && !map[string]bool{
		"string": isText, "boolean": isFlag, "number": isNumber, "integer": isNumber && n == float64(int64(n)), "array": isList, "object": isObject,
	}[s.Type] {
		bad("%v is no %s", v, s.Type)
	}
	for i, element := range list {
		problems = append(problems, check(t, root, s.Items, fmt.Sprintf("%s[%d]", path, i), element)...)
	}
	for _, name := range s.Required {
		if _, there := members[name]; !there {
			bad("%s is missing", name)
		}
	}
	for name, member := range members {
		if known, ok := s.Properties[name]; ok {
			problems = append(problems, check(t, root, known, path+"."+name, member)...)
			continue
		}
		if string(s.AdditionalProperties) == "false" {
			bad("%s does not belong there", name)
			continue
		}
		var other schema
		strict(t, s.AdditionalProperties, &other)
		problems = append(problems, check(t, root, &other, path+"."+name, member)...)
	}
	return problems
}
