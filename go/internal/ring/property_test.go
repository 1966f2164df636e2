package ring

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// model is the ring as the protocol describes it, written down a second time: a list of frames and nothing else.
type model struct {
	payload uint64
	eager   bool
	head    uint64 // position
	frames  []*modelFrame
	last    uint64
	passed  uint64
	posted  uint64 // two-way answers
	read    uint64 // released answers
}

type modelFrame struct {
	frame                     *Frame
	claimed                   Claimed
	position, total, waste    uint64
	size, sequence            uint64
	oneWay                    bool
	taken, answered, released bool
	cancelled, skipped        bool
	abandoned, finished       bool
	failed                    bool
	answerSize                uint64
}

// over reports whether the client may use the frame's bytes again.
func (f *modelFrame) over() bool {
	switch {
	case f.cancelled:
		return f.skipped
	case f.oneWay:
		return f.finished
	default:
		return f.released
	}
}

func (m *model) used() uint64 {
	used := uint64(0)
	for _, f := range m.frames {
		used += f.total + f.waste
	}
	return used
}

// reclaim is what every release and acquire does.
func (m *model) reclaim() {
	for _, f := range m.frames {
		if f.abandoned && f.answered && !f.released {
			f.released = true
			m.read++
		}
	}
	for len(m.frames) > 0 {
		f := m.frames[0]
		if f.sequence <= m.passed {
			f.waste = 0
		}
		if !f.over() {
			return
		}
		m.frames = m.frames[1:]
	}
}

// fit says where a frame of total bytes goes, and whether there is room for it.
func (m *model) fit(total uint64) (position, waste uint64, ok bool) {
	room := m.payload - m.head
	switch {
	case len(m.frames) == 0 && (m.eager || total > room):
		return 0, 0, true
	case len(m.frames) == 0:
		return m.head, 0, true
	case total <= room:
		return m.head, 0, m.used()+total <= m.payload
	default:
		return 0, room, m.used()+total+room <= m.payload
	}
}

// pattern is what byte i of a frame's data must be.
func pattern(sequence uint64, i int, answer bool) byte {
	b := byte(sequence*31 + uint64(i)*7)
	if answer {
		return ^b
	}
	return b
}

func fillPattern(data []byte, sequence uint64, answer bool) {
	for i := range data {
		data[i] = pattern(sequence, i, answer)
	}
}

func checkPattern(t *testing.T, data []byte, sequence uint64, answer bool) {
	t.Helper()
	for i, b := range data {
		if b != pattern(sequence, i, answer) {
			t.Fatalf("frame %d: byte %d is %d, want %d: somebody else wrote there", sequence, i, b, pattern(sequence, i, answer))
		}
	}
}

func TestRandomHistoriesFollowTheModel(t *testing.T) {
	seeds := 200
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(uint64(seed), 2))
		payload := (2 + uint64(random.IntN(63))) * wire.BlockAlignment // 128 to 4096
		if seed%3 == 0 {
			payload = (2 + uint64(random.IntN(6))) * wire.BlockAlignment // the tight ones more often
		}
		runHistory(t, random, payload, seed%2 == 0)
		if t.Failed() {
			t.Fatalf("seed %d, payload %d, eager %v", seed, payload, seed%2 == 0)
		}
	}
}

func runHistory(t *testing.T, random *rand.Rand, payload uint64, eager bool) {
	h := &history{t: t, random: random, memory: newMemory(t, payload), model: model{payload: payload, eager: eager}}
	h.client, h.server = NewClient(h.memory, eager), NewServer(h.memory)
	for range 600 {
		switch random.IntN(8) {
		case 0, 1, 2:
			h.send()
		case 3, 4:
			h.serve()
		case 5:
			h.answer()
		case 6:
			h.receive()
		case 7:
			h.giveUp()
		}
		h.check()
	}
	for len(h.model.frames) > 0 {
		h.serve()
		h.answer()
		h.receive()
		h.reclaim()
		h.check()
	}
	require.Equal(t, payload, h.memory.Request.PayloadFreeBytes.Load(), "all of it is free in the end")
	require.True(t, h.server.Drained())
}

type history struct {
	t      *testing.T
	random *rand.Rand
	memory Memory
	client *Client
	server *Server
	model  model
}

func (h *history) reclaim() {
	_, err := h.client.Reclaim()
	require.NoError(h.t, err)
	h.model.reclaim()
}

func (h *history) send() {
	t, m := h.t, &h.model
	largest := int(m.payload - wire.FrameHeaderV2Size)
	size := uint64(h.random.IntN(largest + 1))
	if h.random.IntN(3) > 0 {
		size = uint64(h.random.IntN(largest/4 + 1))
	}
	capacity := size
	if h.random.IntN(3) == 0 {
		capacity += uint64(h.random.IntN(largest - int(size) + 1))
	}
	total := wire.FrameHeaderV2Size + (capacity+63)/64*64
	h.reclaim()
	position, waste, ok := m.fit(total)
	data, err := h.client.Reserve(size, capacity)
	if !ok {
		require.ErrorIs(t, err, ErrNoRoom)
		return
	}
	require.NoError(t, err, "payload %d, head %d, %d in flight, %d used, total %d", m.payload, m.head, len(m.frames), m.used(), total)
	m.last++
	fillPattern(data, m.last, false)
	if h.random.IntN(6) == 0 {
		h.client.Abort()
		m.last--
		return
	}
	oneWay := h.random.IntN(4) == 0
	f := &modelFrame{
		frame: h.client.Publish(size, uint32(m.last), oneWay), position: position, total: total, waste: waste, size: size,
		sequence: m.last, oneWay: oneWay,
	}
	m.frames = append(m.frames, f)
	m.head = (position + total) % m.payload
	require.Equal(t, position, f.frame.position)
	require.Equal(t, m.last, f.frame.Sequence)
	require.Same(t, f.frame, h.client.Lookup(m.last))
}

