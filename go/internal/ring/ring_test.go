package ring

import (
	"bytes"
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func TestFrameOfTheWholePayloadFitsAtEveryPosition(t *testing.T) {
	const payload = 1024
	for _, eager := range []bool{true, false} {
		for position := uint64(0); position < payload; position += wire.BlockAlignment {
			t.Run(fmt.Sprintf("eager=%v/position=%d", eager, position), func(t *testing.T) {
				m := newMemory(t, payload)
				c, s := NewClient(m, false), NewServer(m)
				walk(t, c, s, position)
				c.eager = eager
				for range 3 { // again and again: there is no dead zone
					before := c.head
					f := roundTrip(t, c, s, payload-wire.FrameHeaderV2Size, 0)
					require.Zero(t, f.position)
					written := m.Request.PayloadWrittenBytes.Load()
					if before%payload != 0 {
						require.Greater(t, written-before, uint64(payload), "a lap must be told from an advance")
						require.Less(t, written-before, wire.CursorLapLimit*uint64(payload))
					}
					require.Equal(t, uint64(payload), m.Request.PayloadFreeBytes.Load())
				}
			})
		}
	}
}

func TestEveryFrameFitsAnEmptyRingAtEveryPosition(t *testing.T) {
	const payload = 512
	for position := uint64(0); position < payload; position += wire.BlockAlignment {
		for capacity := uint64(0); capacity <= payload-wire.FrameHeaderV2Size; capacity += wire.BlockAlignment {
			m := newMemory(t, payload)
			c, s := NewClient(m, false), NewServer(m)
			walk(t, c, s, position)
			f := roundTrip(t, c, s, capacity, 0)
			want := position
			if position+wire.FrameHeaderV2Size+capacity > payload {
				want = 0
			}
			require.Equal(t, want, f.position, "needed: only a frame that does not fit goes to 0 (position %d, capacity %d)", position, capacity)
		}
	}
}

func TestEagerLapKeepsAnEmptyRingAtItsStart(t *testing.T) {
	m := newMemory(t, 1024)
	c, s := NewClient(m, true), NewServer(m)
	for range 5 {
		require.Zero(t, roundTrip(t, c, s, 64, 0).position)
	}
	first := send(t, c, 64, 0, false)
	require.Equal(t, uint64(128), send(t, c, 64, 0, false).position, "something is in flight, so nothing laps")
	claimed := take(t, s)
	finish(s, &claimed)
	release(t, c, first)
	require.Equal(t, uint64(256), send(t, c, 64, 0, false).position)
}

func TestMarkedWrapAtEveryPosition(t *testing.T) {
	const payload = 1024
	wraps := 0
	for position := uint64(wire.BlockAlignment); position < payload; position += wire.BlockAlignment {
		m := newMemory(t, payload)
		c, s := NewClient(m, false), NewServer(m)
		// One small frame stays in flight right before the position; everything before it is free.
		walk(t, c, s, position-wire.FrameHeaderV2Size)
		stays := send(t, c, 0, 0, false)
		room := payload - position
		capacity := room // with its header it is one block too large for the room
		free := uint64(payload) - wire.FrameHeaderV2Size
		if wire.FrameHeaderV2Size+capacity+room > free {
			_, err := c.Reserve(capacity, 0)
			require.ErrorIs(t, err, ErrNoRoom)
			continue
		}
		wraps++
		data, err := c.Reserve(capacity, 0)
		require.NoError(t, err)
		for i := range data {
			data[i] = byte(i)
		}
		f := c.Publish(capacity, 7, false)
		require.Zero(t, f.position)
		require.Equal(t, free-wire.FrameHeaderV2Size-capacity-room, m.Request.PayloadFreeBytes.Load(), "waste is claimed")
		require.Equal(t, m.Request.PayloadFreeBytes.Load(), m.Response.PayloadFreeBytes.Load())

		marker := append([]byte{}, m.Payload[position:position+wire.FrameHeaderV2Size]...)
		require.Equal(t, byte(wire.FrameStateWrap), marker[wire.FrameHeaderV2StateOffset])
		marker[wire.FrameHeaderV2StateOffset] = 0
		require.Equal(t, make([]byte, wire.FrameHeaderV2Size), marker, "a marker is zero but for its state")
		require.Equal(t, stays.Sequence+1, m.Request.PayloadWrittenCount.Load(), "markers do not count")

		first := take(t, s)
		finish(s, &first)
		release(t, c, stays)
		require.Equal(t, uint64(payload)-wire.FrameHeaderV2Size-capacity-room, m.Request.PayloadFreeBytes.Load(),
			"the server has not passed the frame behind the marker, so the waste is not free")
		second := take(t, s)
		require.Equal(t, uint32(7), second.Opcode)
		require.True(t, bytes.Equal(second.Data, m.Payload[wire.FrameHeaderV2Size:wire.FrameHeaderV2Size+capacity]))
		_, err = c.Reclaim()
		require.NoError(t, err)
		require.Equal(t, uint64(payload)-wire.FrameHeaderV2Size-capacity, m.Request.PayloadFreeBytes.Load(), "passed: the waste is free, the frame is not")
		finish(s, &second)
		release(t, c, f)
		require.Equal(t, uint64(payload), m.Request.PayloadFreeBytes.Load())
		require.Equal(t, f.Sequence, m.Response.PayloadReadCount.Load())
	}
	require.Equal(t, 7, wraps, "a wrap with a frame in flight is possible wherever less than half the payload is left")
}

func TestFramesThatEndAtTheEndNeedNoMarker(t *testing.T) {
	m := newMemory(t, 256)
	c, s := NewClient(m, false), NewServer(m)
	a, b := send(t, c, 64, 0, false), send(t, c, 64, 0, false)
	require.Equal(t, uint64(128), b.position)
	_, err := c.Reserve(0, 0)
	require.ErrorIs(t, err, ErrNoRoom)
	claimed := take(t, s)
	finish(s, &claimed)
	release(t, c, a)
	next := send(t, c, 64, 0, false)
	require.Zero(t, next.position)
	require.Zero(t, next.waste)
	require.Zero(t, c.Free())
}

func TestReserveRefusesWhatNeverFits(t *testing.T) {
	m := newMemory(t, 256)
	c := NewClient(m, true)
	_, err := c.Reserve(193, 0)
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = c.Reserve(1, 193)
	require.ErrorIs(t, err, ErrTooLarge)
	_, err = c.Reserve(192, 0)
	require.NoError(t, err)
}

func TestCapacityIsRoundedUpAndTheDataSliceKnowsIt(t *testing.T) {
	for _, tc := range []struct{ size, asked, capacity uint64 }{
		{0, 0, 0}, {1, 0, 64}, {63, 0, 64}, {64, 0, 64}, {65, 0, 128}, {1, 100, 128}, {0, 1, 64}, {64, 64, 64},
	} {
		m := newMemory(t, 1024)
		c, s := NewClient(m, true), NewServer(m)
		data, err := c.Reserve(tc.size, tc.asked)
		require.NoError(t, err)
		require.Len(t, data, int(tc.size))
		require.Equal(t, int(tc.capacity), cap(data), "%+v", tc)
		f := c.Publish(tc.size, 0, false)
		require.Equal(t, tc.capacity, f.Capacity)
		claimed := take(t, s)
		require.Equal(t, tc.capacity, claimed.Capacity)
		require.Len(t, claimed.Data, int(tc.size))
		require.Equal(t, int(tc.capacity), cap(claimed.Data))
		claimed.Answer(tc.capacity, 0, false) // a response may use all of it
		r, err := f.Read()
		require.NoError(t, err)
		require.Len(t, f.Data(r.Size), int(tc.capacity))
		require.Equal(t, int(tc.capacity), cap(f.Data(r.Size)))
	}
}

func TestAbortPutsTheHeadBack(t *testing.T) {
	m := newMemory(t, 512)
	c, s := NewClient(m, false), NewServer(m)
	walk(t, c, s, 384)
	stays := send(t, c, 0, 0, false)
	for range 3 {
		head, claimed := c.head, c.claimed
		_, err := c.Reserve(128, 0) // wraps, with waste
		require.NoError(t, err)
		require.Equal(t, uint64(512-64), m.Request.PayloadFreeBytes.Load(), "an open claim is not published")
		c.Abort()
		require.Equal(t, head, c.head)
		require.Equal(t, claimed, c.claimed)
	}
	require.Equal(t, uint64(448), send(t, c, 0, 0, false).position, "no marker was left behind")
	require.Equal(t, stays.Sequence, take(t, s).Sequence)
	require.Equal(t, stays.Sequence+1, take(t, s).Sequence)
}

func TestReclaimIsInRingOrderWhateverTheOrderOfReleases(t *testing.T) {
	m := newMemory(t, 1024)
	c, s := NewClient(m, true), NewServer(m)
	var frames []*Frame
	for range 4 {
		f := send(t, c, 64, 0, false)
		claimed := take(t, s)
		finish(s, &claimed)
		frames = append(frames, f)
	}
	for _, step := range []struct{ release, free int }{{2, 512}, {1, 512}, {0, 512 + 3*128}, {3, 1024}} {
		release(t, c, frames[step.release])
		require.Equal(t, uint64(step.free), m.Request.PayloadFreeBytes.Load())
	}
}

func TestOneWayFramesAreReclaimedWhenConsumed(t *testing.T) {
	m := newMemory(t, 1024)
	c, s := NewClient(m, true), NewServer(m)
	f := send(t, c, 64, 0, true)
	free := func() uint64 {
		_, err := c.Reclaim()
		require.NoError(t, err)
		return m.Request.PayloadFreeBytes.Load()
	}
	require.Equal(t, uint64(1024-128), free())
	claimed := take(t, s)
	require.True(t, claimed.OneWay)
	require.Equal(t, uint64(1024-128), free(), "being processed")
	claimed.Finish()
	require.Equal(t, uint64(1024), free())
	require.Nil(t, c.Lookup(f.Sequence))
	require.Zero(t, m.Response.PayloadWrittenCount.Load(), "nothing was answered")
}

func TestCancelledFramesAreReclaimedWhenSkipped(t *testing.T) {
	m := newMemory(t, 1024)
	c, s := NewClient(m, true), NewServer(m)
	taken, cancelled := send(t, c, 64, 0, false), send(t, c, 64, 0, false)
	claimed := take(t, s)
	require.False(t, c.Cancel(taken), "too late")
	require.True(t, c.Cancel(cancelled))
	require.False(t, c.Cancel(cancelled), "once")
	require.True(t, cancelled.Cancelled)

	var next Claimed
	ok, err := s.Next(&next)
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, next.Cancelled)
	s.Skip(&next)
	require.Equal(t, uint64(2), m.Request.PayloadReadCount.Load(), "skipped frames count as passed")
	finish(s, &claimed)
	release(t, c, taken)
	require.Equal(t, uint64(1024), m.Request.PayloadFreeBytes.Load())
}

