package runner

import (
	"fmt"
	"os"
	"strings"
)

// processState reads what the kernel says of a process.
func processState(pid int) (map[string]any, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return nil, err
	}
	descriptors, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return nil, err
	}
	result := map[string]any{"descriptors": uint64(len(descriptors))}
	for line := range strings.Lines(string(status)) {
		key, text, _ := strings.Cut(line, ":")
		var n uint64
		_, err := fmt.Sscan(text, &n)
		switch {
		case key == "State":
			result["state"] = strings.Fields(text)[0]
		case key == "VmRSS" && err == nil:
			result["rss_kib"] = n
		case key == "Threads" && err == nil:
			result["threads"] = n
		}
	}
	result["cpu_ms"], err = processorTime(pid)
	return result, err
}

// processorTime is the time that a process has used, in milliseconds.
func processorTime(pid int) (uint64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name may hold anything; the fields behind it are the third and so on.
	fields := strings.Fields(string(stat)[strings.LastIndexByte(string(stat), ')')+1:])
	var user, system uint64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		return 0, err
	}
	const tick = 10 // milliseconds, in every Linux that there is
	return (user + system) * tick, nil
}
