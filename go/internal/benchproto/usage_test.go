package benchproto

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
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

func TestSharedMemoryIsThatOfOneChannel(t *testing.T) {
	channel := fmt.Sprintf("zd-benchproto-%d", os.Getpid())
	mapped := func(name string, pages int) { // as servers make it: the name comes last
		fd, err := unix.Open("/dev/shm", unix.O_TMPFILE|unix.O_RDWR, 0o600)
		require.NoError(t, err)
		defer unix.Close(fd)
		require.NoError(t, unix.Ftruncate(fd, 1<<20))
		memory, err := unix.Mmap(fd, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		require.NoError(t, err)
		require.NoError(t, unix.Linkat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), unix.AT_FDCWD, "/dev/shm/"+name, unix.AT_SYMLINK_FOLLOW))
		t.Cleanup(func() { assert.NoError(t, errors.Join(os.Remove("/dev/shm/"+name), unix.Munmap(memory))) })
		for i := range pages {
			memory[i*Page] = 1
		}
	}
	bytes, err := SharedMemory(channel)
	require.NoError(t, err)
	assert.Zero(t, bytes)
	mapped(channel, 3)
	mapped("sem."+channel, 2)
	mapped(channel+".control", 50)
	mapped("another-"+channel[3:], 50)
	bytes, err = SharedMemory(channel)
	require.NoError(t, err)
	assert.EqualValues(t, 5*Page, bytes)

	line := NewLine(make([]byte, FileSize))
	assert.Nil(t, line.ReadMemory())
	for _, n := range []int64{0, 5 * Page} {
		line.WriteMemory(n)
		assert.Equal(t, n, *line.ReadMemory())
	}
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
