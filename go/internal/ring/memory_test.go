package ring

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// newMemory is a segment's shared part on the heap, where the race detector sees it, in the state that a reset leaves.
func newMemory(t testing.TB, payload uint64) Memory {
	t.Helper()
	require.Zero(t, payload%wire.BlockAlignment)
	raw := make([]byte, 2*wire.BlockAlignment+2*256+payload)
	skip := -uintptr(unsafe.Pointer(&raw[0])) % uintptr(wire.BlockAlignment)
	raw = raw[skip:]
	m := Memory{
		Request:  (*wire.OiebV2)(unsafe.Pointer(&raw[0])),
		Response: (*wire.OiebV2)(unsafe.Pointer(&raw[256])),
		Payload:  raw[512 : 512+payload : 512+payload],
	}
	NewServer(m).Reset()
	return m
}

// send publishes a frame of size bytes, which must fit.
func send(t testing.TB, c *Client, size, capacity uint64, oneWay bool) *Frame {
	t.Helper()
	_, err := c.Reclaim()
	require.NoError(t, err)
	_, err = c.Reserve(size, capacity)
	require.NoError(t, err)
	return c.Publish(size, 0, oneWay)
}

// take makes the next frame the server's.
func take(t testing.TB, s *Server) Claimed {
	t.Helper()
	var f Claimed
	ok, err := s.Next(&f)
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, f.Cancelled)
	require.True(t, s.Take(&f))
	return f
}

// finish answers a taken frame.
func finish(s *Server, f *Claimed) {
	if f.OneWay {
		f.Finish()
		return
	}
	f.Answer(f.Size, 0, false)
	s.Count(f.Size)
}

// roundTrip sends, answers and releases one frame.
func roundTrip(t testing.TB, c *Client, s *Server, size, capacity uint64) *Frame {
	t.Helper()
	f := send(t, c, size, capacity, false)
	claimed := take(t, s)
	finish(s, &claimed)
	release(t, c, f)
	return f
}

func release(t testing.TB, c *Client, f *Frame) {
	t.Helper()
	require.True(t, f.Answered())
	_, err := f.Read()
	require.NoError(t, err)
	c.Release(f)
	_, err = c.Reclaim()
	require.NoError(t, err)
}

// walk moves the head of an empty ring to a position by one-block frames; only with lap "needed" does it go anywhere.
func walk(t testing.TB, c *Client, s *Server, position uint64) {
	t.Helper()
	for c.head%c.mem.size() != position {
		roundTrip(t, c, s, 0, 0)
	}
}