func TestCancelBetweenTheLookAndTheTakeWins(t *testing.T) {
	m := newMemory(t, 1024)
	c, s := NewClient(m, true), NewServer(m)
	f := send(t, c, 1, 0, false)
	var looked Claimed
	ok, err := s.Next(&looked)
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, c.Cancel(f))
	require.False(t, s.Take(&looked))
	ok, err = s.Next(&looked)
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, looked.Cancelled)
}

func TestACancelledFrameIsKeptUntilItsWaiterKnows(t *testing.T) {
	m := newMemory(t, 256)
	c, s := NewClient(m, true), NewServer(m)
	cancelled := send(t, c, 64, 0, false)
	cancelled.Taken = true // somebody looks at its header without the lock
	require.True(t, c.Cancel(cancelled))
	var skipped Claimed
	_, err := s.Next(&skipped)
	require.NoError(t, err)
	s.Skip(&skipped)

	other := send(t, c, 64, 0, false)
	require.NotSame(t, cancelled, other)
	require.NotEqual(t, cancelled.position, other.position, "its bytes are not used again")
	claimed := take(t, s)
	finish(s, &claimed)
	release(t, c, other)
	require.False(t, cancelled.Answered())
	require.Same(t, cancelled, c.Lookup(1))

	cancelled.Taken = false
	_, err = c.Reclaim()
	require.NoError(t, err)
	require.Equal(t, uint64(256), c.Free())
	require.Nil(t, c.Lookup(1))
}

