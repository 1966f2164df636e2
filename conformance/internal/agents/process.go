// Package agents runs agent processes and talks to them.
package agents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
)

// The patience with an agent that is to end: first its standard input is closed, then it gets SIGTERM, then SIGKILL.
const (
	closeGrace     = 2 * time.Second
	terminateGrace = time.Second
)

// ErrGone means that the agent ended, or stopped speaking the protocol, before it answered.
var ErrGone = errors.New("the agent is gone")

var errEnded = errors.New("it closed its standard output")

// Process is a running agent. Its methods are safe for concurrent use.
type Process struct {
	Language string
	Role     string
	Hello    agentproto.Hello
	Log      *Log

	cmd   *exec.Cmd
	stdin io.WriteCloser

	writing sync.Mutex
	mu      sync.Mutex
	nextID  uint64
	pending map[uint64]*Call
	broken  error         // why nothing more can be asked
	exited  chan struct{} // closed when the process was reaped
}

// Call is a request under way.
type Call struct {
	Op       string
	Began    time.Time
	Ended    time.Time
	Response agentproto.AgentResponse
	Err      error
	done     chan struct{}
}

// Done is closed when the answer is there, or will never come.
func (c *Call) Done() <-chan struct{} { return c.done }

// Start starts an agent and waits for its hello.
func Start(language, command, role string, patience time.Duration) (*Process, error) {
	p := &Process{
		Language: language, Role: role, Log: &Log{}, cmd: exec.Command(command, role),
		pending: map[uint64]*Call{}, exited: make(chan struct{}),
	}
	// A group of its own keeps a terminal's Ctrl-C for the runner, which ends its agents in good order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	p.cmd.Stderr = p.Log
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	// A pipe of our own: Wait closes those that it makes, maybe before the last answer was read.
	stdout, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout = theirs
	// A background child of the agent that keeps standard error open must not keep us from reaping.
	p.cmd.WaitDelay = time.Second
	err = p.cmd.Start()
	theirs.Close()
	if err != nil {
		stdout.Close()
		return nil, fmt.Errorf("starting the %s agent: %w", language, err)
	}
	hello := make(chan error, 1)
	go p.read(stdout, hello)
	select {
	case err = <-hello:
	case <-time.After(patience):
		err = fmt.Errorf("no hello within %v", patience)
	}
	if err != nil {
		p.Kill()
		return nil, fmt.Errorf("the %s agent (%s): %w; its log: %s", language, role, err, p.Log.Tail())
	}
	return p, nil
}

func (p *Process) read(stdout io.ReadCloser, hello chan<- error) {
	defer stdout.Close()
	content, err := agentproto.Read(stdout)
	if err == nil {
		p.Hello, err = agentproto.Decode[agentproto.Hello](content)
	}
	if err == nil {
		err = p.checkHello()
	}
	if errors.Is(err, io.EOF) {
		err = errEnded
	}
	hello <- err
	for err == nil {
		if content, err = agentproto.Read(stdout); err == nil {
			err = p.deliver(content)
		}
	}
	if errors.Is(err, io.EOF) {
		err = errEnded
	}
	// Reap it first: how it ended is the best part of the message.
	ended := p.reap(errors.Is(err, errEnded))
	p.fail(fmt.Errorf("%w (%s)", err, ended))
	close(p.exited)
}

// reap waits for the end of a process that is not listened to any more, and says how it ended. One that speaks nonsense is killed at
// once; one that closed its output may end by itself.
func (p *Process) reap(closed bool) string {
	if closed {
		timer := time.AfterFunc(closeGrace, func() { _ = p.cmd.Process.Kill() })
		defer timer.Stop()
	} else {
		_ = p.cmd.Process.Kill() // an error means that it has ended
	}
	if err := p.cmd.Wait(); err != nil {
		return err.Error()
	}
	return "exit status 0"
}

func (p *Process) checkHello() error {
	h := p.Hello
	switch {
	case h.Type != agentproto.TypeHello:
		return fmt.Errorf("the first message is of type %q, not hello", h.Type)
	case h.ProtocolVersion != agentproto.ProtocolVersion:
		return fmt.Errorf("it speaks agent protocol %d, this runner %d", h.ProtocolVersion, agentproto.ProtocolVersion)
	case h.Role != p.Role:
		return fmt.Errorf("it says that its role is %q", h.Role)
	}
	return nil
}

