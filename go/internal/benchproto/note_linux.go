package benchproto

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// noteWords is how many words a note has.
const noteWords = 5

// Note is what a process knows about itself: what it has used so far, and where it runs.
type Note struct {
	Allocated                       *int64 // bytes on the heap; nil: its language cannot tell
	CPU                             int    // of the thread that wrote the note; -1: not known
	CPUNS, MinorFaults, MajorFaults int64  // of the whole process
}

// Observer makes notes of this process.
type Observer struct{ memory runtime.MemStats }

// Note stops the world for a moment, so ask for it between measurements only.
func (o *Observer) Note() (n Note, err error) {
	runtime.ReadMemStats(&o.memory)
	allocated := int64(o.memory.TotalAlloc)
	n = Note{Allocated: &allocated, CPU: currentCPU()}
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		return n, fmt.Errorf("reading this process's CPU time: %w", err)
	}
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return n, fmt.Errorf("reading this process's page faults: %w", err)
	}
	n.CPUNS, n.MinorFaults, n.MajorFaults = t.Nano(), usage.Minflt, usage.Majflt
	return n, nil
}

// currentCPU is where the calling thread runs at this moment, -1 when the system does not tell.
func currentCPU() int {
	var cpu uint32
	if _, _, errno := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); errno != 0 {
		return -1
	}
	return int(cpu)
}

// WriteNote is the server's side. Its answer to the frame makes it visible to the client.
func (l *Line) WriteNote(n Note) {
	var allocated uint64
	if n.Allocated != nil {
		allocated = uint64(*n.Allocated) + 1
	}
	for i, word := range [noteWords]uint64{allocated, uint64(n.CPU + 1), uint64(n.CPUNS), uint64(n.MinorFaults), uint64(n.MajorFaults)} {
		l.note[i].Store(word)
	}
}

// ReadNote is the client's side.
func (l *Line) ReadNote() Note {
	n := Note{CPU: int(l.note[1].Load()) - 1, CPUNS: int64(l.note[2].Load()), MinorFaults: int64(l.note[3].Load()), MajorFaults: int64(l.note[4].Load())}
	if allocated := l.note[0].Load(); allocated > 0 {
		bytes := int64(allocated - 1)
		n.Allocated = &bytes
	}
	return n
}