func TestAbandonedFramesAreReleasedOnceAnswered(t *testing.T) {
	t.Run("answered before", func(t *testing.T) {
		m := newMemory(t, 1024)
		c, s := NewClient(m, true), NewServer(m)
		f := send(t, c, 64, 0, false)
		claimed := take(t, s)
		finish(s, &claimed)
		require.True(t, c.Abandon(f))
		late, err := c.Reclaim()
		require.NoError(t, err)
		require.False(t, late, "it was released when it was abandoned")
		require.Equal(t, uint64(1), m.Response.PayloadReadCount.Load())
		require.Equal(t, uint64(1024), m.Request.PayloadFreeBytes.Load())
	})
	t.Run("answered later, out of order", func(t *testing.T) {
		m := newMemory(t, 1024)
		c, s := NewClient(m, true), NewServer(m)
		first, second := send(t, c, 64, 0, false), send(t, c, 64, 0, false)
		a, b := take(t, s), take(t, s)
		require.False(t, c.Abandon(second))
		finish(s, &b)
		require.True(t, b.Abandoned(), "the server sees that it must post space-available")
		require.False(t, a.Abandoned())
		late, err := c.Reclaim()
		require.NoError(t, err)
		require.True(t, late)
		require.Equal(t, uint64(1), m.Response.PayloadReadCount.Load(), "its late answer is released unread")
		require.Equal(t, uint64(1024-256), m.Request.PayloadFreeBytes.Load(), "but it is not first in the ring")
		finish(s, &a)
		release(t, c, first)
		require.Equal(t, uint64(1024), m.Request.PayloadFreeBytes.Load())
	})
	t.Run("unanswered ones keep the ring from lapping", func(t *testing.T) {
		m := newMemory(t, 256)
		c, s := NewClient(m, true), NewServer(m)
		f := send(t, c, 64, 0, false)
		claimed := take(t, s)
		require.False(t, c.Abandon(f))
		_, err := c.Reclaim()
		require.NoError(t, err)
		_, err = c.Reserve(192, 0)
		require.ErrorIs(t, err, ErrNoRoom)
		finish(s, &claimed)
		_, err = c.Reclaim()
		require.NoError(t, err)
		_, err = c.Reserve(192, 0)
		require.NoError(t, err)
	})
}

