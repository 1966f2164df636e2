package chaos

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

// point is a named moment at which somebody dies. The agents get there operation by operation; moments inside of one operation of the
// SDK are reached by the runner itself, which does the first half of it byte by byte and then lets go of everything as a dead process does.
type point struct {
	side string // who dies
	play func(*match, Round) error
}

// points are all of them, by name.
var points = func() map[string]point {
	all := map[string]point{}
	add := func(name string, p point) {
		if _, twice := all[name]; twice {
			panic("two points are called " + name) // which of them a seed means would be chance
		}
		all[name] = p
	}
	for name, play := range clientPoints {
		add(name, point{agentproto.RoleClient, play})
	}
	for name, play := range serverPoints {
		add(name, point{agentproto.RoleServer, play})
	}
	for _, some := range []map[string]point{rawPoints, momentPoints, stoppedPoints} {
		for name, p := range some {
			add(name, p)
		}
	}
	return all
}()

// pointsOf are the names of a side's points, in order.
func pointsOf(side string) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(points)) {
		if points[name].side == side {
			names = append(names, name)
		}
	}
	return names
}

// send sends a request with nothing beside it.
func (s *session) send(opcode uint64) error {
	sent, err := ask[agentproto.SentReport](s.match, s.client, agentproto.OpSend, map[string]any{"size": 70, "seed": s.numbers.next, "opcode": opcode})
	if err != nil {
		return err
	}
	return s.numbers.alone(sent.Sequence, true)
}

// sends several.
func (s *session) sendMany(n uint64, opcode uint64) error {
	for range n {
		if err := s.send(opcode); err != nil {
			return err
		}
	}
	return nil
}

// count says how many handlers have begun and ended since the server was made.
func (m *match) count() (agentproto.HandledReport, error) {
	return ask[agentproto.HandledReport](m, m.server, agentproto.OpWaitHandled, map[string]any{"timeout_ms": 0})
}

// until waits for handlers.
func (m *match) until(entered, left uint64) error {
	_, err := m.do(m.server, agentproto.OpWaitHandled, map[string]any{"entered": entered, "left": left, "timeout_ms": m.limits.Patience.Milliseconds()})
	return err
}

// busy sends requests whose handlers wait, one for each worker, and returns when all of them do.
func (m *match) busy() error {
	before, err := m.count()
	if err == nil {
		err = m.hold()
	}
	if err != nil {
		return err
	}
	if err := m.session.sendMany(m.channel.Workers, holdOpcode); err != nil {
		return err
	}
	return m.until(before.Entered+m.channel.Workers, before.Left)
}

// killClient kills the client and lets another one work.
func (m *match) killClient(r Round) error {
	at, err := m.kill(m.client, syscall.SIGKILL)
	if err != nil {
		return err
	}
	if r.Impatient {
		return m.nextClient(r, at)
	}
	return errors.Join(m.noticed(at), m.nextClient(r, time.Now()))
}

// killBusyClient is killClient while handlers of the dead client run: the next one waits until they have ended, and no longer.
func (m *match) killBusyClient(r Round) error {
	if _, err := m.kill(m.client, syscall.SIGKILL); err != nil {
		return err
	}
	if err := m.someClient(); err != nil {
		return err
	}
	connecting := m.begin(m.client, agentproto.OpConnect, m.connectArgs(r.Channel))
	time.Sleep(time.Duration(r.Delay) * time.Microsecond)
	if err := pending(connecting); err != nil {
		return err
	}
	return m.freed(connecting)
}

// freed lets the held handlers end and judges how soon the client that waits for that is served.
func (m *match) freed(connecting *agents.Call) error {
	since := time.Now()
	if err := m.letGo(); err != nil {
		return err
	}
	if err := m.attached(connecting); err != nil {
		return err
	}
	return m.works(since)
}

// killServer kills the server, waits for what was begun on the client, which must miss it, and makes another server.
func (m *match) killServer(r Round, begun ...*agents.Call) error {
	at, err := m.kill(m.server, syscall.SIGKILL)
	if err != nil {
		return err
	}
	return m.serverMissed(r, at, begun...)
}

func (m *match) serverMissed(r Round, at time.Time, begun ...*agents.Call) error {
	for _, call := range begun {
		_, err := m.await(m.client, call)
		if err := mustFail(call.Op+" under way", err, "server_dead"); err != nil {
			return err
		}
		took := call.Ended.Sub(at)
		m.stats.detection(took)
		if err := within("noticing that the server is gone", took, m.limits.Detection()); err != nil {
			return err
		}
	}
	if err := m.missesServer(); err != nil {
		return err
	}
	return m.nextServer(r)
}

// field waits until a field of the segment has a value.
func (m *match) field(path string, value uint64) error {
	for until := time.Now().Add(m.limits.Patience); ; time.Sleep(time.Millisecond) {
		got, err := segment.ReadField(m.name, path, 0)
		if err != nil || got == value {
			return err
		}
		if time.Now().After(until) {
			return fmt.Errorf("%s stays %d instead of %d: %w", path, got, value, errHung)
		}
	}
}

// answersStored does something and waits until the server has stored so many answers because of it. That a handler has ended is not enough.
func (m *match) answersStored(do func() error, n uint64) error {
	const path = "response.payload_written_count"
	before, err := segment.ReadField(m.name, path, 0)
	if err == nil {
		err = do()
	}
	if err != nil {
		return err
	}
	return m.field(path, before+n)
}

// answer receives the answer to a request and judges its content.
func (s *session) answer(sequence uint64, inverted bool) error {
	f, err := ask[agentproto.FrameReport](s.match, s.client, agentproto.OpReceive, map[string]any{"sequence": sequence})
	if err != nil {
		return fmt.Errorf("an answer that was there: %w", err)
	}
	return right(f, 70, sequence, inverted)
}
