package chaos

import (
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
)

// longestMoment is about as long as one of these operations takes, so that deaths come before, in and behind each of its steps.
const longestMoment = 4 * time.Millisecond

// moment lets a random part of an operation pass.
func (r Round) moment() { time.Sleep(time.Duration(r.Delay) * time.Microsecond % longestMoment) }

// momentPoints are deaths at a random moment of one operation.
var momentPoints = map[string]point{
	"attach: at any moment of it": {agentproto.RoleClient, func(m *match, r Round) error {
		if _, err := m.do(m.client, agentproto.OpClose, map[string]any{}); err != nil {
			return err
		}
		m.ready = false
		m.begin(m.client, agentproto.OpConnect, m.connectArgs(r.Channel))
		r.moment()
		return m.killClient(r)
	}},
	"close: at any moment of it": {agentproto.RoleClient, func(m *match, r Round) error {
		m.begin(m.client, agentproto.OpClose, map[string]any{})
		r.moment()
		return m.killClient(r)
	}},
	"create: at any moment of it": {agentproto.RoleServer, func(m *match, r Round) error {
		if _, err := m.do(m.client, agentproto.OpClose, map[string]any{}); err != nil {
			return err
		}
		m.ready = false
		if _, err := m.do(m.server, agentproto.OpClose, map[string]any{}); err != nil {
			return err
		}
		connecting := m.begin(m.client, agentproto.OpConnect, m.connectArgs(r.Channel))
		m.begin(m.server, agentproto.OpCreate, map[string]any{"name": m.name, "payload_size": r.Channel.Payload})
		return m.orphan(r, connecting)
	}},
	"stop: at any moment of it": {agentproto.RoleServer, func(m *match, r Round) error {
		m.begin(m.server, agentproto.OpClose, map[string]any{})
		r.moment()
		return m.killServer(r)
	}},
	"reset: at any moment of it": {agentproto.RoleServer, func(m *match, r Round) error {
		if _, err := m.do(m.client, agentproto.OpClose, map[string]any{}); err != nil {
			return err
		}
		m.ready = false
		return m.orphan(r, m.begin(m.client, agentproto.OpConnect, m.connectArgs(r.Channel)))
	}},
}

// orphan kills the server while a client connects, and makes another one. The client may have got the first one just before; then it
// must miss it, and connects again.
func (m *match) orphan(r Round, connecting *agents.Call) error {
	r.moment()
	if _, err := m.kill(m.server, syscall.SIGKILL); err != nil {
		return err
	}
	since := time.Now()
	if err := m.serve(r.Channel); err != nil {
		return err
	}
	if err := m.attached(connecting); err != nil {
		return err
	}
	err := m.session.call(100, 1, true)
	if named(err, "server_dead") {
		return m.nextClient(r, time.Now())
	}
	if err != nil {
		return err
	}
	if err := m.recovered(since); err != nil {
		return err
	}
	return m.session.verify(true)
}
