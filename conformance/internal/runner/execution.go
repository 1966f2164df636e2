package runner

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
	"github.com/zeroduplex/zeroduplex/conformance/internal/suite"
	"github.com/zeroduplex/zeroduplex/conformance/internal/value"
	"github.com/zeroduplex/zeroduplex/conformance/witness"
)

// defaultPatience is the watchdog's patience with a case that names none.
const defaultPatience = 20 * time.Second

// cleanPatience is how long agents may take to end everything after a case; less when the case itself asked for less.
const cleanPatience = 10 * time.Second

// Pair is two languages, the server's first.
type Pair struct{ Server, Client string }

func (p Pair) String() string { return p.Server + "->" + p.Client }

// execution is one case on one pair.
type execution struct {
	pool     *pool
	pair     Pair
	test     suite.Case
	channel  string
	scope    value.Scope
	patience time.Duration
	deadline time.Time

	peer       segment.Peer
	rawBuffer  segment.RawBuffer
	rawRequest segment.RawBuffer
	background map[string]*agents.Call
	used       map[string]slot // actor: its agent
	paused     map[string]bool
	dumps      map[string][]byte
	owner      map[*agents.Call]slot
	killed     map[*agents.Call]bool // their agents were killed on purpose
	// orphaned: files may be left because no living server owns them any more; orphanedResponse: those of a v1 client's response buffer.
	orphaned, orphanedResponse bool
	transcript                 bytes.Buffer
}

// errUnsupported and errNotRun are the verdicts that are neither pass nor fail.
var (
	errUnsupported = errors.New("unsupported")
	errNotRun      = errors.New("not run")
)

func newExecution(p *pool, pair Pair, c suite.Case, channel string, seed uint64) *execution {
	patience := defaultPatience
	if c.Template.TimeoutMs != 0 {
		patience = time.Duration(c.Template.TimeoutMs) * time.Millisecond
	}
	x := &execution{
		pool: p, pair: pair, test: c, channel: channel, scope: value.Scope{"name": channel, "seed": seed, "case": c.Name, "i": uint64(0)},
		patience: patience, deadline: time.Now().Add(patience), background: map[string]*agents.Call{}, used: map[string]slot{}, paused: map[string]bool{},
		dumps: map[string][]byte{}, killed: map[*agents.Call]bool{}, owner: map[*agents.Call]slot{},
	}
	x.scope["runner_pid"] = uint64(os.Getpid())
	for _, length := range []int{191, 200} {
		x.scope[fmt.Sprintf("name_%d", length)] = channel + strings.Repeat("x", max(0, length-len(channel)))
	}
	// Axes may speak of the channel's name.
	for name, v := range c.Variables {
		x.scope[name] = v
		if resolved, err := x.scope.Resolve(v); err == nil {
			x.scope[name] = resolved
		}
	}
	return x
}

func (x *execution) log(format string, args ...any) {
	fmt.Fprintf(&x.transcript, format+"\n", args...)
}

// run does the case and cleans up. Nil is a pass.
func (x *execution) run() error {
	err := x.prepare()
	if err == nil {
		err = x.steps(x.test.Template.Steps)
	}
	if err != nil {
		x.log("FAILED: %v", err)
	}
	if clean := x.cleanUp(); clean != nil {
		x.log("AFTERWARDS: %v", clean)
		err = errors.Join(err, clean)
	}
	return err
}

func (x *execution) prepare() error {
	t := x.test.Template
	for _, ability := range t.Host {
		if ability == "root" && syscall.Geteuid() != 0 {
			return fmt.Errorf("%w: it needs root", errNotRun)
		}
	}
	for _, actor := range []string{"server", "client"} {
		if _, err := x.agent(actor); err != nil {
			return err
		}
	}
	for _, capability := range t.Capabilities {
		for actor, s := range x.used {
			if !slices.Contains(x.pool.running[s].Hello.Capabilities, capability) {
				return fmt.Errorf("%w: the %s agent lacks the capability %s", errUnsupported, actor, capability)
			}
		}
	}
	for _, p := range t.Preparations() {
		if err := x.step(&suite.Step{Do: p.Actor + "." + p.Operation, With: p.Args}); err != nil {
			return fmt.Errorf("preparing: %s: %w", p.Operation, err)
		}
	}
	return nil
}

