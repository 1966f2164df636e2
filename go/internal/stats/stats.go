// Package stats holds the few statistics that the command and the example peers report.
// Every language's peers use the same definitions, so that their figures can stand in one table.
package stats

import (
	"cmp"
	"math"
	"slices"
)

// Percentile returns the element at index min(n-1, floor(n*q)) of the ascending samples, q from 0 to 1.
// It returns the zero value for no samples.
func Percentile[T cmp.Ordered](ascending []T, q float64) T {
	n := len(ascending)
	if n == 0 {
		var zero T
		return zero
	}
	return ascending[min(n-1, max(0, int(math.Floor(float64(n)*q))))]
}

// Summary is what is reported of a series of durations.
type Summary struct {
	P50, P99, P999 int64 // nanoseconds; P999 is the 99.9th percentile
}

// Summarize sorts the samples in place and returns their percentiles.
func Summarize(nanoseconds []int64) Summary {
	slices.Sort(nanoseconds)
	return Summary{P50: Percentile(nanoseconds, 0.50), P99: Percentile(nanoseconds, 0.99), P999: Percentile(nanoseconds, 0.999)}
}
