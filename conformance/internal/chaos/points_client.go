package chaos

import (
	"errors"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

// clientPoints are the moments between a client's operations.
var clientPoints = map[string]func(*match, Round) error{
	"publish: a buffer is acquired": func(m *match, r Round) error {
		_, err := m.do(m.client, agentproto.OpAcquire, map[string]any{"buffer": "b", "size": 900})
		return errors.Join(err, m.killClient(r))
	},
	"publish: a buffer is filled": func(m *match, r Round) error {
		_, err := m.do(m.client, agentproto.OpAcquire, map[string]any{"buffer": "b", "size": 900})
		if err == nil {
			_, err = m.do(m.client, agentproto.OpFill, map[string]any{"buffer": "b", "seed": 3})
		}
		return errors.Join(err, m.killClient(r))
	},
	"publish: published, not taken": func(m *match, r Round) error {
		if err := errors.Join(m.busy(), m.session.sendMany(3, 0)); err != nil {
			return err
		}
		return m.killBusyClient(r)
	},
	"take: its request is being handled": func(m *match, r Round) error {
		if err := m.busy(); err != nil {
			return err
		}
		return m.killBusyClient(r)
	},
	"answer: answered, not received": func(m *match, r Round) error {
		before, err := m.count()
		if err == nil {
			err = m.session.sendMany(4, 0)
		}
		if err == nil {
			err = m.until(before.Entered+4, before.Left+4)
		}
		return errors.Join(err, m.killClient(r))
	},
	"release: a response is held": func(m *match, r Round) error {
		err := m.session.sendMany(2, 0)
		if err == nil {
			_, err = m.do(m.client, agentproto.OpReceive, map[string]any{"sequence": m.session.numbers.next - 1, "hold": "r"})
		}
		return errors.Join(err, m.killClient(r))
	},
	"release: closing waits for a view": func(m *match, r Round) error {
		err := m.session.send(0)
		if err == nil {
			_, err = m.do(m.client, agentproto.OpReceive, map[string]any{"hold": "r"})
		}
		if err != nil {
			return err
		}
		m.begin(m.client, agentproto.OpClose, map[string]any{})
		time.Sleep(time.Duration(r.Delay) * time.Microsecond)
		return m.killClient(r)
	},
	"attach: waits for its turn": func(m *match, r Round) error {
		second, err := m.cast.take(agentproto.RoleClient)
		if err != nil {
			return err
		}
		connecting := m.begin(second, agentproto.OpConnect, m.connectArgs(r.Channel))
		time.Sleep(time.Duration(r.Delay) * time.Microsecond)
		if err := pending(connecting); err != nil {
			return err
		}
		if _, err := m.kill(second, syscall.SIGKILL); err != nil {
			return err
		}
		// The one that is attached is not concerned.
		return errors.Join(m.session.verify(true), m.handled())
	},
	"reset: asked for, by one that dies as well": func(m *match, r Round) error {
		if err := m.busy(); err != nil {
			return err
		}
		if _, err := m.kill(m.client, syscall.SIGKILL); err != nil {
			return err
		}
		second, err := m.cast.take(agentproto.RoleClient)
		if err != nil {
			return err
		}
		m.begin(second, agentproto.OpConnect, m.connectArgs(r.Channel))
		if err := m.field("request.writer_pid", segment.ResetWanted); err != nil {
			return err
		}
		if _, err := m.kill(second, syscall.SIGKILL); err != nil {
			return err
		}
		if err := m.someClient(); err != nil {
			return err
		}
		return m.freed(m.begin(m.client, agentproto.OpConnect, m.connectArgs(r.Channel)))
	},
}
