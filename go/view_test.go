//go:build linux

package zeroduplex

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestViewRefusesWhatItCannotDo(t *testing.T) {
	_, err := NewSharedMemoryView(nil)
	requireError(t, err, ErrInvalidArgument)
	for offset := 1; offset < 64; offset++ {
		_, err = NewSharedMemoryView(alignedBytes(4096)[offset:])
		requireError(t, err, ErrInvalidArgument)
	}
	view, err := NewSharedMemoryView(alignedBytes(4096))
	require.NoError(t, err)
	requireError(t, view.Allocate("x", 64, 0o600), ErrInvalidArgument)
	require.Equal(t, uint64(4096), view.Size())
	require.Len(t, view.Bytes(), 4096)
	require.NoError(t, view.Close())
	require.Len(t, view.Bytes(), 4096, "the memory is the caller's")
}

func TestViewThatIsTooSmall(t *testing.T) {
	create := func(c BufferConfig) error {
		p := &place{t: t, name: newName(t), config: c}
		return p.tryCreate()
	}
	for _, size := range []uint64{64, 192, 256, 319} {
		view, err := NewSharedMemoryView(alignedBytes(size))
		require.NoError(t, err)
		err = create(NewBufferConfigOver(0, view))
		requireError(t, err, ErrInvalidArgument)
		require.ErrorContains(t, err, "leaves no room for a payload of 128 bytes")
	}
	view, err := NewSharedMemoryView(alignedBytes(320))
	require.NoError(t, err)
	c := NewBufferConfigOver(0, view)
	require.Equal(t, uint64(128), c.PayloadSize)
	c.PayloadSize = 192
	err = create(c)
	requireError(t, err, ErrInvalidArgument)
	require.ErrorContains(t, err, "the memory has 320 bytes, the segment takes 384")
	err = create(NewBufferConfigOver(0, nil))
	requireError(t, err, ErrInvalidArgument)
	require.ErrorContains(t, err, "view is nil")

	p := &place{t: t, name: newName(t), config: NewBufferConfigOver(0, view), view: view}
	p.serve(invert) // the smallest there is
	client := p.connect()
	for range 3 {
		r, err := client.Call(until(t), []byte{1})
		require.NoError(t, err)
		require.Equal(t, []byte{254}, r.Data())
		r.Release()
	}
}

func TestViewTakesAllThatIsLeft(t *testing.T) {
	view, err := NewSharedMemoryView(alignedBytes(100_001))
	require.NoError(t, err)
	c := NewBufferConfigOver(4096, view)
	// 0xB0 + 4112 + 4096, then whole blocks.
	require.Equal(t, uint64((100_001-0x20c0)/64*64), c.PayloadSize)
}

func TestClientOfAViewChecksIt(t *testing.T) {
	p := newHeap(t, 0, smallPayload)
	connect := func(mem []byte) error {
		t.Helper()
		view, err := NewSharedMemoryView(mem)
		require.NoError(t, err)
		q := *p
		q.view = view
		return q.tryConnect(WithConnectTimeout(0))
	}
	requireError(t, connect(alignedBytes(64)), ErrInvalidArgument)
	requireError(t, connect(alignedBytes(4096)), ErrServerNotFound) // nobody initialised it
	s := p.serve(echo)
	short := p.view.Bytes()
	requireError(t, connect(short[:len(short)-64]), ErrCorrupted)
	c := p.connect()
	requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrWriterAlreadyConnected)
	require.NoError(t, c.Close())
	require.NoError(t, s.Close())
	requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrServerNotFound) // it has stopped
	p.serve(echo)                                                           // the same memory again
	r, err := p.connect().Call(until(t), nil)
	require.NoError(t, err)
	r.Release()
}

// lender is a provider of the application's own.
type lender struct {
	mem    []byte
	asked  uint64
	closed int
	offset int
}

func (l *lender) Allocate(_ string, size uint64, _ os.FileMode) error {
	l.asked = size
	l.mem = alignedBytes(size + 64)[l.offset:]
	return nil
}
func (l *lender) Bytes() []byte { return l.mem }
func (l *lender) Close() error  { l.closed++; return nil }

func TestMemoryOfAnApplicationsOwnProvider(t *testing.T) {
	own := &lender{}
	p := &place{t: t, name: newName(t), config: BufferConfig{MetadataSize: 64, PayloadSize: 4096, Memory: own}}
	s := p.serve(invert)
	require.Equal(t, uint64(0xb0+80+64+4096), own.asked)
	view, err := NewSharedMemoryView(own.mem)
	require.NoError(t, err)
	p.view = view
	c := p.connect()
	r, err := c.Call(until(t), []byte{1})
	require.NoError(t, err)
	require.Equal(t, []byte{254}, r.Data())
	r.Release()
	require.NoError(t, c.Close())
	require.NoError(t, s.Close())
	eventually(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return own.closed == 1 }, "the memory is given back")

	crooked := &place{t: t, name: newName(t), config: BufferConfig{PayloadSize: 4096, Memory: &lender{offset: 8}}}
	err = crooked.tryCreate()
	requireError(t, err, ErrInvalidArgument)
	require.ErrorContains(t, err, "64-byte boundary")
}

func TestSharedMemoryProvider(t *testing.T) {
	var m SharedMemory
	require.Nil(t, m.Bytes())
	require.NoError(t, m.Close(), "nothing to give back")
	name := newName(t)
	require.NoError(t, m.Allocate(name, 4096, 0o600))
	require.Len(t, m.Bytes(), 4096)
	requireError(t, m.Allocate(name, 4096, 0o600), ErrInvalidArgument)
	require.NoError(t, m.Close())
	require.Nil(t, m.Bytes())
	requireError(t, m.Allocate(name, 1<<45, 0o600), ErrOutOfMemory)
	require.Empty(t, leftovers(name))
}
