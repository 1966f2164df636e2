package runner

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
	"github.com/zeroduplex/zeroduplex/conformance/internal/value"
	"github.com/zeroduplex/zeroduplex/conformance/witness"
)

// masked are the fields that differ between runs and say nothing about a language: process ids.
var masked = []struct {
	base  uint64
	field string
}{{0, "writer_pid"}, {0, "reader_pid"}, {responseBlock, "writer_pid"}, {responseBlock, "reader_pid"}}

const responseBlock = 0x58

// dump keeps a copy of the segment, to be compared with that of every other pair after the same steps.
func (x *execution) dump(a arguments) error {
	content, err := os.ReadFile(segment.Path(x.channel))
	if err != nil {
		return err
	}
	for _, m := range masked {
		at := witness.Structs["oieb_v2"].Fields[m.field]
		clear(content[m.base+at[0] : m.base+at[0]+at[1]])
	}
	x.dumps[a.text("label")] = content
	return nil
}

// sameDump has agents dump the segment and compares that with what the runner reads.
func (x *execution) sameDump(a arguments) error {
	want, err := os.ReadFile(segment.Path(x.channel))
	if err != nil {
		return err
	}
	actors, _ := a["actors"].([]any)
	for _, actor := range actors {
		agent, err := x.agent(fmt.Sprint(actor))
		if err != nil {
			return err
		}
		o, err := x.wait(agent.Begin(x.test.Name, agentproto.OpDump, false, map[string]any{"name": x.channel}))
		if err != nil {
			return err
		}
		members, _ := o.result.(map[string]any)
		text, _ := members["data"].(string)
		got, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return fmt.Errorf("%s: the dump is no base64: %w", actor, err)
		}
		if difference := compareDumps(want, got); difference != "" {
			return fmt.Errorf("the %s's dump is not what the file holds: %s", actor, difference)
		}
	}
	return nil
}

// compareDumps tells the first difference, "" for none.
func compareDumps(want, got []byte) string {
	if bytes.Equal(want, got) {
		return ""
	}
	if len(want) != len(got) {
		return fmt.Sprintf("%d bytes instead of %d", len(got), len(want))
	}
	for i := range want {
		if want[i] != got[i] {
			return fmt.Sprintf("byte %#x (%s) is %#02x instead of %#02x", i, located(uint64(i)), got[i], want[i])
		}
	}
	return ""
}

// located names the field of an offset.
func located(offset uint64) string {
	for _, block := range []struct {
		name string
		base uint64
	}{{"request", 0}, {"response", responseBlock}} {
		for field, at := range witness.Structs["oieb_v2"].Fields {
			if offset >= block.base+at[0] && offset < block.base+at[0]+at[1] {
				return block.name + "." + field
			}
		}
	}
	return "metadata or payload"
}

// cleanUp ends everything that the case began and says what was not in order.
func (x *execution) cleanUp() error {
	for actor := range x.paused {
		if err := x.signal("resume", actor); err != nil {
			return err
		}
	}
	var problems []error
	if err := x.peer.Crash(); err != nil {
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
	if len(files) > 0 && !x.orphaned {
		problems = append(problems, fmt.Errorf("files are left: %s", value.Text(files)))
	}
	for _, f := range files {
		if err := os.Remove(f); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}