// deliver gives a response to whoever asked. Anything else is the end: an agent that answers twice cannot be believed.
func (p *Process) deliver(content []byte) error {
	response, err := agentproto.Decode[agentproto.AgentResponse](content)
	if err != nil {
		return fmt.Errorf("a response cannot be read: %w: %.200s", err, content)
	}
	p.mu.Lock()
	call, asked := p.pending[response.Id]
	delete(p.pending, response.Id)
	p.mu.Unlock()
	if !asked {
		return fmt.Errorf("it answered request %d, which was answered before or never asked", response.Id)
	}
	call.Response = response
	call.Err = wellFormed(response)
	call.finish()
	return nil
}

func (c *Call) finish() {
	c.Ended = time.Now()
	close(c.done)
}

// wellFormed checks that an answer has what its outcome needs.
func wellFormed(r agentproto.AgentResponse) error {
	switch {
	case r.Type != agentproto.TypeResponse:
		return fmt.Errorf("a message of type %q instead of a response", r.Type)
	case r.Outcome == agentproto.OutcomeOk && r.Result == nil:
		return errors.New("outcome ok without a result")
	case r.Outcome == agentproto.OutcomeError && r.Error == nil:
		return errors.New("outcome error without an error")
	case r.Outcome != agentproto.OutcomeOk && r.Outcome != agentproto.OutcomeError && r.Outcome != agentproto.OutcomeUnsupported:
		return fmt.Errorf("unknown outcome %q", r.Outcome)
	default:
		return nil
	}
}

// fail ends all calls.
func (p *Process) fail(err error) {
	p.mu.Lock()
	if p.broken == nil {
		p.broken = err
	}
	calls := p.pending
	p.pending = map[uint64]*Call{}
	p.mu.Unlock()
	for _, c := range calls {
		c.Err = fmt.Errorf("%w: %w", ErrGone, err)
		c.finish()
	}
}

// Begin sends a request. The call is registered before the request is written, because the answer may be quicker than we are.
func (p *Process) Begin(caseName, op string, background bool, args map[string]any) *Call {
	c := &Call{Op: op, Began: time.Now(), done: make(chan struct{})}
	encoded, err := json.Marshal(args)
	if err != nil {
		c.Err = err
		c.finish()
		return c
	}
	p.mu.Lock()
	if p.broken != nil {
		c.Err = fmt.Errorf("%w: %w", ErrGone, p.broken)
		p.mu.Unlock()
		c.finish()
		return c
	}
	p.nextID++
	id := p.nextID
	p.pending[id] = c
	p.mu.Unlock()

	request := agentproto.AgentRequest{Id: id, Case: caseName, Role: p.Role, Op: op, Background: background, Args: encoded}
	p.writing.Lock()
	err = agentproto.Write(p.stdin, request)
	p.writing.Unlock()
	if err != nil {
		p.fail(fmt.Errorf("it takes no requests: %w", err))
	}
	return c
}

// Pid is the process's number.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Broken says why nothing more can be asked, nil when all is well.
func (p *Process) Broken() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.broken
}

// Busy tells whether a request is unanswered.
func (p *Process) Busy() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pending) > 0
}

// Signal sends a signal.
func (p *Process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Kill ends the process by SIGKILL and waits until it is gone, with all its locks and memory.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // an error means that it has ended
	<-p.exited
}

// End ends the process in three stages and says how far it had to go: nil for the first.
func (p *Process) End() error {
	p.writing.Lock()
	_ = p.stdin.Close() // an error means that it has ended
	p.writing.Unlock()
	if p.gone(closeGrace) {
		return nil
	}
	_ = p.Signal(syscall.SIGTERM)
	if p.gone(terminateGrace) {
		return fmt.Errorf("the %s agent (%s) did not end within %v of the end of its input", p.Language, p.Role, closeGrace)
	}
	p.Kill()
	return fmt.Errorf("the %s agent (%s) ended by neither the end of its input nor SIGTERM", p.Language, p.Role)
}

func (p *Process) gone(within time.Duration) bool {
	select {
	case <-p.exited:
		return true
	case <-time.After(within):
		return false
	}
}

// Log keeps an agent's standard error, case by case.
type Log struct {
	mu      sync.Mutex
	current bytes.Buffer
}

// logLimit is how much of a case's log is kept, its end.
const logLimit = 256 << 10

// Write implements io.Writer.
func (l *Log) Write(content []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.current.Write(content)
	if over := l.current.Len() - logLimit; over > 0 {
		l.current.Next(over)
	}
	return len(content), nil
}

// Take returns what was written since the last Take.
func (l *Log) Take() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	content := bytes.Clone(l.current.Bytes())
	l.current.Reset()
	return content
}

// Tail is the end of the log for an error message.
func (l *Log) Tail() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	content := l.current.Bytes()
	return fmt.Sprintf("%q", content[max(0, len(content)-400):])
}
