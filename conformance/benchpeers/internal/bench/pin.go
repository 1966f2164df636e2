package bench

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// pinProcess binds every thread of this process to one CPU; threads made later inherit it. -1 changes nothing.
// Go's runtime has threads before main runs: all are visited, twice, since the second time no unpinned one is left to start another.
func pinProcess(cpu int) error {
	if cpu < 0 {
		return nil
	}
	var set unix.CPUSet
	set.Set(cpu)
	for range 2 {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("pinning to CPU %d: %w", cpu, err)
		}
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err == nil {
				err = unix.SchedSetaffinity(id, &set)
			}
			if err != nil && !errors.Is(err, unix.ESRCH) { // it may have ended meanwhile
				return fmt.Errorf("pinning to CPU %d: thread %s: %w", cpu, thread.Name(), err)
			}
		}
	}
	return nil
}
