package sizes

import (
	"flag"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func parse(args ...string) (*Sizes, error) {
	set := flag.NewFlagSet("test", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	var f Flags
	f.Bind(set)
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	return f.Parse()
}

func first(t *testing.T, n int, args ...string) (sizes []int) {
	t.Helper()
	s, err := parse(args...)
	require.NoError(t, err)
	for range n {
		sizes = append(sizes, s.Next())
	}
	return sizes
}

func TestSizes(t *testing.T) {
	require.Equal(t, []int{7, 7, 7}, first(t, 3, "--size", "7"))
	require.Equal(t, []int{1, 20, 3, 1, 20}, first(t, 5, "--sizes", "1,20,3"))
	require.Equal(t, []int{5, 5}, first(t, 2, "--size", "5-5"))
}

// The generator is one that others have published, with the numbers that they published for it.
func TestRandomSizesAreTheSameEverywhere(t *testing.T) {
	s := &Sizes{state: 1234567}
	for _, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821} {
		require.Equal(t, want, s.random())
	}
	require.Equal(t, first(t, 100, "--size", "1-300"), first(t, 100, "--size", "1-300", "--seed", "1"))
	require.NotEqual(t, first(t, 100, "--size", "1-300", "--seed", "2"), first(t, 100, "--size", "1-300"))
	seen := map[int]bool{}
	for _, n := range first(t, 1000, "--size", "10-14") {
		seen[n] = true
	}
	require.Equal(t, map[int]bool{10: true, 11: true, 12: true, 13: true, 14: true}, seen)
}

func TestMistakes(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--size", "0"}, {"--size", "-5"}, {"--size", "x"}, {"--size", "5-"}, {"--size", "9-5"}, {"--size", "0-5"}, {"--sizes", "1,,2"}, {"--sizes", "1,0"},
		{"--size", "1", "--sizes", "1"}, {"--seed", "-1", "--size", "1"},
	} {
		_, err := parse(args...)
		require.Error(t, err, "%q", args)
	}
	var f Flags
	require.False(t, f.Given())
}
