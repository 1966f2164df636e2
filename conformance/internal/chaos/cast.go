package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
)

// startPatience is how long an agent may take until its hello, on a loaded machine.
const startPatience = 30 * time.Second

// cast starts the processes of a pair. The next of each role starts while the present one works, so that what is measured after a death
// is the SDK's recovery and not how long a runtime takes to start.
type cast struct {
	commands map[string]string // by role
	language map[string]string // by role
	spares   map[string]chan started
	mu       sync.Mutex
	stock    map[string]int // spares of a role that are there or on their way
	living   map[*agents.Process]bool
}

type started struct {
	process *agents.Process
	err     error
}

func newCast(pair Pair, commands map[string]string) *cast {
	c := &cast{
		commands: map[string]string{agentproto.RoleServer: commands[pair.Server], agentproto.RoleClient: commands[pair.Client]},
		language: map[string]string{agentproto.RoleServer: pair.Server, agentproto.RoleClient: pair.Client},
		spares:   map[string]chan started{}, stock: map[string]int{}, living: map[*agents.Process]bool{},
	}
	for role := range c.commands {
		c.spares[role] = make(chan started, 2)
		c.changeStock(role, 0)
	}
	return c
}

// changeStock notes that a spare was taken or given, and orders one when there is none.
func (c *cast) changeStock(role string, by int) {
	c.mu.Lock()
	c.stock[role] += by
	order := c.stock[role] == 0
	if order {
		c.stock[role]++
	}
	c.mu.Unlock()
	if !order {
		return
	}
	go func() {
		p, err := agents.Start(c.language[role], c.commands[role], role, startPatience)
		if err == nil {
			c.mu.Lock()
			c.living[p] = true
			c.mu.Unlock()
		}
		c.spares[role] <- started{p, err}
	}()
}

// take returns a spare process of a role, and sees to it that there is another.
func (c *cast) take(role string) (*agents.Process, error) {
	s := <-c.spares[role]
	c.changeStock(role, -1)
	return s.process, s.err
}

// give returns a process that was taken and is as good as new.
func (c *cast) give(role string, p *agents.Process) {
	c.spares[role] <- started{p, nil}
	c.changeStock(role, 1)
}

// ready waits until there is a spare of each role.
func (c *cast) ready() {
	for _, spare := range c.spares {
		spare <- <-spare
	}
}

// end ends a process without ceremony.
func (c *cast) end(p *agents.Process) {
	p.Kill()
	c.mu.Lock()
	delete(c.living, p)
	c.mu.Unlock()
}

// close ends everything in good order. Processes of which it is known that they are gone, or hang, were ended before.
func (c *cast) close() error {
	var errs []error
	for role, spare := range c.spares {
		for range c.stock[role] {
			if s := <-spare; s.err != nil {
				errs = append(errs, s.err)
			}
		}
	}
	for p := range c.living {
		errs = append(errs, p.End())
	}
	return errors.Join(errs...)
}

// begin asks for an operation that runs on a thread of its own.
func (m *match) begin(p *agents.Process, op string, args map[string]any) *agents.Call {
	return p.Begin(m.label, op, true, args)
}

// await waits for an operation's end. A process that does not answer is of no more use.
func (m *match) await(p *agents.Process, c *agents.Call) (json.RawMessage, error) {
	select {
	case <-c.Done():
	case <-time.After(m.limits.Patience):
		return nil, fmt.Errorf("the %s %s has not answered %s within %v: %w", p.Language, p.Role, c.Op, m.limits.Patience, errHung)
	}
	switch {
	case c.Err != nil:
		return nil, c.Err
	case c.Response.Outcome == agentproto.OutcomeOk:
		return c.Response.Result, nil
	case c.Response.Outcome == agentproto.OutcomeError:
		return nil, &agentError{c.Op, c.Response.Error.Name, c.Response.Error.Message}
	default:
		return nil, fmt.Errorf("the %s %s answered %s with %q", p.Language, p.Role, c.Op, c.Response.Outcome)
	}
}

// do asks for an operation and waits for its end.
func (m *match) do(p *agents.Process, op string, args map[string]any) (json.RawMessage, error) {
	return m.await(p, m.begin(p, op, args))
}

// ask is do with a result.
func ask[R agentproto.Record](m *match, p *agents.Process, op string, args map[string]any) (R, error) {
	var none R
	content, err := m.do(p, op, args)
	if err != nil {
		return none, err
	}
	return agentproto.Decode[R](content)
}
