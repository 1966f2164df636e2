package chaos

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
)

// stopped stops a process for a while and does something meanwhile.
func (m *match) stopped(p *agents.Process, pause time.Duration, meanwhile func() error) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	since := time.Now()
	err := m.asleep(p)
	if err == nil {
		err = meanwhile()
	}
	time.Sleep(time.Until(since.Add(pause)))
	return errors.Join(err, p.Signal(syscall.SIGCONT))
}

// asleep waits until the kernel has stopped a process.
func (m *match) asleep(p *agents.Process) error {
	for until := time.Now().Add(m.limits.Patience); ; time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid()))
		if err != nil {
			return err
		}
		// The name in front of the state may hold anything.
		if strings.HasPrefix(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " T") {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("the %s %s cannot be stopped: %w", p.Language, p.Role, errHung)
		}
	}
}

// A client that is stopped keeps its channel.
func (m *match) clientStops(load *running, r Round) error {
	another, err := m.cast.take(agentproto.RoleClient)
	if err != nil {
		return err
	}
	defer m.cast.give(agentproto.RoleClient, another)
	pause := time.Duration(r.Pause) * time.Millisecond
	err = m.stopped(m.client, pause, func() error {
		args := m.connectArgs(r.Channel)
		args["connect_timeout_ms"] = r.Pause / 2
		_, err := m.do(another, agentproto.OpConnect, args)
		return mustFail("connecting beside a stopped client", err, "writer_already_connected")
	})
	return errors.Join(err, load.finish(), m.session.verify(r.Load != Calls), m.handled())
}

// A server that is stopped is missed by nobody but a call's own timeout.
func (m *match) serverStops(load *running, r Round) error {
	counted := r.Load != Calls && r.Load != Idle
	err := m.stopped(m.server, time.Duration(r.Pause)*time.Millisecond, func() error {
		state, err := ask[agentproto.ConnectionReport](m, m.client, agentproto.OpConnected, map[string]any{})
		if err == nil && !state.Connected {
			err = errors.New("the client says that its stopped server does not live")
		}
		if err != nil || counted {
			return err // another request would come between those that are counted
		}
		_, err = m.do(m.client, agentproto.OpCall, map[string]any{"size": 8, "seed": 1, "timeout_ms": r.Pause / 2})
		return mustFail("a call to a stopped server", err, "timeout", "buffer_full")
	})
	return errors.Join(err, load.finish(), m.session.verify(counted), m.handled())
}
