package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const complete = "State-vector 84 byte, depth reached 12, errors: 0\n" +
	"       34 states, stored\n  198.003\ttotal actual memory usage\n" +
	"unreached in proctype client\n\tm.pml:9, state 4, \"a = 1\"\n\tm.pml:9, state 4, \"else\"\n\tm.pml:10, state 5, \"-end-\"\n"

const broken = "pan:1: assertion violated (owner[u]==0) (at depth 7)\nSearch not completed\n depth reached 9, errors: 1\n"

func TestASearchPassesOnlyWhenItWasCompleteAndFoundWhatItShould(t *testing.T) {
	for name, c := range map[string]struct {
		p       promela
		out     string
		err     error
		passed  bool
		outcome string
	}{
		"holds":                    {promela{unreached: 1}, complete, nil, true, "0 errors"},
		"unreached":                {promela{}, complete, nil, false, "1 statements were not reached, expected 0"},
		"error":                    {promela{}, broken, nil, false, "error: assertion violated (owner[u]==0)"},
		"cut short by depth":       {promela{unreached: 1}, "error: max search depth too small\n" + complete, nil, false, "the search was not complete"},
		"killed":                   {promela{unreached: 1}, complete, fmt.Errorf("signal: killed"), false, "the search broke off: signal: killed"},
		"silent":                   {promela{}, "", nil, false, "the search says nothing about errors"},
		"fault found":              {promela{fault: "X"}, broken, nil, true, "found: assertion violated (owner[u]==0)"},
		"fault not found":          {promela{fault: "X"}, complete, nil, false, "the fault was NOT found"},
		"fault, search incomplete": {promela{fault: "X"}, "Search not completed\n" + complete, nil, false, "the search was not complete"},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.p.judge(c.out, c.err)
			assert.Equal(t, c.passed, r.Passed)
			assert.Equal(t, c.outcome, r.Outcome)
		})
	}
	r := promela{unreached: 1}.judge(complete, nil)
	assert.Equal(t, []string{"34", "12", "198 MB"}, []string{r.Size, r.Depth, r.Memory})
}

// TestEveryFaultIsRun: a fault that stands in a model and in no check would be forgotten.
func TestEveryFaultIsRun(t *testing.T) {
	run := map[string]bool{}
	for _, c := range promelaChecks("..") {
		p := c.(promela)
		_, err := os.Stat(filepath.Join("..", p.model+".pml"))
		require.NoError(t, err)
		if p.fault != "" {
			assert.False(t, run[p.name()], p.name())
			run[p.model+" "+p.fault] = true
		}
	}
	models, err := filepath.Glob("../*/*.pml")
	require.NoError(t, err)
	seen := 0
	for _, path := range models {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		model := strings.TrimSuffix(strings.TrimPrefix(path, "../"), ".pml")
		for _, m := range regexp.MustCompile(`FAULT_([A-Z_]+)`).FindAllStringSubmatch(string(text), -1) {
			assert.True(t, run[model+" "+m[1]], "%s in %s", m[1], path)
			seen++
		}
	}
	assert.NotZero(t, seen)
}

type fixed struct {
	title  string
	passed bool
}

func (f fixed) name() string      { return f.title }
func (f fixed) run(string) result { return result{Passed: f.passed, Outcome: "as it is"} }

func TestTheLastLineCountsAndJUnitTellsFailures(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	var printed bytes.Buffer
	results, err := runAll([]check{fixed{"good", true}, fixed{"bad", false}, fixed{"fine", true}}, 2, out, &printed)
	require.NoError(t, err)
	assert.Equal(t, 1, sum(results, &printed))
	assert.True(t, strings.HasSuffix(printed.String(), "\n2 passed, 1 failed\n"), printed.String())
	require.NoError(t, saveJUnit(filepath.Join(out, "junit.xml"), results))
	saved, err := os.ReadFile(filepath.Join(out, "junit.xml"))
	require.NoError(t, err)
	assert.Contains(t, string(saved), `name="bad"`)
	assert.Equal(t, 1, strings.Count(string(saved), "<failure"))
	assert.Equal(t, 1, sum(nil, &printed), "nothing ran")
}

func TestAProgramOfOrdersIsJudgedByItsExitCodeAndLastLine(t *testing.T) {
	program := filepath.Join(t.TempDir(), "orders")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n[ $1 = list ] && { echo one; echo two; echo three; exit; }\n"+
		"case $2 in one) printf 'noise\\n5\\tfine\\n' ;; two) printf '6\\tNOT found\\n'; exit 1 ;; three) echo crash; exit 3 ;; esac\n"), 0o755))
	checks, err := ringChecks(program)
	require.NoError(t, err)
	require.Len(t, checks, 3)
	assert.Equal(t, result{Passed: true, Size: "5 it.", Outcome: "fine"}, checks[0].run(t.TempDir()))
	assert.Equal(t, result{Size: "6 it.", Outcome: "NOT found"}, checks[1].run(t.TempDir()))
	assert.Contains(t, checks[2].run(t.TempDir()).Outcome, "no result")
	_, err = ringChecks(filepath.Join(t.TempDir(), "missing"))
	assert.Error(t, err)
}

func TestWrongArguments(t *testing.T) {
	for _, args := range [][]string{{"-no-such"}, {"-jobs", "0"}, {"extra"}} {
		var stderr bytes.Buffer
		assert.Equal(t, 2, run(args, &bytes.Buffer{}, &stderr))
		assert.NotEmpty(t, stderr.String())
	}
}
