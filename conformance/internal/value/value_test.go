package value

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEvaluate(t *testing.T) {
	s := Scope{"n": uint64(5), "text": "abc", "seed": uint64(1), "case": "c", "i": uint64(0)}
	for expression, want := range map[string]any{
		"1": uint64(1), "0x10": uint64(16), "n": uint64(5), "text": "abc", "n + 2*3": uint64(11), "(n+2)*3": uint64(21), "n/2": uint64(2), "n%3": uint64(2),
		"7-n-1": uint64(1), "up(0)": uint64(0), "up(1)": uint64(64), "up(64)+up(65)": uint64(192), "0-1": uint64(math.MaxUint64), "random(1)": uint64(0),
	} {
		got, err := s.Evaluate(expression)
		require.NoError(t, err, expression)
		assert.Equal(t, want, got, expression)
	}
	for _, expression := range []string{"", "m", "n+", "n n", "(n", "n/0", "text+1", "down(3)", "random(0)", "1e5", "99999999999999999999"} {
		_, err := s.Evaluate(expression)
		assert.Error(t, err, expression)
	}
}

func TestRandomFollowsFromTheSeedTheCaseAndTheIndexAlone(t *testing.T) {
	draw := func(s Scope) any {
		v, err := s.Evaluate("random(1000000007)")
		require.NoError(t, err)
		return v
	}
	a := Scope{"seed": uint64(1), "case": "c", "i": uint64(0), "name": "one"}
	assert.Equal(t, draw(a), draw(Scope{"seed": uint64(1), "case": "c", "i": uint64(0), "name": "two"}))
	for _, other := range []Scope{{"seed": uint64(2), "case": "c", "i": uint64(0)}, {"seed": uint64(1), "case": "d", "i": uint64(0)}, {"seed": uint64(1), "case": "c", "i": uint64(1)}} {
		assert.NotEqual(t, draw(a), draw(other))
	}
}

func TestResolve(t *testing.T) {
	s := Scope{"n": uint64(5)}
	got, err := s.Resolve(map[string]any{"a": "=n+1", "b": []any{"x${n}y", uint64(3), true}})
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"a": uint64(6), "b": []any{"x5y", uint64(3), true}}, got)
	for _, bad := range []any{"${m}", "${n", "=m", []any{"=m"}, map[string]any{"k": "=m"}} {
		_, err := s.Resolve(bad)
		assert.Error(t, err, bad)
	}
}

func TestMatch(t *testing.T) {
	got := map[string]any{"n": uint64(5), "s": "hello", "l": []any{map[string]any{"k": uint64(1)}, map[string]any{"k": uint64(2)}}}
	is := func(key string, v any) map[string]any { return map[string]any{key: v} }
	for name, c := range map[string]struct {
		expected any
		problem  string
	}{
		"some members":     {is("n", uint64(5)), ""},
		"another value":    {is("n", uint64(6)), "n: expected 6, got 5"},
		"missing member":   {is("m", uint64(6)), "m is missing"},
		"least":            {is("n", is("least", uint64(5))), ""},
		"not least":        {is("n", is("least", uint64(6))), "n: expected least 6, got 5"},
		"most":             {is("n", is("most", uint64(4))), "n: expected most 4, got 5"},
		"not":              {is("n", is("not", uint64(5))), "n: expected not 5, got 5"},
		"contains":         {is("s", is("contains", "ell")), ""},
		"does not contain": {is("s", is("contains", "elk")), `s: expected contains "elk", got "hello"`},
		"one of":           {is("n", is("one_of", []any{uint64(1), uint64(5)})), ""},
		"none of":          {is("n", is("one_of", []any{uint64(1)})), "n: expected one_of [1], got 5"},
		"has":              {is("l", is("has", is("k", uint64(2)))), ""},
		"has not":          {is("l", is("has", is("k", uint64(3)))), `l: expected has {"k":3}, got [{"k":1},{"k":2}]`},
		"lacks":            {is("l", is("lacks", is("k", uint64(2)))), `l: expected lacks {"k":2}, got [{"k":1},{"k":2}]`},
		"list":             {is("l", []any{is("k", uint64(1)), is("k", uint64(9))}), "l: [1]: k: expected 9, got 2"},
		"short list":       {is("l", []any{is("k", uint64(1))}), `l: expected [{"k":1}], got [{"k":1},{"k":2}]`},
		"no map":           {is("n", is("k", uint64(1))), `n: expected {"k":1}, got 5`},
		"least of text":    {is("s", is("least", uint64(1))), `s: expected least 1, got "hello"`},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.problem, Match(c.expected, got)) })
	}
}

func TestNumbersStayWhole(t *testing.T) {
	got, err := FromJSON([]byte(`{"big":18446744073709551615,"negative":-2,"list":[1]}`))
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"big": uint64(math.MaxUint64), "negative": uint64(math.MaxUint64 - 1), "list": []any{uint64(1)}}, got)
	assert.Equal(t, "18446744073709551614 (-2)", Text(uint64(math.MaxUint64-1)))
	for _, bad := range []string{"1.5", "1e99", "{", `{"a":1.5}`, "[0.1]"} {
		_, err := FromJSON([]byte(bad))
		assert.Error(t, err, bad)
	}
}
