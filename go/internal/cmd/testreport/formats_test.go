package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "results.xml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// The nesting, and the outcomes as elements, of pytest and of the conformance runner.
const nestedJunit = `<testsuites><testsuite name="a"><testsuite name="b">
<testcase classname="m" name="good" time="0.5"/>
<testcase classname="m" name="bad"><failure message="1 != 2">trace</failure></testcase>
<testcase classname="m" name="broken"><error message="no fixture"/></testcase>
<testcase classname="m" name="left"><skipped message="no numpy"/></testcase>
</testsuite></testsuite></testsuites>`

const nunitFile = `<test-results><test-suite><results><test-case name="A.Good" executed="True" result="Success" time="0.25"/>
<test-suite><results><test-case name="A.Bad" executed="True" result="Failure" time="1"><failure><message>1 != 2</message></failure></test-case>
<test-case name="A.Odd" executed="True" result="Inconclusive"/><test-case name="A.Left" executed="False" result="Ignored"/></results></test-suite></results></test-suite></test-results>`

const trxFile = `<TestRun xmlns="http://microsoft.com/schemas/VisualStudio/TeamTest/2010"><Results>
<UnitTestResult testName="Good" outcome="Passed"/><UnitTestResult testName="Bad" outcome="Failed"><Output><ErrorInfo><Message>1 != 2</Message></ErrorInfo></Output></UnitTestResult>
<UnitTestResult testName="Left" outcome="NotExecuted"/></Results></TestRun>`

func TestOtherFormats(t *testing.T) {
	for name, c := range map[string]struct {
		kind, text, saved string
		printed           []string
	}{
		"nested junit": {"junit", nestedJunit, `"passed":1,"failed":2,"skipped":1`, []string{"FAIL m.bad", "1 != 2", "trace", "FAIL m.broken", "no fixture", "skipped m.left: no numpy"}},
		"nunit":        {"nunit", nunitFile, `"passed":1,"failed":2,"skipped":1`, []string{"FAIL A.Bad", "1 != 2", "FAIL A.Odd", "skipped A.Left"}},
		"trx":          {"nunit", trxFile, `"passed":1,"failed":1,"skipped":1`, []string{"FAIL Bad", "1 != 2", "skipped Left"}},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "counts.json")
			code, stdout, _ := report(t, "", c.kind, "-suite", "x", "-out", out, write(t, c.text))
			assert.Equal(t, 1, code)
			for _, want := range c.printed {
				assert.Contains(t, stdout, want)
			}
			encoded, err := os.ReadFile(out)
			require.NoError(t, err)
			assert.Contains(t, string(encoded), c.saved)
		})
	}
}

func TestOtherFormatsWithoutTestsOrXMLFail(t *testing.T) {
	for _, kind := range []string{"junit", "nunit"} {
		for _, text := range []string{`<testsuites/>`, `<test-case`} {
			code, _, stderr := report(t, "", kind, "-suite", "x", "-out", filepath.Join(t.TempDir(), "c"), write(t, text))
			assert.Equal(t, 1, code, "%s %s", kind, text)
			assert.NotEmpty(t, stderr)
		}
		code, _, stderr := report(t, "", kind, "-suite", "x", "-out", filepath.Join(t.TempDir(), "c"), filepath.Join(t.TempDir(), "missing.xml"))
		assert.Equal(t, 1, code)
		assert.Contains(t, stderr, "missing.xml")
	}
}