// agent gives the process that plays an actor.
func (x *execution) agent(actor string) (*agents.Process, error) {
	s := slot{language: x.pair.Client, role: suite.Agents[actor]}
	if s.role == agentproto.RoleServer {
		s.language = x.pair.Server
	}
	if strings.HasSuffix(actor, "2") {
		s.number = 1
	}
	x.used[actor] = s
	agent, err := x.pool.get(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotRun, err)
	}
	return agent, nil
}

func (x *execution) steps(steps []suite.Step) error {
	for i := range steps {
		s := &steps[i]
		count := uint64(1)
		if s.Repeat.Any != nil {
			n, err := x.scope.Resolve(s.Repeat.Any)
			if err != nil {
				return fmt.Errorf("line %d: repeat: %w", s.Line, err)
			}
			var ok bool
			if count, ok = n.(uint64); !ok {
				return fmt.Errorf("line %d: repeat is %v, not a number", s.Line, n)
			}
		}
		outer := x.scope["i"]
		for n := range count {
			if s.Repeat.Any != nil {
				x.scope["i"] = n
			}
			var err error
			if len(s.Steps) > 0 {
				err = x.steps(s.Steps)
			} else if err = x.step(s); err != nil {
				err = fmt.Errorf("line %d, %s: %w", s.Line, s.Do+s.Await+s.Pending, err)
			}
			if err != nil && s.Repeat.Any != nil {
				err = fmt.Errorf("repetition %d: %w", n, err)
			}
			if err != nil {
				return err
			}
		}
		x.scope["i"] = outer
	}
	return nil
}

// outcome is what came of an operation, agent's or own.
type outcome struct {
	result  any
	failure map[string]any // of an expected error
	name    string         // of the error, "" for none
	took    time.Duration
}

func (x *execution) step(s *suite.Step) error {
	var o outcome
	var err error
	switch {
	case s.Pending != "":
		return x.stillPending(s.Pending)
	case s.Await != "":
		name, err := x.scope.Resolve(s.Await)
		if err != nil {
			return err
		}
		call := x.background[name.(string)]
		if call == nil {
			return fmt.Errorf("nothing called %q runs in the background", name)
		}
		delete(x.background, name.(string))
		if o, err = x.wait(call); err != nil {
			return err
		}
	default:
		actor, operation, _ := strings.Cut(s.Do, ".")
		args, err := x.arguments(actor, operation, s.With)
		if err != nil {
			return err
		}
		if _, isAgent := suite.Agents[actor]; !isAgent {
			began := time.Now()
			result, err := x.own(actor, operation, args)
			x.log("%s %s %s", s.Do, value.Text(args), value.Text(result))
			if err != nil {
				return err
			}
			o = outcome{result: result, took: time.Since(began)}
			break
		}
		agent, err := x.agent(actor)
		if err != nil {
			return err
		}
		call := agent.Begin(x.test.Name, operation, s.Background != "", args)
		x.log("%s %s", s.Do, value.Text(args))
		if s.Background != "" {
			name, err := x.scope.Resolve(s.Background)
			if err != nil {
				return err
			}
			x.background[name.(string)] = call
			x.owner[call] = x.used[actor]
			return nil
		}
		if o, err = x.wait(call); err != nil {
			return err
		}
	}
	if err = x.judge(s, o); err != nil {
		return err
	}
	return x.save(s, o)
}

func (x *execution) arguments(actor, operation string, given suite.Map) (map[string]any, error) {
	info, err := suite.Lookup(actor, operation)
	if err != nil {
		return nil, err
	}
	resolved, err := x.scope.Resolve(map[string]any(given))
	if err != nil {
		return nil, err
	}
	args, _ := resolved.(map[string]any)
	if args == nil {
		args = map[string]any{}
	}
	for _, f := range info.Args {
		if _, there := args[f.Name]; !there && suite.Implied(f.Name) {
			args[f.Name] = x.channel
		}
		// A signed number goes over the wire as such.
		if n, isNumber := args[f.Name].(uint64); isNumber && f.Type == "signed" {
			args[f.Name] = int64(n)
		}
	}
	return args, nil
}

// stillPending demands that a background operation has not come back. Whether it had time to is the suite's to make sure of.
func (x *execution) stillPending(name string) error {
	resolved, err := x.scope.Resolve(name)
	if err != nil {
		return err
	}
	call := x.background[resolved.(string)]
	if call == nil {
		return fmt.Errorf("nothing called %q runs in the background", resolved)
	}
	select {
	case <-call.Done():
		o, err := x.wait(call)
		if err != nil {
			return err
		}
		return fmt.Errorf("%s should still be waiting, but came back: %s %s", name, o.name, value.Text(o.result))
	default:
		return nil
	}
}

