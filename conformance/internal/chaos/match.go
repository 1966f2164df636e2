package chaos

import (
	"fmt"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

// holdOpcode asks for a handler that waits until it is let go.
const holdOpcode = 1

// Timeouts of the peers, in milliseconds: long, so that nothing but a death ends a call.
const (
	callTimeout    = 15000
	connectTimeout = 15000
	stopTimeout    = 3000
)

// match is a pair at work on one channel.
type match struct {
	name    string // of the channel
	label   string // of the round, for the agents' logs
	limits  Limits
	cast    *cast
	server  *agents.Process // nil: none is running
	client  *agents.Process
	channel Channel // how the living server was made
	serving bool    // the server has a channel
	ready   bool    // the client is attached
	session *session
	stats   *Stats
}

// death notes that somebody has been ended.
func (m *match) death(p *agents.Process) {
	switch p {
	case m.server:
		m.server, m.serving = nil, false
	case m.client:
		m.client, m.ready = nil, false
	}
}

// kill ends a process by a signal and waits until it is reaped. It returns when the signal was sent.
func (m *match) kill(p *agents.Process, signal syscall.Signal) (time.Time, error) {
	at := time.Now()
	if err := p.Signal(signal); err != nil {
		return at, fmt.Errorf("the %s %s ended by itself: %w; its log: %s", p.Language, p.Role, err, p.Log.Tail())
	}
	m.death(p)
	m.cast.end(p) // SIGKILL to what is dying anyway; it waits for the end
	return at, nil
}

// drop ends everything after a violation, so that the next round begins anew.
func (m *match) drop() {
	for _, p := range []*agents.Process{m.server, m.client} {
		if p != nil {
			m.cast.end(p)
			m.death(p)
		}
	}
}

// serve makes a server, in the living process or a new one.
func (m *match) serve(c Channel) (err error) {
	if m.server == nil {
		if m.server, err = m.cast.take(agentproto.RoleServer); err != nil {
			return err
		}
	}
	if err := m.create(c); err != nil {
		return err
	}
	_, err = m.do(m.server, agentproto.OpStart, map[string]any{})
	return err
}

// create makes a channel that is not served yet.
func (m *match) create(c Channel) error {
	if _, err := m.do(m.server, agentproto.OpCreate, map[string]any{
		"name": m.name, "payload_size": c.Payload, "workers": c.Workers, "wait": c.ServerWait, "stop_timeout_ms": stopTimeout,
	}); err != nil {
		return err
	}
	m.serving, m.channel = true, c
	return nil
}

// hold makes the handler of holdOpcode wait from now on. It must come long after letGo, which a handler that just begins has to see.
func (m *match) hold() error {
	_, err := m.do(m.server, agentproto.OpSetHandler, map[string]any{"opcode": holdOpcode, "handler": agentproto.HandlerHold})
	return err
}

// letGo ends all handlers that wait, or are about to.
func (m *match) letGo() error {
	_, err := m.do(m.server, agentproto.OpLetGo, map[string]any{})
	return err
}

func (m *match) connectArgs(c Channel) map[string]any {
	return map[string]any{
		"name": m.name, "connect_timeout_ms": connectTimeout, "call_timeout_ms": callTimeout, "send_timeout_ms": callTimeout, "wait": c.ClientWait,
	}
}

// someClient makes sure that there is a client process.
func (m *match) someClient() (err error) {
	if m.client == nil {
		m.client, err = m.cast.take(agentproto.RoleClient)
	}
	return err
}

// attach connects the client, in the living process or a new one.
func (m *match) attach(c Channel) error {
	if err := m.someClient(); err != nil {
		return err
	}
	return m.attached(m.begin(m.client, agentproto.OpConnect, m.connectArgs(c)))
}

// attached waits for a connect that was begun.
func (m *match) attached(call *agents.Call) error {
	if _, err := m.await(m.client, call); err != nil {
		return err
	}
	m.ready, m.session = true, &session{match: m, client: m.client, payload: m.channel.Payload, numbers: newAttachment()}
	return nil
}

// ensure makes whoever is missing.
func (m *match) ensure(c Channel) error {
	if !m.serving {
		m.ready = false
		if err := m.serve(c); err != nil {
			return err
		}
	}
	if m.ready {
		return nil
	}
	if err := m.attach(c); err != nil {
		return err
	}
	return m.session.verify(true)
}

// recovered judges how long it took until a successor had its first answer.
func (m *match) recovered(since time.Time) error {
	took := time.Since(since)
	m.stats.recovery(took)
	return within("recovering", took, m.limits.Recovery())
}

// noticed waits until the server has noticed that its client is gone and has made the segment ready for the next.
func (m *match) noticed(since time.Time) error {
	for limit := m.limits.Detection(); ; time.Sleep(time.Millisecond) {
		pid, err := segment.ReadField(m.name, "request.writer_pid", 0)
		if err != nil {
			return fmt.Errorf("looking whether the server noticed: %w", err)
		}
		took := time.Since(since)
		if pid == 0 {
			m.stats.detection(took)
			return within("noticing the dead client", took, limit)
		}
		if took > limit+m.limits.Patience {
			return fmt.Errorf("the server has not noticed its dead client within %v: %w", took.Round(time.Millisecond), errHung)
		}
	}
}

// handled judges what the server's handlers were given.
func (m *match) handled() error {
	if m.channel.Workers != 1 {
		return nil // several at the same time begin in any order
	}
	seen, err := ask[agentproto.HandledReport](m, m.server, agentproto.OpWaitHandled, map[string]any{"timeout_ms": m.limits.Patience.Milliseconds()})
	if err != nil {
		return err
	}
	return handledTwice(seen.Frames)
}
