package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	// memoryLimit is what one search may take, in megabytes.
	memoryLimit = 2500
	// searchTimeout ends a search that would not end in any reasonable time, also on a busy machine.
	searchTimeout = 20 * time.Minute
)

// promela is one search of a model's states.
type promela struct {
	models  string
	model   string // below models, without .pml
	defines []string
	fault   string // without FAULT_; empty: the model as the protocol is, in which nothing may be found
	// deep searches depth first also for a fault, where breadth first takes long.
	deep bool
	// livelock looks for cycles without progress, under weak fairness, instead of invalid end states.
	livelock bool
	// unreached is the number of statements that are not reached on purpose, because they are there for the case that never comes or
	// belong to other defines.
	unreached int
}

func (p promela) name() string {
	parts := append([]string{strings.ReplaceAll(p.model, "/", "-")}, p.defines...)
	if p.livelock {
		parts = append(parts, "livelock")
	}
	if p.fault != "" {
		parts = append(parts, strings.ToLower(strings.ReplaceAll(p.fault, "_", "-")))
	}
	return strings.Join(parts, "_")
}

func (p promela) arguments() []string {
	var args []string
	for _, d := range p.defines {
		args = append(args, "-D"+d)
	}
	if p.fault != "" {
		args = append(args, "-DFAULT_"+p.fault)
	}
	return args
}

// compilerFlags choose the search: for most faults breadth first, which gives the shortest trail.
func (p promela) compilerFlags() []string {
	flags := []string{"-w", "-DVECTORSZ=2048", fmt.Sprintf("-DMEMLIM=%d", memoryLimit)}
	switch {
	case p.fault != "":
		if p.deep {
			return append(flags, "-O0", "-DSAFETY", "-DCOLLAPSE")
		}
		return append(flags, "-O0", "-DSAFETY", "-DBFS") // compiling takes longer than most of these searches
	case p.livelock:
		return append(flags, "-O1", "-DNP", "-DNFAIR=3", "-DCOLLAPSE")
	default:
		return append(flags, "-O1", "-DSAFETY", "-DCOLLAPSE")
	}
}

func (p promela) searchFlags() []string {
	switch {
	case p.fault != "" && !p.deep:
		return []string{"-w22", "-n"}
	case p.livelock:
		return []string{"-w22", "-m2000000", "-l", "-f", "-n"}
	default:
		return []string{"-w22", "-m2000000"}
	}
}

func (p promela) run(folder string) result {
	source, err := filepath.Abs(filepath.Join(p.models, p.model+".pml"))
	if err != nil {
		return result{Outcome: err.Error()}
	}
	if out, err := command(folder, "spin", append(append([]string{"-a"}, p.arguments()...), source)...); err != nil {
		return result{Outcome: fmt.Sprintf("spin: %v: %s", err, lastLine(out))}
	}
	if out, err := command(folder, "gcc", append(p.compilerFlags(), "-o", "pan", "pan.c")...); err != nil {
		return result{Outcome: fmt.Sprintf("gcc: %v: %s", err, lastLine(out))}
	}
	out, err := command(folder, "./pan", p.searchFlags()...)
	r := p.judge(string(out), err)
	if trails, _ := filepath.Glob(filepath.Join(folder, "*.trail")); len(trails) > 0 {
		trail, _ := command(folder, "spin", append(append([]string{"-k", filepath.Base(trails[0]), "-p", "-g", "-l"}, p.arguments()...), source)...)
		_ = os.WriteFile(filepath.Join(folder, "trail.txt"), trail, 0o644) // the result says what was found without it
	}
	p.tidy(folder)
	return r
}

// tidy leaves logs and trails and removes what can be made again.
func (p promela) tidy(folder string) {
	made, _ := filepath.Glob(filepath.Join(folder, "pan*"))
	for _, path := range made {
		if filepath.Base(path) != "pan.log" {
			_ = os.Remove(path) // a leftover does no harm
		}
	}
}

var (
	errorsLine  = regexp.MustCompile(`errors: (\d+)`)
	statesLine  = regexp.MustCompile(`(?m)^\s*(\d+) states, stored`)
	depthLine   = regexp.MustCompile(`depth reached (\d+)`)
	memoryLine  = regexp.MustCompile(`(?m)^\s*([\d.]+)\s+total actual memory usage`)
	foundLine   = regexp.MustCompile(`(?m)^pan:\d+: (.*) \(at depth (-?\d+)\)`)
	unreachable = regexp.MustCompile(`(?m)^\t\S+:\d+, state (\d+), "(.*)"$`)
)

// judge reads what the search printed. A search that was cut short has shown nothing.
func (p promela) judge(out string, err error) result {
	r := result{Size: first(statesLine, out), Depth: first(depthLine, out), Memory: first(memoryLine, out)}
	if r.Memory != "" {
		r.Memory = strings.SplitN(r.Memory, ".", 2)[0] + " MB"
	}
	found := foundLine.FindStringSubmatch(out)
	switch {
	case p.fault != "" && found != nil:
		r.Passed, r.Depth = true, found[2]
		r.Outcome = "found: " + found[1]
	case found != nil:
		r.Outcome = "error: " + found[1]
	case err != nil:
		r.Outcome = fmt.Sprintf("the search broke off: %v", err)
	case first(errorsLine, out) != "0":
		r.Outcome = "the search says nothing about errors"
	case strings.Contains(out, "Search not completed") || strings.Contains(out, "max search depth too small"):
		r.Outcome = "the search was not complete"
	case p.fault != "":
		r.Outcome = "the fault was NOT found"
	case !p.livelock && countUnreached(out) != p.unreached:
		r.Outcome = fmt.Sprintf("%d statements were not reached, expected %d", countUnreached(out), p.unreached)
	default:
		r.Passed, r.Outcome = true, "0 errors"
	}
	return r
}

// countUnreached counts statements that the search never came to, not the ends of processes that never end. One statement may have
// several lines.
func countUnreached(out string) int {
	seen := map[string]bool{}
	for _, process := range strings.Split(out, "unreached in ")[1:] {
		name, _, _ := strings.Cut(process, "\n")
		for _, m := range unreachable.FindAllStringSubmatch(process, -1) {
			if m[2] != "-end-" {
				seen[name+" "+m[1]] = true
			}
		}
	}
	return len(seen)
}

func first(r *regexp.Regexp, text string) string {
	m := r.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

// command runs a program in a folder, keeps what it prints in NAME.log there, and returns it.
func command(folder, program string, args ...string) ([]byte, error) {
	c := exec.Command(program, args...)
	c.Dir = folder
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		return nil, err
	}
	timer := time.AfterFunc(searchTimeout, func() { _ = c.Process.Kill() })
	defer timer.Stop()
	err := c.Wait()
	log := filepath.Join(folder, filepath.Base(program)+".log")
	if saved := os.WriteFile(log, out.Bytes(), 0o644); err == nil {
		err = saved
	}
	return out.Bytes(), err
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