func (x *execution) wait(call *agents.Call) (outcome, error) {
	timer := time.NewTimer(time.Until(x.deadline))
	defer timer.Stop()
	select {
	case <-call.Done():
	case <-timer.C:
		return outcome{}, fmt.Errorf("%w: %s has not answered", errWatchdog, call.Op)
	}
	if errors.Is(call.Err, agents.ErrGone) && x.killed[call] {
		return outcome{name: goneError, failure: map[string]any{"message": call.Err.Error()}}, nil
	}
	if call.Err != nil {
		return outcome{}, call.Err
	}
	o := outcome{took: call.Ended.Sub(call.Began)}
	switch r := call.Response; r.Outcome {
	case agentproto.OutcomeUnsupported:
		return o, fmt.Errorf("%w: operation %s", errUnsupported, call.Op)
	case agentproto.OutcomeError:
		o.name = r.Error.Name
		o.failure = map[string]any{"message": r.Error.Message}
		if r.Error.Sequence != nil {
			o.failure["sequence"] = *r.Error.Sequence
		}
		if r.Error.Status != nil {
			o.failure["status"] = uint64(*r.Error.Status)
		}
		if r.Error.HandlerMessage != nil {
			o.failure["handler_message"] = *r.Error.HandlerMessage
		}
		x.log("    = error %s (%d): %s", r.Error.Name, r.Error.Code, r.Error.Message)
		if want, known := witness.ErrorCodes[o.name]; known && want != r.Error.Code || o.name == "" {
			return o, fmt.Errorf("the error %q has code %d, not %d", o.name, r.Error.Code, want)
		}
	default:
		var err error
		if o.result, err = value.FromJSON(r.Result); err != nil {
			return o, fmt.Errorf("the result cannot be read: %w", err)
		}
		x.log("    = %.400s", r.Result)
	}
	return o, nil
}

// goneError is the name under which a suite expects the end of an operation whose agent it killed.
const goneError = "gone"

// errWatchdog means that an agent took too long.
var errWatchdog = errors.New("watchdog")

func (x *execution) judge(s *suite.Step, o outcome) error {
	got := o.result
	open := slices.Contains(s.Error, suite.NoError)
	switch {
	case o.name == agentproto.ErrorUnexpected:
		return fmt.Errorf("the agent failed: %s", o.failure["message"])
	case len(s.Error) == 0 && o.name != "":
		return fmt.Errorf("unexpected error %s: %s", o.name, o.failure["message"])
	case open && o.name == "":
	case len(s.Error) > 0 && o.name == "":
		return fmt.Errorf("expected the error %s, got %s", strings.Join(s.Error, " or "), value.Text(o.result))
	case len(s.Error) > 0 && !slices.Contains(s.Error, o.name):
		return fmt.Errorf("expected the error %s, got %s: %s", strings.Join(s.Error, " or "), o.name, o.failure["message"])
	case open:
		return nil // expect is about what it gives where it succeeds
	case len(s.Error) > 0:
		got = o.failure
	}
	if s.Expect != nil {
		expected, err := x.scope.Resolve(map[string]any(s.Expect))
		if err != nil {
			return err
		}
		if expected, err = digests(expected, got, s.With, x.scope); err != nil {
			return err
		}
		if problem := value.Match(expected, got); problem != "" {
			return errors.New(problem)
		}
	}
	if s.AtLeastMs > 0 && o.took < time.Duration(s.AtLeastMs)*time.Millisecond {
		return fmt.Errorf("it took %v, less than %d ms", o.took, s.AtLeastMs)
	}
	if s.AtMostMs > 0 && o.took > time.Duration(s.AtMostMs)*time.Millisecond {
		return fmt.Errorf("it took %v, more than %d ms", o.took, s.AtMostMs)
	}
	return nil
}

func (x *execution) save(s *suite.Step, o outcome) error {
	members, _ := o.result.(map[string]any)
	if len(s.Error) > 0 {
		members = o.failure
	}
	if slices.Contains(s.Error, suite.NoError) {
		members = map[string]any{"failed": uint64(min(1, len(o.name)))}
	}
	for name, member := range s.Save {
		v, there := members[member]
		if !there {
			return fmt.Errorf("there is no %q to save", member)
		}
		x.scope[name] = v
	}
	return nil
}
