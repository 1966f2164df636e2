package chaos

import (
	"fmt"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

// serverPoints are the moments between a server's operations.
var serverPoints = map[string]func(*match, Round) error{
	"take: a handler runs": func(m *match, r Round) error {
		before, err := m.count()
		if err == nil {
			err = m.hold()
		}
		if err != nil {
			return err
		}
		call := m.begin(m.client, agentproto.OpCall, map[string]any{"size": 100, "seed": 1, "opcode": holdOpcode})
		if err := m.until(before.Entered+1, before.Left); err != nil {
			return err
		}
		return m.killServer(r, call)
	},
	"take: requests wait behind a handler": func(m *match, r Round) error {
		if err := m.busy(); err != nil {
			return err
		}
		return m.killServer(r, m.begin(m.client, agentproto.OpCall, map[string]any{"size": 100, "seed": 1}))
	},
	"take: a client waits for room": func(m *match, r Round) error {
		if err := m.busy(); err != nil {
			return err
		}
		// With all workers held nothing is taken; the second of two frames that fill the ring waits.
		size := m.channel.Payload / 2
		if _, err := m.do(m.client, agentproto.OpSend, map[string]any{"size": size, "seed": 1}); err != nil {
			return err
		}
		sending := m.begin(m.client, agentproto.OpSend, map[string]any{"size": size, "seed": 1})
		time.Sleep(time.Duration(r.Delay) * time.Microsecond)
		if err := pending(sending); err != nil {
			return err
		}
		return m.killServer(r, sending)
	},
	"answer: answered, yet to be received": func(m *match, r Round) error {
		first := m.session.numbers.next
		err := m.answersStored(func() error { return m.session.sendMany(3, 0) }, 3)
		if err != nil {
			return err
		}
		at, err := m.kill(m.server, syscall.SIGKILL)
		if err != nil {
			return err
		}
		for sequence := first; sequence < first+3; sequence++ {
			if err := m.session.answer(sequence, true); err != nil {
				return err
			}
		}
		return m.serverMissed(r, at)
	},
	"answer: a stop waits for its responses to be received": func(m *match, r Round) error {
		sequence := m.session.numbers.next
		if err := m.answersStored(func() error { return m.session.send(0) }, 1); err != nil {
			return err
		}
		closing := m.begin(m.server, agentproto.OpClose, map[string]any{})
		time.Sleep(time.Duration(r.Delay) * time.Microsecond)
		if err := pending(closing); err != nil {
			return err
		}
		at, err := m.kill(m.server, syscall.SIGKILL)
		if err != nil {
			return err
		}
		if err := m.session.answer(sequence, true); err != nil {
			return err
		}
		return m.serverMissed(r, at)
	},
	"publish: the client has a buffer acquired": func(m *match, r Round) error {
		if _, err := m.do(m.client, agentproto.OpAcquire, map[string]any{"buffer": "b", "size": 100}); err != nil {
			return err
		}
		at, err := m.kill(m.server, syscall.SIGKILL)
		if err != nil {
			return err
		}
		if _, err := m.do(m.client, agentproto.OpFill, map[string]any{"buffer": "b", "seed": 1}); err != nil {
			return fmt.Errorf("filling a buffer of a dead server: %w", err)
		}
		_, err = m.do(m.client, agentproto.OpReceive, map[string]any{})
		if err := mustFail("receiving from a dead server", err, "server_dead"); err != nil {
			return err
		}
		_, err = m.do(m.client, agentproto.OpCommit, map[string]any{"buffer": "b"})
		if err := mustFail("publishing to a dead server", err, "server_dead"); err != nil {
			return err
		}
		return m.serverMissed(r, at)
	},
	"attach: created, not started": func(m *match, r Round) error {
		if _, err := m.do(m.server, agentproto.OpClose, map[string]any{}); err != nil {
			return err
		}
		m.serving, m.ready = false, false
		if err := m.create(r.Channel); err != nil {
			return err
		}
		if err := m.attach(r.Channel); err != nil {
			return err
		}
		call := m.begin(m.client, agentproto.OpCall, map[string]any{"size": 8, "seed": 1})
		time.Sleep(time.Duration(r.Delay) * time.Microsecond)
		if err := pending(call); err != nil {
			return err
		}
		return m.killServer(r, call)
	},
	"reset: waits for a handler of a dead client": func(m *match, r Round) error {
		if err := m.busy(); err != nil {
			return err
		}
		// It closes and comes back while the handlers of its former attachment still run.
		if _, err := m.do(m.client, agentproto.OpReset, map[string]any{}); err != nil {
			return err
		}
		m.ready = false
		connecting := m.begin(m.client, agentproto.OpConnect, m.connectArgs(r.Channel))
		if err := m.field("request.writer_pid", segment.ResetWanted); err != nil {
			return err
		}
		if _, err := m.kill(m.server, syscall.SIGKILL); err != nil {
			return err
		}
		return m.serverFor(connecting, r)
	},
}
