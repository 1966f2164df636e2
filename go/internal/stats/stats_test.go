package stats

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPercentilePicksTheStatedIndex(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i
	}
	for _, c := range []struct {
		samples []int
		q       float64
		want    int
	}{
		{nil, 0.5, 0},
		{[]int{7}, 0.5, 7},
		{[]int{7}, 0.99, 7},
		{[]int{1, 2}, 0.5, 2},
		{[]int{1, 2, 3}, 0.5, 2},
		{hundred, 0.5, 50},
		{hundred, 0.99, 99},
		{hundred, 0, 0},
		{hundred, 1, 99},
	} {
		assert.Equal(t, c.want, Percentile(c.samples, c.q), "%v at %v", c.samples, c.q)
	}
}

func TestSummarizeSortsFirst(t *testing.T) {
	samples := []int64{30, 10, 20}
	assert.Equal(t, Summary{P50: 20, P99: 30, P999: 30}, Summarize(samples))
	assert.Equal(t, []int64{10, 20, 30}, samples)
}
