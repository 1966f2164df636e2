//go:build linux

package child

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const environment = "ZERODUPLEX_TEST_ROLE"

// patience is how long a child may take for anything. It is long: the machine may be busy with other tests.
const patience = 60 * time.Second

// Role is what a child does. Its stdin ends when the test does. A returned error makes it exit with 1.
type Role func(args []string) error

// Main runs the role that this process was started for and exits, or returns when it is the test itself.
func Main(roles map[string]Role) {
	name, ok := os.LookupEnv(environment)
	if !ok {
		return
	}
	role, ok := roles[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "no role %q\n", name)
		os.Exit(2)
	}
	if err := role(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Say prints a line for the test to read. Roles call it.
func Say(line string) { fmt.Println(line) }

// Heard waits for the next line from the test, or fails at the test's end. Roles call it.
func Heard() (string, error) {
	line, err := stdin().ReadString('\n')
	return strings.TrimSuffix(line, "\n"), err
}

var stdin = sync.OnceValue(func() *bufio.Reader { return bufio.NewReader(os.Stdin) })

// Process is a running child.
type Process struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string
	stderr strings.Builder
	waited sync.Once
	err    error
}

// Option changes how a child is started.
type Option func(*exec.Cmd)

// As runs the child as another user and group.
func As(uid, gid uint32) Option {
	return func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	}
}

// OwnMounts runs the child as root in a mount namespace of its own.
func OwnMounts() Option {
	return func(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS} }
}

// Env adds to the child's environment.
func Env(assignment string) Option {
	return func(c *exec.Cmd) { c.Env = append(c.Env, assignment) }
}

// Start starts a child. It is killed at the end of the test, should it still run.
func Start(t testing.TB, role string, args []string, options ...Option) *Process {
	t.Helper()
	// Through /proc, because another user may not reach the test binary by its path.
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), environment+"="+role)
	for _, o := range options {
		o(cmd)
	}
	if cmd.SysProcAttr != nil {
		require.Zero(t, os.Geteuid(), "this test runs a process as another user or with mounts of its own, and needs root for that")
	}
	p := &Process{t: t, cmd: cmd, lines: make(chan string, 1024)}
	cmd.Stderr = &p.stderr
	var err error
	p.stdin, err = cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	go func() {
		defer close(p.lines)
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() {
			p.lines <- scanner.Text()
		}
	}()
	t.Cleanup(p.Kill)
	return p
}

// Pid is the child's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Line waits for the child's next line.
func (p *Process) Line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.wait()
			require.FailNow(p.t, "the child ended", "%v: %s", p.err, p.stderr.String())
		}
		return line
	case <-time.After(patience):
		require.FailNow(p.t, "the child said nothing")
	}
	return ""
}

// Expect waits for the child's next line, which must be the one given.
func (p *Process) Expect(line string) {
	p.t.Helper()
	require.Equal(p.t, line, p.Line())
}

// Tell sends a line.
func (p *Process) Tell(line string) {
	p.t.Helper()
	_, err := io.WriteString(p.stdin, line+"\n")
	require.NoError(p.t, err)
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(s))
}

// Kill ends the child as a crash would and waits until it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	p.wait()
}

// Finish closes the child's stdin and waits for its end, which must be a good one.
func (p *Process) Finish() {
	p.t.Helper()
	_ = p.stdin.Close()
	overdue := time.AfterFunc(patience, func() { _ = p.cmd.Process.Kill() })
	defer overdue.Stop()
	p.wait()
	require.NoError(p.t, p.err, p.stderr.String())
}

func (p *Process) wait() {
	p.waited.Do(func() {
		for range p.lines { // Wait closes the pipe, so everything must have been read
		}
		p.err = p.cmd.Wait()
	})
}
