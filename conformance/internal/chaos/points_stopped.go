package chaos

import (
	"errors"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
)

// stoppedPoints are deaths of one side while the other one is stopped, in the middle of whatever it was doing.
var stoppedPoints = map[string]point{
	"pause: while the server is stopped": {agentproto.RoleClient, func(m *match, r Round) error {
		load := m.session.start(m.session.work(r))
		time.Sleep(time.Duration(r.Delay) * time.Microsecond)
		var connecting *agents.Call
		err := m.stopped(m.server, time.Duration(r.Pause)*time.Millisecond, func() error {
			if _, err := m.kill(m.client, syscall.SIGKILL); err != nil {
				return err
			}
			if err := errors.Join(load.lost(), m.someClient()); err != nil {
				return err
			}
			connecting = m.begin(m.client, agentproto.OpConnect, m.connectArgs(r.Channel))
			return nil
		})
		load.wait()
		if err != nil {
			return err
		}
		since := time.Now()
		if err := m.attached(connecting); err != nil {
			return err
		}
		return m.works(since)
	}},
	"pause: while the client is stopped, and has a successor": {agentproto.RoleServer, func(m *match, r Round) error {
		load := m.session.start(m.session.work(r))
		time.Sleep(time.Duration(r.Delay) * time.Microsecond)
		err := m.stopped(m.client, time.Duration(r.Pause)*time.Millisecond, func() error {
			if _, err := m.kill(m.server, syscall.SIGKILL); err != nil {
				return err
			}
			return m.serve(r.Channel)
		})
		at := time.Now()
		if err != nil {
			load.wait()
			return err
		}
		last, err := load.fail("server_dead")
		if err := errors.Join(err, m.missesServer()); err != nil {
			return err
		}
		if r.Load != Idle {
			m.stats.detection(last.Sub(at))
			err = within("noticing that the server is gone", last.Sub(at), m.limits.Detection())
		}
		return errors.Join(err, m.nextClient(r, time.Now()))
	}},
}
