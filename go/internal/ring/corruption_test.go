package ring

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func put64(m Memory, at, offset, value uint64) {
	binary.LittleEndian.PutUint64(m.Payload[at+offset:], value)
}

func put32(m Memory, at, offset uint64, value uint32) {
	binary.LittleEndian.PutUint32(m.Payload[at+offset:], value)
}

// published is a ring of 1024 bytes with the server's cursor at 128 and two frames behind it, at 128 (capacity 128) and 320 (64).
func published(t *testing.T) (Memory, *Client, *Server) {
	t.Helper()
	m := newMemory(t, 1024)
	c, s := NewClient(m, false), NewServer(m)
	roundTrip(t, c, s, 64, 0)
	require.Equal(t, uint64(128), send(t, c, 100, 0, false).position)
	require.Equal(t, uint64(320), send(t, c, 64, 0, true).position)
	return m, c, s
}

func TestServerRefusesWhatNoClientPublishes(t *testing.T) {
	const at = 128
	for name, corrupt := range map[string]func(Memory){
		"sequence too high":              func(m Memory) { put64(m, at, wire.FrameHeaderV2SequenceNumberOffset, 3) },
		"sequence too low":               func(m Memory) { put64(m, at, wire.FrameHeaderV2SequenceNumberOffset, 1) },
		"sequence zero":                  func(m Memory) { put64(m, at, wire.FrameHeaderV2SequenceNumberOffset, 0) },
		"capacity no multiple of 64":     func(m Memory) { put64(m, at, wire.FrameHeaderV2CapacityOffset, 127) },
		"capacity beyond written":        func(m Memory) { put64(m, at, wire.FrameHeaderV2CapacityOffset, 320) },
		"capacity beyond the payload":    func(m Memory) { put64(m, at, wire.FrameHeaderV2CapacityOffset, 1024) },
		"capacity that overflows":        func(m Memory) { put64(m, at, wire.FrameHeaderV2CapacityOffset, ^uint64(63)) },
		"size above capacity":            func(m Memory) { put64(m, at, wire.FrameHeaderV2PayloadSizeOffset, 129) },
		"size that overflows":            func(m Memory) { put64(m, at, wire.FrameHeaderV2PayloadSizeOffset, ^uint64(0)) },
		"state free":                     func(m Memory) { put32(m, at, wire.FrameHeaderV2StateOffset, uint32(wire.FrameStateFree)) },
		"state processing":               func(m Memory) { put32(m, at, wire.FrameHeaderV2StateOffset, uint32(wire.FrameStateProcessing)) },
		"state response":                 func(m Memory) { put32(m, at, wire.FrameHeaderV2StateOffset, uint32(wire.FrameStateResponse)) },
		"state failed":                   func(m Memory) { put32(m, at, wire.FrameHeaderV2StateOffset, uint32(wire.FrameStateFailed)) },
		"state consumed":                 func(m Memory) { put32(m, at, wire.FrameHeaderV2StateOffset, uint32(wire.FrameStateConsumed)) },
		"state unknown":                  func(m Memory) { put32(m, at, wire.FrameHeaderV2StateOffset, 99) },
		"marker with no frame behind it": func(m Memory) { put32(m, at, wire.FrameHeaderV2StateOffset, uint32(wire.FrameStateWrap)) },
		"marker and marker again": func(m Memory) {
			put32(m, at, wire.FrameHeaderV2StateOffset, uint32(wire.FrameStateWrap))
			put32(m, 0, wire.FrameHeaderV2StateOffset, uint32(wire.FrameStateWrap))
			m.Request.PayloadWrittenBytes.Store(1024 + 128)
		},
		"written_bytes no multiple of 64": func(m Memory) { m.Request.PayloadWrittenBytes.Add(1) },
		"written_bytes went back":         func(m Memory) { m.Request.PayloadWrittenBytes.Store(64) },
		"written_bytes behind the cursor": func(m Memory) { m.Request.PayloadWrittenBytes.Store(128) },
		"written_bytes a header short":    func(m Memory) { m.Request.PayloadWrittenBytes.Store(128 + 64) },
		"written_bytes three laps ahead":  func(m Memory) { m.Request.PayloadWrittenBytes.Store(128 + 3*1024) },
		"written_bytes absurd":            func(m Memory) { m.Request.PayloadWrittenBytes.Store(^uint64(63)) },
	} {
		t.Run(name, func(t *testing.T) {
			m, _, s := published(t)
			corrupt(m)
			var f Claimed
			ok, err := s.Next(&f)
			require.ErrorIs(t, err, ErrCorrupted)
			require.False(t, ok)
		})
	}
}

