package bench

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// pinProcess binds every thread of this process to one CPU; threads made later inherit it. -1 changes nothing.
// Go's runtime has threads before main runs, so all of them are visited, twice: the second time nobody unpinned is left to
// start another.
func pinProcess(cpu int) error {
	if cpu < 0 {
		return nil
	}
	for range 2 {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return fmt.Errorf("pinning to CPU %d: %w", cpu, err)
		}
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil {
				return fmt.Errorf("pinning to CPU %d: thread %q: %w", cpu, thread.Name(), err)
			}
			if err := pinThread(id, cpu); err != nil && !errors.Is(err, unix.ESRCH) { // it may have ended meanwhile
				return err
			}
		}
	}
	return nil
}

// pinThread binds one thread, 0 for the calling one.
func pinThread(id, cpu int) error {
	var set unix.CPUSet
	set.Set(cpu)
	if err := unix.SchedSetaffinity(id, &set); err != nil {
		return fmt.Errorf("pinning to CPU %d: %w", cpu, err)
	}
	return nil
}

// allowedCPUs are the CPUs that this process may use.
func allowedCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("asking for the usable CPUs: %w", err)
	}
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}
