package chaos

import (
	"errors"
	"os"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

// rawPoints are moments inside of one operation. The runner is the one who dies.
var rawPoints = map[string]point{
	"attach: the byte is taken": rawClient(func(p *segment.Peer, m *match) error {
		return errors.Join(p.Open(m.name), p.Lock(segment.LockByteClient, false))
	}),
	"attach: a reset is wanted, nobody was woken": rawClient(func(p *segment.Peer, m *match) error {
		return errors.Join(p.Open(m.name), p.Lock(segment.LockByteClient, false), p.Set("request.writer_pid", 0, segment.ResetWanted))
	}),
	"attach: the first pid is stored": rawClient(func(p *segment.Peer, m *match) error {
		return errors.Join(p.Open(m.name), p.Lock(segment.LockByteClient, false), p.Set("response.reader_pid", 0, uint64(os.Getpid())))
	}),
	"attach: both pids are stored": rawClient(func(p *segment.Peer, m *match) error { return p.Attach(m.name, m.limits.Patience) }),
	"publish: a header without its state": rawPublisher(func(p *segment.Peer) error {
		return p.Header(0, segment.Header{"payload_size": rawSize, "state": 0})
	}),
	"publish: a state, no bytes": rawPublisher(func(p *segment.Peer) error { return p.Header(0, segment.Header{"payload_size": rawSize}) }),
	"publish: bytes, no count":   rawPublisher(func(p *segment.Peer) error { return halfPublished(p) }),
	"publish: a count, no wakeup": rawPublisher(func(p *segment.Peer) error {
		return errors.Join(halfPublished(p), p.Set("request.payload_written_count", 0, 1))
	}),
	"release: consumed, not counted": rawPublisher(func(p *segment.Peer) error {
		return errors.Join(p.Publish(0, rawSize, 1, segment.Header{}), p.Until("frame.state", 0, segment.StateResponse, rawPatience), p.Set("frame.state", 0, rawConsumed))
	}),

	"create: an object and its lock":        rawCreator(segment.Building{Lock: true}),
	"create: everything but the first word": rawCreator(segment.Building{Lock: true, Semaphores: true}),
	"take: a state, no count": rawServer(false, func(p *segment.Peer) error {
		return p.Set("frame.state", 0, segment.StateProcessing)
	}),
	"answer: a size, no state": rawServer(false, func(p *segment.Peer) error {
		return errors.Join(p.Take(0), p.Set("frame.payload_size", 0, 1), p.Set("frame.status", 0, 0))
	}),
	"answer: a state, no count": rawServer(true, func(p *segment.Peer) error {
		return errors.Join(p.Take(0), p.Set("frame.state", 0, segment.StateResponse))
	}),
	"answer: a count, no wakeup": rawServer(true, func(p *segment.Peer) error {
		return errors.Join(p.Take(0), p.Set("frame.state", 0, segment.StateResponse),
			p.Set("response.payload_written_bytes", 0, rawSize), p.Set("response.payload_written_count", 0, 1))
	}),
	"reset: begun, the client is not admitted": {agentproto.RoleServer, rawReset},
}

const (
	rawSize     = 100
	rawConsumed = 5 // the state of a frame that is done with
	rawPatience = 10 * time.Second
)

// rawClient is a client that dies where attach leaves it. The living client steps aside first.
func rawClient(attach func(*segment.Peer, *match) error) point {
	return point{agentproto.RoleClient, func(m *match, r Round) error {
		if _, err := m.do(m.client, agentproto.OpClose, map[string]any{}); err != nil {
			return err
		}
		m.ready = false
		if err := m.field("request.writer_pid", 0); err != nil {
			return err
		}
		var p segment.Peer
		err := attach(&p, m)
		time.Sleep(time.Duration(r.Delay) * time.Microsecond)
		at := time.Now()
		if err := errors.Join(err, p.Crash()); err != nil {
			return err
		}
		if r.Impatient {
			return m.nextClient(r, at)
		}
		return errors.Join(m.noticed(at), m.nextClient(r, time.Now()))
	}}
}

// rawPublisher is an attached client that dies where publish leaves it.
func rawPublisher(publish func(*segment.Peer) error) point {
	return rawClient(func(p *segment.Peer, m *match) error {
		if err := p.Attach(m.name, m.limits.Patience); err != nil {
			return err
		}
		return publish(p)
	})
}

// halfPublished is all of publishing but the count and the wakeup.
func halfPublished(p *segment.Peer) error {
	payload, err := p.Get("request.payload_size", 0)
	const frame = 64 + 128
	return errors.Join(err, p.Data(0, rawSize, 1), p.Header(0, segment.Header{"payload_size": rawSize}), p.Set("request.payload_written_bytes", 0, frame),
		p.Set("request.payload_free_bytes", 0, payload-frame), p.Set("response.payload_free_bytes", 0, payload-frame))
}

// rawBuild makes the runner the server. The living server steps aside first.
func rawBuild(m *match, b segment.Building) (*segment.Peer, error) {
	m.ready = false
	if _, err := m.do(m.client, agentproto.OpClose, map[string]any{}); err != nil {
		return nil, err
	}
	if _, err := m.do(m.server, agentproto.OpClose, map[string]any{}); err != nil {
		return nil, err
	}
	m.serving = false
	b.MetadataRequest, b.Payload, b.Mode = 16, 4096, 0o600
	p := &segment.Peer{}
	return p, p.Build(m.name, b)
}

// rawCreator is a server that dies before its segment is complete. A client waits for it, and then for the next one.
func rawCreator(b segment.Building) point {
	return point{agentproto.RoleServer, func(m *match, r Round) error {
		incomplete := uint64(0)
		b.Identity = &incomplete
		p, err := rawBuild(m, b)
		if err != nil {
			return errors.Join(err, p.Crash())
		}
		connecting := m.begin(m.client, agentproto.OpConnect, m.connectArgs(r.Channel))
		time.Sleep(time.Duration(r.Delay) * time.Microsecond)
		if err := errors.Join(pending(connecting), p.Crash()); err != nil {
			return err
		}
		return m.serverFor(connecting, r)
	}}
}

// rawServer is a server that dies where answer leaves it. When the answer's state was stored, the client must deliver it.
func rawServer(delivered bool, answer func(*segment.Peer) error) point {
	return point{agentproto.RoleServer, func(m *match, r Round) error {
		p, err := rawBuild(m, segment.Building{Lock: true, Semaphores: true})
		if err != nil {
			return errors.Join(err, p.Crash())
		}
		err = m.attach(r.Channel)
		var call *agents.Call
		if err == nil {
			call = m.begin(m.client, agentproto.OpCall, map[string]any{"size": rawSize, "seed": 1})
			err = errors.Join(p.Until("request.payload_written_count", 0, 1, rawPatience), answer(p))
		}
		at := time.Now()
		if err := errors.Join(err, p.Crash()); err != nil {
			return err
		}
		if !delivered {
			return m.serverMissed(r, at, call)
		}
		content, err := m.await(m.client, call)
		if err != nil {
			return err
		}
		f, err := agentproto.Decode[agentproto.FrameReport](content)
		if err := errors.Join(err, right(f, rawSize, 1, false)); err != nil {
			return err
		}
		return m.serverMissed(r, at)
	}}
}

// rawReset is a server that dies in the middle of a reset. The client that waits for it goes on to the next one.
func rawReset(m *match, r Round) error {
	p, err := rawBuild(m, segment.Building{Lock: true, Semaphores: true})
	if err == nil {
		err = p.Set("request.writer_pid", 0, uint64(os.Getpid())) // of a client that died
	}
	if err != nil {
		return errors.Join(err, p.Crash())
	}
	connecting := m.begin(m.client, agentproto.OpConnect, m.connectArgs(r.Channel))
	err = errors.Join(p.Until("request.writer_pid", 0, segment.ResetWanted, rawPatience), p.Set("response.reader_pid", 0, 0), pending(connecting))
	if err := errors.Join(err, p.Crash()); err != nil {
		return err
	}
	return m.serverFor(connecting, r)
}