func TestServerRefusesAMarkerAtTheStart(t *testing.T) {
	m := newMemory(t, 1024)
	c, s := NewClient(m, true), NewServer(m)
	send(t, c, 64, 0, false)
	put32(m, 0, wire.FrameHeaderV2StateOffset, uint32(wire.FrameStateWrap))
	var f Claimed
	_, err := s.Next(&f)
	require.ErrorIs(t, err, ErrCorrupted)
}

func TestServerRefusesACountThatGoesBack(t *testing.T) {
	for _, back := range []uint64{0, 1, 2} {
		m, _, s := published(t)
		_ = take(t, s)
		_ = take(t, s) // three passed, three seen
		m.Request.PayloadWrittenCount.Store(back)
		var f Claimed
		ok, err := s.Next(&f)
		require.ErrorIs(t, err, ErrCorrupted, "count %d after 3", back)
		require.False(t, ok)
	}
	t.Run("to what was passed", func(t *testing.T) {
		m, _, s := published(t)
		_ = take(t, s) // two passed, three seen
		m.Request.PayloadWrittenCount.Store(2)
		var f Claimed
		_, err := s.Next(&f)
		require.ErrorIs(t, err, ErrCorrupted)
	})
}

func TestServerRefusesACountWithoutFrames(t *testing.T) {
	m := newMemory(t, 1024)
	s := NewServer(m)
	m.Request.PayloadWrittenCount.Store(^uint64(0))
	var f Claimed
	_, err := s.Next(&f)
	require.ErrorIs(t, err, ErrCorrupted)
}

func TestClientRefusesWhatNoServerStores(t *testing.T) {
	t.Run("response above the capacity", func(t *testing.T) {
		for _, size := range []uint64{129, 1 << 20, ^uint64(0)} {
			m, c, s := published(t)
			claimed := take(t, s)
			finish(s, &claimed)
			put64(m, 128, wire.FrameHeaderV2PayloadSizeOffset, size)
			_, err := c.Lookup(2).Read()
			require.ErrorIs(t, err, ErrCorrupted, "size %d", size)
		}
	})
	t.Run("capacity in shared memory is not believed", func(t *testing.T) {
		m, c, s := published(t)
		claimed := take(t, s)
		finish(s, &claimed)
		put64(m, 128, wire.FrameHeaderV2CapacityOffset, 1<<40)
		put64(m, 128, wire.FrameHeaderV2PayloadSizeOffset, 1<<39)
		_, err := c.Lookup(2).Read()
		require.ErrorIs(t, err, ErrCorrupted)
	})
	t.Run("state that changes after it was seen", func(t *testing.T) {
		m, c, s := published(t)
		claimed := take(t, s)
		finish(s, &claimed)
		require.True(t, c.Lookup(2).Answered())
		put32(m, 128, wire.FrameHeaderV2StateOffset, uint32(wire.FrameStateProcessing))
		_, err := c.Lookup(2).Read()
		require.ErrorIs(t, err, ErrCorrupted)
	})
	for _, state := range []wire.FrameState{wire.FrameStateFree, wire.FrameStateResponse, wire.FrameStateFailed, wire.FrameStateWrap, 99} {
		t.Run("one-way frame in state "+state.String(), func(t *testing.T) {
			m := newMemory(t, 1024)
			c := NewClient(m, true)
			send(t, c, 64, 0, true)
			put32(m, 0, wire.FrameHeaderV2StateOffset, uint32(state))
			_, err := c.Reclaim()
			require.ErrorIs(t, err, ErrCorrupted)
			require.Equal(t, 1, c.InFlight())
		})
		t.Run("cancelled frame in state "+state.String(), func(t *testing.T) {
			m := newMemory(t, 1024)
			c := NewClient(m, true)
			require.True(t, c.Cancel(send(t, c, 64, 0, false)))
			put32(m, 0, wire.FrameHeaderV2StateOffset, uint32(state))
			_, err := c.Reclaim()
			require.ErrorIs(t, err, ErrCorrupted)
		})
	}
}

func TestServerBoundsTheLapsItSkips(t *testing.T) {
	for laps, corrupted := range map[uint64]bool{1: false, 2: false, 3: true, 1 << 50: true} {
		m := newMemory(t, 1024)
		send(t, NewClient(m, true), 64, 0, false) // valid wherever a whole number of laps leads
		m.Request.PayloadWrittenBytes.Store(laps * 1024)
		var f Claimed
		_, err := NewServer(m).Next(&f)
		if corrupted {
			require.ErrorIs(t, err, ErrCorrupted, "%d laps", laps)
		} else {
			require.NoError(t, err, "%d laps", laps)
		}
	}
}
