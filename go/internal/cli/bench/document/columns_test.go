package document

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
)

func titles(columns []Column) (list []string) {
	for _, c := range columns {
		list = append(list, c.Title)
	}
	return list
}

func cellsOf(kind string, r Result) map[string]string {
	cells := map[string]string{}
	for _, c := range (Document{Kind: kind}).Columns([]Result{r}) {
		cells[c.Title] = c.Cell(r)
	}
	return cells
}

func TestWhatNobodyMeasuredHasNoColumn(t *testing.T) {
	outside := Result{P50NS: 10, P99NS: 20, P999NS: 30, LimitP50NS: 5, RatioToLimit: 2}
	assert.Equal(t, []string{"median", "p99", "p99.9", "line", "× line"}, titles(Document{Kind: "rtt"}.Columns([]Result{outside})))
	assert.Empty(t, Document{Kind: "rtt"}.Columns([]Result{{Unsupported: "no"}}))
	waiting := Result{LimitSemaphoreP50NS: 5, RatioToSemaphore: 2}
	assert.Equal(t, []string{"median", "p99", "p99.9", "line", "× line", "semaphore", "× sem."}, titles(Document{Kind: "rtt"}.Columns([]Result{outside, waiting})))
}

func TestCells(t *testing.T) {
	shm, copied, heap := int64(1000), int64(0), int64(250)
	r := Result{Samples: 100, P50NS: 1500, MemcpyP50NS: 200, RatioToMemcpy: 7.5, ThreadsP50NS: 1000, RatioToThreads: 1.5, PerSecond: 654_321, ShmBytes: &shm, CopiedBytes: &copied,
		ClientUsage: &benchproto.Usage{CPUNS: 200_000, MinorFaults: 3, AllocatedBytes: &heap, RanOn: []int{0, 1}}, ServerUsage: &benchproto.Usage{CPUNS: 100_000, MajorFaults: 2},
		Dual: &DualResult{P50NS: 3000, Ratio: 0.5, ShmBytes: 2000, ShmRatio: 0.5, CopiedBytes: &shm, ClientUsage: &benchproto.Usage{}, ServerUsage: &benchproto.Usage{MinorFaults: 9}}}
	common := map[string]string{"median": "1.50 µs", "per s": "654,321", "memory": "1,000", "client CPU": "2.00 µs", "server CPU": "1.00 µs", "faults": "5", "copied": "0", "client heap": "2.5", "CPUs": "0,1 | "}
	for kind, more := range map[string]map[string]string{
		"rtt":    {"copy": "200 ns"},
		"frames": {"copy": "200 ns", "× copy": "7.50", "two threads": "1.00 µs", "× threads": "1.50"},
		"dual":   {"two buffers": "3.00 µs", "× buffers": "0.50", "of two": "2,000", "× memory": "0.5000", "copied of two": "1,000", "faults of two": "9"},
	} {
		want := map[string]string{}
		for _, part := range []map[string]string{common, more} {
			for title, cell := range part {
				want[title] = cell
			}
		}
		assert.Equal(t, want, cellsOf(kind, r), kind)
	}
}

func TestHostNamesItsCPUs(t *testing.T) {
	h := ThisHost(1, -1)
	assert.Equal(t, "client on CPU 1, server on any CPU", h.Placement())
	assert.Contains(t, h.Machine(), "CPUs, kernel ")
	assert.Positive(t, h.CPUs)
	assert.NotEqual(t, "unknown", h.Kernel)
}
