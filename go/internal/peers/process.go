package peers

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ReadyTimeout is how long a server may take until it prints "ready", StopTimeout how long to stop after SIGTERM.
const (
	ReadyTimeout = 20 * time.Second
	StopTimeout  = 20 * time.Second
)

// Server is a running server peer.
type Server struct {
	name   string
	cmd    *exec.Cmd
	output *bufio.Reader
	stderr bytes.Buffer
	done   bool
}

// command makes a process that gets SIGTERM when ctx ends and is killed when it does not follow.
func (c Command) command(ctx context.Context, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c[0], append(append([]string{}, c[1:]...), args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = StopTimeout
	return cmd
}

func (c Command) name() string {
	// build/peers/cpp/filter-server is "cpp filter-server", and a program with a subcommand "zeroduplex bench-server".
	if len(c) > 1 {
		return filepath.Base(c[0]) + " " + c[1]
	}
	return filepath.Base(filepath.Dir(c[0])) + " " + filepath.Base(c[0])
}

// Start starts a server and returns when it has printed "ready". Stop it, whatever happens afterwards.
func (c Command) Start(ctx context.Context, args ...string) (*Server, error) {
	return c.StartUntil(ctx, "ready", args...)
}

// StartUntil is Start for a program whose first line is another one.
func (c Command) StartUntil(ctx context.Context, first string, args ...string) (*Server, error) {
	s := &Server{name: c.name(), cmd: c.command(ctx, args)}
	s.cmd.Stderr = &s.stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	s.output = bufio.NewReader(stdout)
	ready := make(chan error, 1)
	go func() {
		line, err := s.output.ReadString('\n')
		if err == nil && line != first+"\n" {
			err = fmt.Errorf("it printed %q instead of %q", line, first)
		}
		ready <- err
	}()
	select {
	case err = <-ready:
	case <-time.After(ReadyTimeout):
		err = fmt.Errorf("it did not print %q within %v", first, ReadyTimeout)
	}
	if err == nil {
		return s, nil
	}
	ended := errors.Is(err, io.EOF)
	if ended {
		err = errors.New("it ended before it was ready")
	} else {
		_ = s.cmd.Process.Kill()
	}
	overdue := time.AfterFunc(StopTimeout, func() { _ = s.cmd.Process.Kill() }) // it may have closed its stdout only
	waited := s.cmd.Wait()
	overdue.Stop()
	switch {
	case waited != nil && s.stderr.Len() > 0:
		err = fmt.Errorf("%w: %s", err, message(&s.stderr))
	case waited != nil && ended:
		err = fmt.Errorf("%w: %w: %s", err, waited, message(&s.stderr))
	}
	err = fmt.Errorf("%s: %w", s.name, err)
	if ended {
		err = withExit(err, waited, &s.stderr)
	}
	return nil, err
}

// Pid is the server's process id.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Kill ends the server as a crash would.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // "signal: killed", as wanted
	s.done = true
}

// Stop sends SIGTERM, waits for the end and returns what the server printed after "ready". It fails when the server did not
// end well. A second call does nothing.
func (s *Server) Stop() (string, error) {
	if s.done {
		return "", nil
	}
	s.done = true
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // when it has ended already, that is what is reported
	return s.wait()
}

// Wait waits for the process to end by itself and returns what it printed after its first line.
func (s *Server) Wait() (string, error) {
	s.done = true
	return s.wait()
}

func (s *Server) wait() (string, error) {
	overdue := time.AfterFunc(StopTimeout, func() { _ = s.cmd.Process.Kill() })
	rest, readErr := io.ReadAll(s.output) // before Wait, which closes the pipe
	err := s.cmd.Wait()
	if !overdue.Stop() {
		err = fmt.Errorf("it did not end within %v", StopTimeout)
	}
	if err = errors.Join(err, readErr); err != nil {
		return string(rest), fmt.Errorf("%s: %w: %s", s.name, err, message(&s.stderr))
	}
	return string(rest), nil
}

// Run runs a client to its end and returns what it printed.
func (c Command) Run(ctx context.Context, args ...string) ([]byte, error) {
	cmd := c.command(ctx, args)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.Bytes(), withExit(fmt.Errorf("%s: %w: %s", c.name(), err, message(&stderr)), err, &stderr)
	}
	return stdout.Bytes(), nil
}

// message is what a process printed on stderr; of a long text the beginning, where a runtime says why it gives up, and the end.
func message(stderr *bytes.Buffer) string {
	const most = 4000
	text := strings.TrimSpace(stderr.String())
	if text == "" {
		return "(nothing on stderr)"
	}
	if len(text) > most {
		text = text[:most/2] + " … " + text[len(text)-most/2:]
	}
	return text
}