func TestAFrameLivesUntilItIsReleased(t *testing.T) {
	m := newMemory(t, 256)
	c, s := NewClient(m, true), NewServer(m)
	c.Owner = t
	f := roundTrip(t, c, s, 1, 0)
	require.Zero(t, f.Live.Load())
	again := send(t, c, 1, 0, false)
	require.Same(t, f, again, "records are used again")
	require.Equal(t, again.Sequence, f.Live.Load())
	require.Same(t, t, f.Owner)
}

func TestServerPassesWithoutTouching(t *testing.T) {
	m := newMemory(t, 1024)
	c, s := NewClient(m, true), NewServer(m)
	f := send(t, c, 64, 0, false)
	var next Claimed
	ok, err := s.Next(&next)
	require.NoError(t, err)
	require.True(t, ok)
	s.Pass(&next)
	require.Equal(t, int32(wire.FrameStateRequest), f.header.State.Load())
	require.Equal(t, uint64(1), m.Request.PayloadReadCount.Load())
	ok, err = s.Next(&next)
	require.NoError(t, err)
	require.False(t, ok)
}

func TestResetLeavesWhatAnAttachingClientExpects(t *testing.T) {
	m := newMemory(t, 1024)
	c, s := NewClient(m, false), NewServer(m)
	roundTrip(t, c, s, 100, 0)
	send(t, c, 100, 0, false)
	s.Reset()
	for _, b := range []*wire.OiebV2{m.Request, m.Response} {
		require.Zero(t, b.PayloadWrittenBytes.Load())
		require.Zero(t, b.PayloadWrittenCount.Load())
		require.Zero(t, b.PayloadReadCount.Load())
		require.Equal(t, uint64(1024), b.PayloadFreeBytes.Load())
	}
	require.True(t, s.Drained())
	require.Equal(t, uint64(1), roundTrip(t, NewClient(m, true), s, 100, 0).Sequence)
}

func TestCountersOfTheResponseBlock(t *testing.T) {
	m := newMemory(t, 1024)
	c, s := NewClient(m, true), NewServer(m)
	f := send(t, c, 10, 100, false)
	claimed := take(t, s)
	claimed.Answer(100, 5, true)
	s.Count(100)
	require.False(t, s.Drained())
	require.Equal(t, uint64(1), m.Response.PayloadWrittenCount.Load())
	require.Equal(t, uint64(100), m.Response.PayloadWrittenBytes.Load())
	r, err := f.Read()
	require.NoError(t, err)
	require.True(t, r.Failed)
	require.Equal(t, int32(5), r.Status)
	c.Release(f)
	require.True(t, s.Drained())
	require.Equal(t, uint64(10), *(*uint64)(unsafe.Pointer(&m.Payload[wire.FrameHeaderV2RequestSizeOffset])), "request_size stays")
}

func TestRingDoesNotAllocate(t *testing.T) {
	m := newMemory(t, 4096)
	c, s := NewClient(m, true), NewServer(m)
	var claimed Claimed
	trip := func() {
		if _, err := c.Reclaim(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Reserve(64, 0); err != nil {
			t.Fatal(err)
		}
		f := c.Publish(64, 0, false)
		if ok, err := s.Next(&claimed); !ok || err != nil || !s.Take(&claimed) {
			t.Fatal("nothing to take")
		}
		finish(s, &claimed)
		if _, err := f.Read(); err != nil {
			t.Fatal(err)
		}
		c.Release(f)
	}
	trip()
	require.Zero(t, testing.AllocsPerRun(1000, trip))
}
