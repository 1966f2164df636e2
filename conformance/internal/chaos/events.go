package chaos

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
)

// believe demands that the client's agent tells right content from wrong: one that does not look would make every run green.
func (m *match) believe(c Channel) error {
	m.label = "can the agent be believed"
	handle := func(handler string) error {
		_, err := m.do(m.server, agentproto.OpSetHandler, map[string]any{"handler": handler})
		return err
	}
	if err := m.ensure(c); err != nil {
		return err
	}
	if err := handle(agentproto.HandlerEcho); err != nil {
		return err
	}
	err := m.session.batch(m.session.work(Round{Load: Exchange, Window: 1, Step: 1}), 3)
	if err := mustFail("verifying answers that are wrong", err, agentproto.ErrorUnexpected); err != nil {
		return err
	}
	m.ready = false // with requests that were not counted
	return handle(agentproto.HandlerXor)
}

// play plays one round. An error is a violation.
func (m *match) play(r Round) error {
	m.label = fmt.Sprintf("round %d: %s", r.Number, r.What())
	if err := m.ensure(r.Channel); err != nil {
		return fmt.Errorf("before anything happened: %w", err)
	}
	m.cast.ready()
	if r.Kind == Point {
		return points[r.Point].play(m, r)
	}
	load := m.session.start(m.session.work(r))
	time.Sleep(time.Duration(r.Delay) * time.Microsecond)
	play := map[Kind]map[string]func(*running, Round) error{
		Kill:      {agentproto.RoleServer: m.serverDies, agentproto.RoleClient: m.clientDies},
		Terminate: {agentproto.RoleServer: m.serverDies, agentproto.RoleClient: m.clientDies},
		Close:     {agentproto.RoleServer: m.serverCloses, agentproto.RoleClient: m.clientCloses},
		Stop:      {agentproto.RoleServer: m.serverStops, agentproto.RoleClient: m.clientStops},
	}[r.Kind][r.Side]
	err := play(load, r)
	load.wait()
	return err
}

func (r Round) signal() syscall.Signal {
	if r.Kind == Terminate {
		return syscall.SIGTERM
	}
	return syscall.SIGKILL
}

func (m *match) clientDies(load *running, r Round) error {
	at, err := m.kill(m.client, r.signal())
	if err != nil {
		return err
	}
	if err := load.lost(); err != nil {
		return err
	}
	if r.Impatient {
		return m.nextClient(r, at) // its connecting tells the server
	}
	return errors.Join(m.noticed(at), m.nextClient(r, time.Now()))
}

// nextClient attaches another client and judges how long that took.
func (m *match) nextClient(r Round, since time.Time) error {
	if err := m.attach(r.Channel); err != nil {
		return err
	}
	return m.works(since)
}

// works judges the first answer of a successor, and then all else.
func (m *match) works(since time.Time) error {
	if err := m.session.call(100, 1, true); err != nil {
		return err
	}
	return errors.Join(m.recovered(since), m.session.verify(true), m.handled())
}

func (m *match) serverDies(load *running, r Round) error {
	at, err := m.kill(m.server, r.signal())
	if err != nil {
		return err
	}
	return m.serverIsGone(load, r, at)
}

// serverIsGone judges what the client makes of it, and the next server.
func (m *match) serverIsGone(load *running, r Round, at time.Time) error {
	last, err := load.fail("server_dead")
	if r.Load == Idle {
		at = time.Now() // it could not know earlier
	}
	err = errors.Join(err, m.missesServer())
	if r.Load == Idle {
		last = time.Now()
	}
	if err != nil {
		return err
	}
	m.stats.detection(last.Sub(at))
	if err := within("noticing that the server is gone", last.Sub(at), m.limits.Detection()); err != nil {
		return err
	}
	return m.nextServer(r)
}

// missesServer demands that the client knows its server to be gone, now and again.
func (m *match) missesServer() error {
	for range 2 {
		_, err := m.do(m.client, agentproto.OpCall, map[string]any{"size": 8, "seed": 1})
		if err := mustFail("a call without a server", err, "server_dead"); err != nil {
			return err
		}
	}
	return nil
}

// nextServer makes another server, to which the client connects; in impatient rounds it waits for it already.
func (m *match) nextServer(r Round) error {
	m.ready = false
	if r.Impatient {
		connecting := m.begin(m.client, agentproto.OpConnect, m.connectArgs(r.Channel))
		time.Sleep(time.Duration(r.Delay) * time.Microsecond)
		if err := pending(connecting); err != nil {
			return err
		}
		return m.serverFor(connecting, r)
	}
	return m.serverFor(nil, r)
}

// serverFor makes the server that a client waits for, or for which one connects then.
func (m *match) serverFor(connecting *agents.Call, r Round) error {
	since := time.Now()
	if err := m.serve(r.Channel); err != nil {
		return err
	}
	if connecting == nil {
		return m.nextClient(r, since)
	}
	if err := m.attached(connecting); err != nil {
		return err
	}
	return m.works(since)
}

// pending demands that an operation still waits.
func pending(c *agents.Call) error {
	select {
	case <-c.Done():
		return fmt.Errorf("%s did not wait: %v %v", c.Op, c.Err, c.Response.Error)
	default:
		return nil
	}
}

func (m *match) clientCloses(load *running, r Round) error {
	since := time.Now()
	if _, err := m.do(m.client, agentproto.OpClose, map[string]any{}); err != nil {
		return err
	}
	m.ready = false
	if _, err := load.fail("closed"); err != nil {
		return err
	}
	if !r.Impatient {
		if err := m.noticed(since); err != nil {
			return err
		}
	}
	return m.nextClient(r, time.Now())
}

func (m *match) serverCloses(load *running, r Round) error {
	if _, err := m.do(m.server, agentproto.OpClose, map[string]any{}); err != nil {
		return err
	}
	at := time.Now()
	m.serving = false
	return m.serverIsGone(load, r, at)
}
