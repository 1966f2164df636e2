package runner

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
	"github.com/zeroduplex/zeroduplex/conformance/internal/value"
)

// dump keeps a copy of the segment or buffer, to be compared with that of every other pair after the same steps. Process ids differ between
// runs and say nothing about a language.
func (x *execution) dump(a arguments) error {
	content, err := os.ReadFile(segment.Path(a.text("name")))
	if err != nil {
		return err
	}
	segment.MaskPids(content)
	x.dumps[a.text("label")] = content
	return nil
}

// sameDump has agents dump the segment and compares that with what the runner reads.
func (x *execution) sameDump(a arguments) error {
	name := a.text("name")
	want, err := os.ReadFile(segment.Path(name))
	if err != nil {
		return err
	}
	for _, actor := range a.list("actors") {
		agent, err := x.agent(actor)
		if err != nil {
			return err
		}
		o, err := x.wait(agent.Begin(x.test.Name, agentproto.OpDump, false, map[string]any{"name": name}))
		if err != nil {
			return err
		}
		members, _ := o.result.(map[string]any)
		text, _ := members["data"].(string)
		got, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return fmt.Errorf("%s: the dump is no base64: %w", actor, err)
		}
		if difference := segment.Difference(want, got); difference != "" {
			return fmt.Errorf("the %s's dump is not what the file holds: %s", actor, difference)
		}
	}
	return nil
}

// cleanUp ends everything that the case began and says what was not in order.
func (x *execution) cleanUp() error {
	for actor := range x.paused {
		if err := x.signal("resume", actor); err != nil {
			return err
		}
	}
	var problems []error
	if err := errors.Join(x.peer.Crash(), x.rawBuffer.Crash(), x.rawRequest.Crash()); err != nil {
		problems = append(problems, err)
	}
	deadline := time.Now().Add(min(cleanPatience, x.patience))
	x.deadline = deadline
	problems = append(problems, x.resetAgents()...)
	for name, call := range x.background {
		select {
		case <-call.Done():
		case <-time.After(time.Until(deadline)):
			problems = append(problems, fmt.Errorf("%q (%s) still runs after reset", name, call.Op))
		}
	}
	return joined(append(problems, x.leftovers(deadline)...))
}

// resetAgents resets all at once: one that hangs must not use up the time of the others.
func (x *execution) resetAgents() []error {
	calls := map[string]*agents.Call{}
	for actor, s := range x.used {
		if agent, running := x.pool.running[s]; running {
			calls[actor] = agent.Begin(x.test.Name, agentproto.OpReset, false, map[string]any{})
		}
	}
	var problems []error
	for actor, call := range calls {
		if _, err := x.wait(call); err != nil {
			s := x.used[actor]
			problems = append(problems, fmt.Errorf("resetting the %s: %w", actor, err))
			x.orphaned = x.orphaned || s.role == agentproto.RoleServer
			x.pool.trouble[s.language]++
			x.pool.drop(s)
		}
	}
	return problems
}

// leftovers waits until files and mappings are gone. Files of a server that was killed are nobody's, they are removed here.
func (x *execution) leftovers(deadline time.Time) []error {
	var problems []error
	for actor, s := range x.used {
		agent, running := x.pool.running[s]
		if !running {
			continue
		}
		what := ""
		err := x.until(func() (any, error) {
			var err error
			what, err = segment.MappedBy(agent.Pid(), x.channel)
			return what, err
		}, "", arguments{"timeout_ms": uint64(max(0, time.Until(deadline).Milliseconds()))})
		if err != nil {
			problems = append(problems, fmt.Errorf("the %s leaks: after reset it %s (%w)", actor, what, err))
			x.pool.drop(s)
		}
	}
	files, err := segment.Leftovers(x.channel)
	if err != nil {
		problems = append(problems, err)
	}
	excused := func(file string) bool { return x.orphaned || x.orphanedResponse && strings.Contains(file, "_response") }
	if blamed := slices.DeleteFunc(slices.Clone(files), excused); len(blamed) > 0 {
		problems = append(problems, fmt.Errorf("files are left: %s", value.Text(blamed)))
	}
	if err := segment.RemoveAll(files); err != nil {
		problems = append(problems, err)
	}
	return problems
}
