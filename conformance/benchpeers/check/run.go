package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	frames = 20
	warmup = 5
	// wrong is the frame, of the measured ones, that a server is made to answer wrongly.
	wrong = 15
	// exitUnsupported is how a program says that it does not do what it is asked for.
	exitUnsupported = 3
	// patience is for one program in one setting.
	patience = 60 * time.Second
)

// programs are a peer's two programs and a name that nothing else uses.
type programs struct{ folder, name string }

// check is all that is asked of a peer in one setting.
func (p programs) check(ctx context.Context, s setting, supported bool) error {
	if !supported {
		return errors.Join(p.refuses(ctx, "bench-server", s), p.refuses(ctx, "bench-client", s))
	}
	printed, err := p.exchange(ctx, s)
	if err != nil {
		return err
	}
	if err := judge(printed); err != nil {
		return err
	}
	printed, err = p.exchange(ctx, s, "--corrupt", strconv.Itoa(wrong))
	var exit *exitError
	if !errors.As(err, &exit) || exit.code != 1 || exit.stderr == "" || len(printed) > 0 {
		return fmt.Errorf("with a wrong byte in frame %d the client printed %q and said: %w", wrong, printed, orNothing(err))
	}
	return nil
}

// orNothing makes the absence of an error something that can be printed.
func orNothing(err error) error {
	if err == nil {
		return errors.New("nothing")
	}
	return err
}

// judge reads what a client printed.
func judge(printed []byte) error {
	var result struct {
		P50      *int64 `json:"p50_ns"`
		P99      *int64 `json:"p99_ns"`
		P999     *int64 `json:"p999_ns"`
		Samples  *int   `json:"samples"`
		CPU      *int   `json:"cpu"`
		Clock    *int64 `json:"clock_ns"`
		LimitP50 *int64 `json:"limit_p50_ns"`
	}
	if bytes.Count(printed, []byte("\n")) != 1 {
		return fmt.Errorf("%q is not one line", printed)
	}
	if err := json.Unmarshal(printed, &result); err != nil {
		return fmt.Errorf("%q: %w", printed, err)
	}
	r := result
	if r.P50 == nil || r.P99 == nil || r.P999 == nil || r.Samples == nil || r.CPU == nil || r.Clock == nil || r.LimitP50 == nil {
		return fmt.Errorf("%q lacks a figure", printed)
	}
	if *r.P50 <= 0 || *r.P99 < *r.P50 || *r.P999 < *r.P99 || *r.Samples != frames || *r.CPU != -1 || *r.Clock <= 0 || *r.LimitP50 != 0 {
		return fmt.Errorf("%q is not of %d frames", printed, frames)
	}
	return nil
}

// exitError is the end of a program that did not end well.
type exitError struct {
	program, stderr string
	code            int
}

func (e *exitError) Error() string {
	return fmt.Sprintf("%s ended with code %d: %s", e.program, e.code, strings.TrimSpace(e.stderr))
}

func (p programs) command(ctx context.Context, program string, s setting, more ...string) (*exec.Cmd, *bytes.Buffer) {
	args := append([]string{"--name", p.name, "--size", strconv.Itoa(s.size), "--inflight", strconv.Itoa(s.inflight), "--wait", s.wait,
		"--touch", s.touch, "--cpu", "-1", "--limit-object", "/nowhere"}, more...)
	cmd := exec.CommandContext(ctx, filepath.Join(p.folder, program), args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	return cmd, &stderr
}

// ended says how a program ended.
func ended(program string, err error, stderr *bytes.Buffer) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return &exitError{program: program, code: exit.ExitCode(), stderr: stderr.String()}
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, stderr)
	}
	return nil
}

// refuses checks that a program says that it does not support a setting.
func (p programs) refuses(ctx context.Context, program string, s setting) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd, stderr := p.command(ctx, program, s)
	printed, err := cmd.Output()
	var exit *exitError
	if err = ended(program, err, stderr); !errors.As(err, &exit) || exit.code != exitUnsupported {
		return fmt.Errorf("%s should not support this, and said: %w", program, orNothing(err))
	}
	if strings.Count(exit.stderr, "\n") != 1 || len(printed) > 0 {
		return fmt.Errorf("%s printed %q and said %q instead of one line about what is not supported", program, printed, exit.stderr)
	}
	return nil
}

// exchange runs a client against a server and gives what the client printed. The server must end well, whatever became of the client.
func (p programs) exchange(ctx context.Context, s setting, serverFlags ...string) (printed []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	server, serverErr := p.command(ctx, "bench-server", s, serverFlags...)
	stdout, err := server.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := server.Start(); err != nil {
		return nil, err
	}
	ready, readErr := bufio.NewReader(stdout).ReadString('\n')
	if readErr != nil || ready != "ready\n" {
		_ = server.Process.Signal(syscall.SIGTERM)
		return nil, errors.Join(fmt.Errorf("bench-server printed %q instead of ready", ready), ended("bench-server", server.Wait(), serverErr))
	}
	client, clientErr := p.command(ctx, "bench-client", s, "--count", strconv.Itoa(frames), "--warmup", strconv.Itoa(warmup), "--threads-cpu", "-1")
	printed, err = client.Output()
	err = ended("bench-client", err, clientErr)
	_ = server.Process.Signal(syscall.SIGTERM) // when it has ended already, that is what is reported
	if stopErr := ended("bench-server", server.Wait(), serverErr); stopErr != nil {
		return printed, fmt.Errorf("%w (client: %w)", stopErr, orNothing(err))
	}
	return printed, err
}
