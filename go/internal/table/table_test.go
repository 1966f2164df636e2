package table

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTableAligns(t *testing.T) {
	table := Table{Columns: []Column{Left("pair"), Right("µs")}}
	table.Add("go → cpp", "1")
	table.Add("a", "1,234", "dropped")
	table.Add()
	var out strings.Builder
	require.NoError(t, table.Write(&out))
	assert.Equal(t, strings.Join([]string{
		"┌──────────┬───────┐",
		"│ pair     │    µs │",
		"├──────────┼───────┤",
		"│ go → cpp │     1 │",
		"│ a        │ 1,234 │",
		"│          │       │",
		"└──────────┴───────┘", "",
	}, "\n"), out.String())
	assert.Error(t, table.Write(brokenWriter{}))
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("broken") }

func TestNumbers(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1056960: "1,056,960", -1234: "-1,234", -12: "-12"} {
		assert.Equal(t, want, Count(n))
	}
	assert.Equal(t, "18,446,744,073,709,551,615", Count(^uint64(0)))
	for ns, want := range map[int64]string{0: "0 ns", 999: "999 ns", 1500: "1.50 µs", 45_600: "45.6 µs", 456_000: "456 µs", 12_345_678: "12.3 ms", 2_000_000_000: "2.00 s", 90_000_000_000: "90.0 s"} {
		assert.Equal(t, want, Nanoseconds(ns))
	}
	assert.Equal(t, "0.004", Megabytes(4096))
	assert.Equal(t, "33.2", Megabytes(33_177_600))
}
