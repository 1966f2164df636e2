package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func report(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = run(args, strings.NewReader(stdin), &out, &err)
	return code, out.String(), err.String()
}

const goodStream = `{"Action":"start","Package":"a"}
{"Action":"run","Package":"a","Test":"TestX"}
{"Action":"output","Package":"a","Test":"TestX","Output":"quiet\n"}
{"Action":"pass","Package":"a","Test":"TestX/sub"}
{"Action":"pass","Package":"a","Test":"TestX"}
{"Action":"output","Package":"a","Output":"PASS\n"}
{"Action":"pass","Package":"a","Elapsed":0.5}
{"Action":"skip","Package":"b"}
`

func TestGoCounts(t *testing.T) {
	out := filepath.Join(t.TempDir(), "go.json")
	code, stdout, stderr := report(t, goodStream, "go", "-suite", "go", "-out", out)
	require.Equal(t, 0, code, stderr)
	assert.Equal(t, "ok   a: 2 tests (0.5 s)\n", stdout)
	encoded, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Contains(t, string(encoded), `"suite":"go","passed":2,"failed":0,"skipped":0`)
}

func TestGoFailures(t *testing.T) {
	for name, c := range map[string]struct{ stream, stdout, stderr string }{
		"a test": {goodStream + `{"Action":"output","Package":"c","Test":"TestY","Output":"expected 1, got 2\n"}
{"Action":"fail","Package":"c","Test":"TestY"}
{"Action":"fail","Package":"c","Elapsed":1}
`, "expected 1, got 2\n", "go: 1 failed"},
		"a crash": {goodStream + `{"Action":"output","Package":"c","Output":"panic: boom\n"}
{"Action":"fail","Package":"c"}
`, "panic: boom\n", "go: 1 failed"},
		"a compilation": {goodStream + `{"ImportPath":"c","Action":"build-output","Output":"c.go:1: syntax error\n"}
{"ImportPath":"c","Action":"build-fail"}
{"Action":"fail","Package":"c"}
`, "c.go:1: syntax error\n", "go: 1 failed"},
		"nothing":            {"", "", "go: no test ran"},
		"the command itself": {"go: cannot find main module\n", "go: cannot find main module\n", "go: no test ran"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := report(t, c.stream, "go", "-suite", "go", "-out", filepath.Join(t.TempDir(), "x"))
			assert.Equal(t, 1, code)
			assert.Contains(t, stdout, c.stdout)
			assert.Contains(t, stderr, c.stderr)
		})
	}
}

func TestSkippedTestsAreNamed(t *testing.T) {
	_, stdout, _ := report(t, goodStream+`{"Action":"skip","Package":"a","Test":"TestZ"}`+"\n", "go", "-out", filepath.Join(t.TempDir(), "x"))
	assert.Contains(t, stdout, "skipped a TestZ\n")
}

func ctestFile(t *testing.T, cases string) string {
	path := filepath.Join(t.TempDir(), "ctest.xml")
	require.NoError(t, os.WriteFile(path, []byte(`<?xml version="1.0"?><testsuite>`+cases+`</testsuite>`), 0o600))
	return path
}

func TestJunit(t *testing.T) {
	out := filepath.Join(t.TempDir(), "cpp.json")
	code, stdout, _ := report(t, "", "junit", "-suite", "cpp", "-out", out, ctestFile(t, `
<testcase name="A.b" status="run" time="0.25"><system-out>fine</system-out></testcase>
<testcase name="A.c" status="notrun" time="0"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>`))
	assert.Equal(t, 0, code)
	assert.Equal(t, "skipped A.c: SKIP_REGULAR_EXPRESSION_MATCHED\nok   1 tests (0.2 s)\n", stdout)

	code, stdout, stderr := report(t, "", "junit", "-suite", "cpp", "-out", out, ctestFile(t, `
<testcase name="A.b" status="run"/><testcase name="A.c" status="fail"><system-out>expected 3</system-out></testcase>
<testcase name="A.d" status="notrun"><skipped message="Unable to find executable"/></testcase>
<testcase name="A.e" status="disabled"/>`))
	assert.Equal(t, 1, code)
	assert.Contains(t, stdout, "expected 3")
	assert.Contains(t, stdout, "Unable to find executable")
	assert.Contains(t, stderr, "cpp: 3 failed")

	code, _, stderr = report(t, "", "junit", "-suite", "cpp", "-out", out, ctestFile(t, ""))
	assert.Equal(t, 1, code)
	assert.Contains(t, stderr, "cpp: no test ran")
	code, _, _ = report(t, "", "junit", "-suite", "cpp", "-out", out, "/missing.xml")
	assert.Equal(t, 1, code)
}

