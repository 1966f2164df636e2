package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// ringCheck is one run of the program that checks the memory orders of the C++ ring (cpp/verify).
type ringCheck struct {
	program string
	title   string
}

// ringChecks asks the program for the names of its checks.
func ringChecks(program string) ([]check, error) {
	path, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	out, err := exec.Command(path, "list").Output()
	if err != nil {
		return nil, fmt.Errorf("%s list: %w", program, err)
	}
	var checks []check
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		if name := strings.TrimSpace(lines.Text()); name != "" {
			checks = append(checks, ringCheck{program: path, title: name})
		}
	}
	if len(checks) == 0 {
		return nil, fmt.Errorf("%s list: it has no checks", program)
	}
	return checks, lines.Err()
}

func (c ringCheck) name() string { return c.title }

// run judges by the exit code; the last line is "ITERATIONS<tab>OUTCOME".
func (c ringCheck) run(folder string) result {
	out, err := command(folder, c.program, "run", c.title)
	iterations, outcome, found := strings.Cut(lastLine(out), "\t")
	if !found {
		return result{Outcome: fmt.Sprintf("no result: %v: %s", err, lastLine(out))}
	}
	return result{Passed: err == nil, Size: iterations + " it.", Outcome: outcome}
}
