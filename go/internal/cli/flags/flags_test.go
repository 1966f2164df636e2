package flags

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func parse(args ...string) (positional []string, asJSON bool, code int, ok bool, stderr string) {
	var out strings.Builder
	s := New("test", "usage: test NAME", &out)
	s.BoolVar(&asJSON, "json", false, "print JSON")
	positional, code, ok = s.Parse(args, "NAME")
	return positional, asJSON, code, ok, out.String()
}

func TestFlagsMayStandAnywhere(t *testing.T) {
	for _, args := range [][]string{{"--json", "a"}, {"a", "--json"}, {"a", "-json=true"}} {
		positional, asJSON, _, ok, _ := parse(args...)
		assert.True(t, ok)
		assert.True(t, asJSON)
		assert.Equal(t, []string{"a"}, positional)
	}
}

func TestMisuse(t *testing.T) {
	for want, args := range map[string][]string{
		"test: NAME is missing":         {},
		`test: unexpected argument "b"`: {"a", "b"},
		"flag provided but not defined": {"a", "--color"},
		"invalid boolean value":         {"--json=perhaps"},
	} {
		_, _, code, ok, stderr := parse(args...)
		assert.False(t, ok)
		assert.Equal(t, Usage, code)
		assert.Contains(t, stderr, want)
	}
}

func TestHelpIsNoMistake(t *testing.T) {
	_, _, code, ok, stderr := parse("--help")
	assert.False(t, ok)
	assert.Equal(t, OK, code)
	assert.Contains(t, stderr, "usage: test NAME")
	assert.Contains(t, stderr, "print JSON")
}

func TestFinish(t *testing.T) {
	var out strings.Builder
	s := New("test", "", &out)
	assert.Equal(t, OK, s.Finish(nil))
	assert.Equal(t, Failed, s.Finish(errors.New("broken")))
	assert.Equal(t, "test: broken\n", out.String())
}
