package runner

import (
	"errors"
	"fmt"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
)

// startPatience is how long an agent may take until its hello, on a loaded machine.
const startPatience = 30 * time.Second

// slot is a place for an agent process: the second client of a language has another slot than the first.
type slot struct {
	language, role string
	number         int
}

// pool keeps agents alive from case to case. It belongs to one worker.
type pool struct {
	commands map[string]string
	running  map[slot]*agents.Process
	// trouble counts how often an agent of a language died or hung without being asked to.
	trouble map[string]int
	// logs are what processes that were dropped had written.
	logs map[slot][]byte
}

func newPool(commands map[string]string) *pool {
	return &pool{commands: commands, running: map[slot]*agents.Process{}, trouble: map[string]int{}, logs: map[slot][]byte{}}
}

func (p *pool) get(s slot) (*agents.Process, error) {
	if running, ok := p.running[s]; ok {
		if running.Broken() == nil {
			return running, nil
		}
		p.drop(s)
	}
	started, err := agents.Start(s.language, p.commands[s.language], s.role, startPatience)
	if err != nil {
		return nil, err
	}
	p.running[s] = started
	return started, nil
}

// drop forgets a process after killing what is left of it.
func (p *pool) drop(s slot) {
	if running, ok := p.running[s]; ok {
		running.Kill()
		p.logs[s] = append(p.logs[s], running.Log.Take()...)
		delete(p.running, s)
	}
}

// takeLog returns what the agents of a slot wrote since the last time.
func (p *pool) takeLog(s slot) []byte {
	log := p.logs[s]
	delete(p.logs, s)
	if running, ok := p.running[s]; ok {
		log = append(log, running.Log.Take()...)
	}
	return log
}

// close ends every agent in good order.
func (p *pool) close() error {
	var errs []error
	for s, running := range p.running {
		errs = append(errs, running.End())
		delete(p.running, s)
	}
	return errors.Join(errs...)
}

// probe asks every agent for an operation that cannot exist. One that does anything but answer "unsupported" would answer
// other things without doing them, too.
func (p *pool) probe(language string, seed uint64) error {
	for _, role := range []string{agentproto.RoleServer, agentproto.RoleClient} {
		agent, err := p.get(slot{language, role, 0})
		if err != nil {
			return err
		}
		op := fmt.Sprintf("frobnicate-%d", seed%1000003)
		call := agent.Begin("probe", op, false, map[string]any{})
		select {
		case <-call.Done():
		case <-time.After(startPatience):
			p.drop(slot{language, role, 0})
			return fmt.Errorf("the %s agent (%s) did not answer the made-up operation %q", language, role, op)
		}
		switch {
		case call.Err != nil:
			return fmt.Errorf("the %s agent (%s): %w", language, role, call.Err)
		case call.Response.Outcome != agentproto.OutcomeUnsupported:
			return fmt.Errorf("the %s agent (%s) answered the made-up operation %q with %q instead of %q: it cannot be believed",
				language, role, op, call.Response.Outcome, agentproto.OutcomeUnsupported)
		}
	}
	return nil
}
