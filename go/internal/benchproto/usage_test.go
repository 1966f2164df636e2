package benchproto

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNotesCountWhatAProcessUses(t *testing.T) {
	var observer Observer
	before, err := observer.Note()
	require.NoError(t, err)
	for start := time.Now(); time.Since(start) < 5*time.Millisecond; { // busy: CPU time must pass
	}
	pages := make([]byte, 16<<20)
	for i := 0; i < len(pages); i += Page {
		pages[i] = 1
	}
	runtime.KeepAlive(pages)
	after, err := observer.Note()
	require.NoError(t, err)
	var used Usage
	used.Add(before, after)
	assert.Positive(t, used.CPUNS)
	assert.Positive(t, used.MinorFaults)
	assert.GreaterOrEqual(t, used.MajorFaults, int64(0))
	assert.GreaterOrEqual(t, *used.AllocatedBytes, int64(len(pages)))
	assert.NotEmpty(t, used.RanOn)
}

func TestUsageAddsUp(t *testing.T) {
	one, five := int64(1), int64(5)
	u := Usage{RanOn: []int{}}
	u.Add(Note{CPU: 3, CPUNS: 10, Allocated: &one}, Note{CPU: 1, CPUNS: 30, MinorFaults: 2, MajorFaults: 1, Allocated: &five})
	u.Add(Note{CPU: -1, CPUNS: 50}, Note{CPU: 3, CPUNS: 55})
	four := int64(4)
	assert.Equal(t, Usage{CPUNS: 25, MinorFaults: 2, MajorFaults: 1, AllocatedBytes: &four, RanOn: []int{1, 3}}, u)

	unknown := Usage{}
	unknown.Add(Note{}, Note{Allocated: &one})
	assert.Nil(t, unknown.AllocatedBytes)
}

func TestNotesTellWhatIsNotKnown(t *testing.T) {
	line := NewLine(make([]byte, FileSize))
	assert.Equal(t, Note{CPU: -1}, line.ReadNote())
	zero := int64(0)
	for _, n := range []Note{{Allocated: &zero, CPU: 3, CPUNS: 4, MinorFaults: 5, MajorFaults: 6}, {CPU: -1}} {
		line.WriteNote(n)
		assert.Equal(t, n, line.ReadNote())
	}
}
