//go:build linux

package isolation

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience is how long an agent may take for anything, on a machine that is busy with other tests.
const patience = 60 * time.Second

// agent is a conformance agent (conformance/docs/writing-an-agent.md) in a room.
type agent struct {
	t       *testing.T
	name    string
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	log     *os.File
	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan answer
	ended   chan struct{} // closed when the process was reaped
}

type answer struct {
	ID      uint64         `json:"id"`
	Outcome string         `json:"outcome"`
	Result  map[string]any `json:"result"`
	Error   failure        `json:"error"`
}

// failure is how a call of the SDK failed: by one of the names of the spec.
type failure struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

type args map[string]any

// enlist starts an agent in a room, which is killed at the end of the test.
func enlist(t *testing.T, language, role string, r room) *agent {
	t.Helper()
	command := filepath.Join(agentFolder(t), language, "agent")
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	a := &agent{t: t, name: language + " " + role, log: log, cmd: exec.Command(command, role), waiting: map[uint64]chan answer{}, ended: make(chan struct{})}
	if r == (room{}) {
		a.cmd.Dir = t.TempDir() // Mono writes a file where it stands when it crashes. Other users could not stand there
	}
	r.enter(t, a.cmd)
	a.cmd.Stderr = log
	a.stdin, err = a.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := a.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, a.cmd.Start(), "the %s cannot be started in %+v", a.name, r)
	t.Cleanup(func() { a.kill(); log.Close() })
	hello := make(chan struct{})
	go a.listen(stdout, hello)
	select {
	case <-hello:
	case <-a.ended:
		require.FailNow(t, "an agent did not begin", "%s in %+v: %v: %s", a.name, r, a.cmd.ProcessState, a.tail())
	case <-time.After(patience):
		require.FailNow(t, "an agent said nothing", "%s in %+v: %s", a.name, r, a.tail())
	}
	return a
}

func (a *agent) listen(stdout io.Reader, hello chan<- struct{}) {
	defer close(a.ended)
	for first := true; ; first = false {
		message, err := readMessage(stdout)
		if err != nil {
			break
		}
		var got answer
		if first {
			close(hello)
		} else if json.Unmarshal(message, &got) == nil {
			a.mu.Lock()
			if waiting, ok := a.waiting[got.ID]; ok {
				waiting <- got
			}
			delete(a.waiting, got.ID)
			a.mu.Unlock()
		}
	}
	_ = a.cmd.Wait() // how it ended is in ProcessState
}

func readMessage(from io.Reader) ([]byte, error) {
	var size uint32
	if err := binary.Read(from, binary.LittleEndian, &size); err != nil {
		return nil, err
	}
	message := make([]byte, size)
	_, err := io.ReadFull(from, message)
	return message, err
}

// begin asks for an operation on a thread of its own and does not wait.
func (a *agent) begin(op string, with args) <-chan answer { return a.send(op, with, true) }

func (a *agent) send(op string, with args, background bool) <-chan answer {
	a.t.Helper()
	if with == nil {
		with = args{}
	}
	answered := make(chan answer, 1)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last++
	a.waiting[a.last] = answered
	content, err := json.Marshal(map[string]any{"id": a.last, "case": a.t.Name(), "role": a.cmd.Args[len(a.cmd.Args)-1], "op": op, "background": background, "args": with})
	require.NoError(a.t, err)
	_, err = a.stdin.Write(append(binary.LittleEndian.AppendUint32(nil, uint32(len(content))), content...))
	require.NoError(a.t, err, "%s takes no requests: %s", a.name, a.tail())
	return answered
}

// await waits for an answer; false means that the agent ended instead.
func (a *agent) await(what string, answered <-chan answer) (answer, bool) {
	a.t.Helper()
	select {
	case got := <-answered:
		require.NotEqual(a.t, "unsupported", got.Outcome, "%s: %s", a.name, what)
		return got, true
	case <-a.ended:
		select {
		case got := <-answered: // it answered and ended
			return got, true
		default:
			return answer{}, false
		}
	case <-time.After(patience):
		require.FailNow(a.t, "no answer", "%s: %s: %s", a.name, what, a.tail())
	}
	return answer{}, false
}

// try does an operation, which may fail.
func (a *agent) try(op string, with args) answer {
	a.t.Helper()
	got, ok := a.await(op, a.send(op, with, false))
	require.True(a.t, ok, "%s ended during %s: %v: %s", a.name, op, a.cmd.ProcessState, a.tail())
	return got
}

// do does an operation, which must succeed.
func (a *agent) do(op string, with args) map[string]any {
	a.t.Helper()
	got := a.try(op, with)
	require.Equal(a.t, "ok", got.Outcome, "%s: %s %v: %+v", a.name, op, with, got.Error)
	return got.Result
}

// refused does an operation that must fail with one of these errors, and returns the error's text.
func (a *agent) refused(op string, with args, errors ...string) string {
	a.t.Helper()
	got := a.try(op, with)
	require.Equal(a.t, "error", got.Outcome, "%s: %s %v should have been refused", a.name, op, with)
	require.True(a.t, slices.Contains(errors, got.Error.Name), "%s: %s %v: want %v, got %+v", a.name, op, with, errors, got.Error)
	return got.Error.Message
}

// kill ends the agent as a crash would and waits until it is gone.
func (a *agent) kill() {
	_ = a.cmd.Process.Kill() // an error means that it has ended
	<-a.ended
}

func (a *agent) pid() int { return a.cmd.Process.Pid }

// sees is a path as the agent's mount namespace has it.
func (a *agent) sees(path string) string { return fmt.Sprintf("/proc/%d/root%s", a.pid(), path) }

// descriptors counts the agent's open files. Those without one (anonymous inodes, such as those that Go's runtime makes for its timers
// when it first needs them) are none of an SDK's.
func (a *agent) descriptors() int {
	a.t.Helper()
	folder := fmt.Sprintf("/proc/%d/fd", a.pid())
	entries, err := os.ReadDir(folder)
	require.NoError(a.t, err)
	n := 0
	for _, entry := range entries {
		if target, err := os.Readlink(filepath.Join(folder, entry.Name())); err == nil && !strings.HasPrefix(target, "anon_inode:") {
			n++
		}
	}
	return n
}

// tail is the end of what the agent has logged.
func (a *agent) tail() string {
	content, err := os.ReadFile(a.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-20000):])
}