func TestTotal(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, counts{Suite: "go", Passed: 10, Skipped: 1}.save(filepath.Join(dir, "go.json")))
	require.NoError(t, counts{Suite: "cpp", Passed: 5}.save(filepath.Join(dir, "cpp.json")))
	code, stdout, _ := report(t, "", "total", "-dir", dir, "go", "cpp")
	assert.Equal(t, 0, code)
	assert.True(t, strings.HasSuffix(stdout, "\n15 passed, 0 failed, 1 skipped\n"), stdout)

	code, stdout, stderr := report(t, "", "total", "-dir", dir, "go", "python")
	assert.Equal(t, 1, code)
	assert.True(t, strings.HasSuffix(stdout, "\n10 passed, 1 failed, 1 skipped\n"), stdout)
	assert.Contains(t, stderr, "python did not run")

	require.NoError(t, counts{Suite: "cpp", Passed: 5, Failed: 2}.save(filepath.Join(dir, "cpp.json")))
	code, stdout, _ = report(t, "", "total", "-dir", dir, "cpp")
	assert.Equal(t, 1, code)
	assert.True(t, strings.HasSuffix(stdout, "\n5 passed, 2 failed\n"), stdout)
}

func TestTheSumNamesWhatFailed(t *testing.T) {
	dir := t.TempDir()
	saved := func(suite string) string { return filepath.Join(dir, suite+".json") }
	report(t, goodStream+`{"Action":"output","Package":"c","Test":"TestY","Output":"=== RUN   TestY\n"}
{"Action":"output","Package":"c","Test":"TestY","Output":"    y_test.go:3: \n        \tError Trace:\ty_test.go:3\n        \tError:      \tNot equal: \n"}
{"Action":"fail","Package":"c","Test":"TestY"}
{"Action":"output","Package":"d","Test":"TestZ","Output":"    z_test.go:4: late\n"}
{"Action":"fail","Package":"d","Test":"TestZ"}
{"Action":"output","Package":"e","Output":"panic: boom\n"}
{"Action":"fail","Package":"e"}
{"Action":"fail","Package":"f"}
`, "go", "-suite", "go", "-out", saved("go"))
	report(t, "", "junit", "-suite", "python", "-out", saved("python"), write(t, nestedJunit))
	report(t, "", "nunit", "-suite", "csharp", "-out", saved("csharp"), write(t, nunitFile))
	report(t, "", "nunit", "-suite", "dotnet", "-out", saved("dotnet"), write(t, trxFile))
	code, stdout, _ := report(t, "", "total", "-dir", dir, "go", "python", "csharp", "dotnet")
	assert.Equal(t, 1, code)
	_, named, _ := strings.Cut(stdout, "dotnet  ")
	assert.Equal(t, `FAIL go c TestY: Not equal:
FAIL go d TestZ: z_test.go:4: late
FAIL go e: panic: boom
FAIL go f
FAIL python m.bad: 1 != 2
FAIL python m.broken: no fixture
FAIL csharp A.Bad: 1 != 2
FAIL csharp A.Odd
FAIL dotnet Bad: 1 != 2
5 passed, 9 failed, 3 skipped
`, named[strings.Index(named, "FAIL"):])
}

func TestTheSumStaysShort(t *testing.T) {
	dir := t.TempDir()
	broken := counts{Suite: "go"}
	for range failuresNamed + 3 {
		broken.fail(strings.Repeat("long ", 100), "reason")
	}
	require.NoError(t, broken.save(filepath.Join(dir, "go.json")))
	_, stdout, _ := report(t, "", "total", "-dir", dir, "go")
	assert.Contains(t, stdout, "\nand 3 failures more\n0 passed, 13 failed\n")
	assert.Equal(t, failuresNamed, strings.Count(stdout, "FAIL go"))
	for _, line := range strings.Split(stdout, "\n") {
		assert.LessOrEqual(t, len(line), lineLength+len("FAIL go ..."))
	}
}

func TestWrongArguments(t *testing.T) {
	for _, args := range [][]string{{}, {"total"}, {"sum"}, {"go", "-x"}, {"junit"}} {
		code, _, stderr := report(t, "", args...)
		assert.Equal(t, 2, code)
		assert.NotEmpty(t, stderr)
	}
}
