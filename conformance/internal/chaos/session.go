package chaos

import (
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
)

// session is one attachment of a client.
type session struct {
	match   *match
	client  *agents.Process
	payload uint64
	numbers *attachment
}

// content is what a seed makes of a size, as the handler xor leaves it or as it was sent.
func content(size, seed uint64, inverted bool) uint64 {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(seed + uint64(i))
		if inverted {
			data[i] = ^data[i]
		}
	}
	return uint64(crc32.ChecksumIEEE(data))
}

// right judges a frame's content.
func right(f agentproto.FrameReport, size, seed uint64, inverted bool) error {
	if f.Size != size || f.Crc32 != content(size, seed, inverted) {
		return fmt.Errorf("response %d of %d bytes beginning %s is not what was asked for with %d bytes and seed %d", f.Sequence, f.Size, f.Head, size, seed)
	}
	return nil
}

// call is a call with nothing beside it.
func (s *session) call(size, seed uint64, exact bool) error {
	f, err := ask[agentproto.FrameReport](s.match, s.client, agentproto.OpCall, map[string]any{"size": size, "seed": seed})
	if err != nil {
		return err
	}
	s.match.stats.answers.Add(1)
	return errors.Join(s.numbers.alone(f.Sequence, exact), right(f, size, seed, true))
}

// batch is one loop of round trips, verified by the agent.
func (s *session) batch(w work, count uint64) error {
	first := s.numbers.next
	report, err := ask[agentproto.ExchangeReport](s.match, s.client, agentproto.OpExchange, map[string]any{
		"count": count, "first_size": first % w.modulo, "size_step": w.step, "size_modulo": w.modulo, "seed": first, "window": w.window,
		"acquire": w.load == Acquire, "verify": true,
	})
	if err != nil {
		return err
	}
	s.match.stats.answers.Add(report.Count)
	return s.numbers.exchanged(report, count)
}

// verify shows that the channel is in order: a call, a loop of round trips, and nothing that nobody asked for. With exact no request
// may have gone uncounted since the last time.
func (s *session) verify(exact bool) error {
	if err := s.call(61, s.numbers.next, exact); err != nil {
		return err
	}
	if err := s.batch(s.work(Round{Load: Exchange, Window: 3, Step: 13}), 16); err != nil {
		return err
	}
	_, err := ask[agentproto.FrameReport](s.match, s.client, agentproto.OpReceive, map[string]any{"timeout_ms": 1})
	return mustFail("receiving what nobody asked for", err, "timeout")
}