// serve moves the server's cursor by one frame.
func (h *history) serve() {
	t, m := h.t, &h.model
	var claimed Claimed
	ok, err := h.server.Next(&claimed)
	require.NoError(t, err)
	require.Equal(t, m.passed < m.last, ok)
	if !ok {
		return
	}
	m.passed++
	require.Equal(t, m.passed, claimed.Sequence, "in the order of publishing")
	f := h.find(claimed.Sequence)
	require.Equal(t, f.cancelled, claimed.Cancelled)
	if claimed.Cancelled {
		h.server.Skip(&claimed)
		f.skipped = true
		return
	}
	require.Equal(t, uint32(f.sequence), claimed.Opcode)
	require.Equal(t, f.oneWay, claimed.OneWay)
	require.Len(t, claimed.Data, int(f.size))
	checkPattern(t, claimed.Data, f.sequence, false)
	require.True(t, h.server.Take(&claimed))
	f.taken, f.claimed = true, claimed
}

func (h *history) find(sequence uint64) *modelFrame {
	for _, f := range h.model.frames {
		if f.sequence == sequence {
			return f
		}
	}
	require.FailNow(h.t, "the model does not know frame", sequence)
	return nil
}

// pick returns a random frame of which the condition holds, nil when there is none.
func (h *history) pick(condition func(*modelFrame) bool) *modelFrame {
	var all []*modelFrame
	for _, f := range h.model.frames {
		if condition(f) {
			all = append(all, f)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[h.random.IntN(len(all))]
}

// answer ends a random taken frame: out of order.
func (h *history) answer() {
	f := h.pick(func(f *modelFrame) bool { return f.taken && !f.answered && !f.finished })
	if f == nil {
		return
	}
	checkPattern(h.t, f.claimed.Data, f.sequence, false)
	if f.oneWay {
		f.claimed.Finish()
		f.finished = true
		return
	}
	f.answerSize = uint64(h.random.IntN(int(f.claimed.Capacity) + 1))
	f.failed = h.random.IntN(5) == 0
	fillPattern(f.claimed.Data[:f.answerSize], f.sequence, true)
	f.claimed.Answer(f.answerSize, int32(h.random.IntN(3)), f.failed)
	require.Equal(h.t, f.abandoned, f.claimed.Abandoned())
	h.server.Count(f.answerSize)
	f.answered = true
	h.model.posted++
}

// receive reads and releases a random answered frame.
func (h *history) receive() {
	f := h.pick(func(f *modelFrame) bool { return f.answered && !f.released && !f.abandoned })
	if f == nil {
		return
	}
	require.True(h.t, f.frame.Answered())
	r, err := f.frame.Read()
	require.NoError(h.t, err)
	require.Equal(h.t, f.failed, r.Failed)
	require.Equal(h.t, int(f.answerSize), r.Size)
	require.Equal(h.t, uint32(f.sequence), f.frame.Opcode)
	checkPattern(h.t, f.frame.Data(r.Size), f.sequence, true)
	h.client.Release(f.frame)
	f.released = true
	h.model.read++
	h.reclaim()
}

// giveUp cancels a random frame, or abandons it when it is too late for that.
func (h *history) giveUp() {
	f := h.pick(func(f *modelFrame) bool { return !f.cancelled && !f.abandoned && !f.released && !f.finished })
	if f == nil {
		return
	}
	cancelled := h.client.Cancel(f.frame)
	require.Equal(h.t, !f.taken, cancelled)
	f.cancelled = cancelled
	if cancelled || f.oneWay {
		return
	}
	f.abandoned = true
	require.Equal(h.t, f.answered, h.client.Abandon(f.frame))
	if f.answered {
		f.released = true
		h.model.read++
	}
}

// check compares shared memory with the model.
func (h *history) check() {
	t, m := h.t, &h.model
	taken := make([]bool, m.payload/wire.BlockAlignment)
	for _, f := range m.frames {
		require.LessOrEqual(t, f.position+f.total, m.payload, "no frame crosses the end")
		require.Zero(t, f.position%wire.BlockAlignment)
		for b := f.position / wire.BlockAlignment; b < (f.position+f.total)/wire.BlockAlignment; b++ {
			require.False(t, taken[b], "live frames overlap at block %d", b)
			taken[b] = true
		}
		header := h.memory.Payload[f.position : f.position+wire.FrameHeaderV2Size]
		require.Equal(t, f.sequence, binary.LittleEndian.Uint64(header[wire.FrameHeaderV2SequenceNumberOffset:]))
	}
	require.Equal(t, len(m.frames), h.client.InFlight())
	require.Equal(t, m.payload-m.used(), h.client.Free())
	require.Equal(t, m.last, h.memory.Request.PayloadWrittenCount.Load())
	require.Equal(t, m.passed, h.memory.Request.PayloadReadCount.Load())
	require.Equal(t, m.posted, h.memory.Response.PayloadWrittenCount.Load())
	require.Equal(t, m.read, h.memory.Response.PayloadReadCount.Load())
	free := h.memory.Request.PayloadFreeBytes.Load()
	require.Equal(t, free, h.memory.Response.PayloadFreeBytes.Load())
	require.LessOrEqual(t, free, m.payload)
}
