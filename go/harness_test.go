//go:build linux

package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// soon bounds what must happen. It is generous: other work shares the machine.
const soon = 30 * time.Second

const smallPayload = 16 << 10

var nameCount atomic.Int64

// newName is an unused name. At the end of the test nothing of it may be left.
func newName(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("%s%04d", namePrefix, nameCount.Add(1))
	t.Cleanup(func() { assert.Empty(t, leftovers(name)) })
	return name
}

// place is where a channel's memory is: a shared-memory object, or the heap, where the race detector sees it.
type place struct {
	t      testing.TB
	name   string
	config BufferConfig
	view   *SharedMemoryView
}

func newObject(t testing.TB, metadata, payload uint64) *place {
	return &place{t: t, name: newName(t), config: NewBufferConfig(metadata, payload)}
}

func newHeap(t testing.TB, metadata, payload uint64) *place {
	t.Helper()
	l, ok := wire.ResolveSegmentV2(metadata, metadata, payload)
	require.True(t, ok)
	view, err := NewSharedMemoryView(alignedBytes(l.Length))
	require.NoError(t, err)
	return &place{t: t, name: newName(t), config: NewBufferConfigOver(metadata, view), view: view}
}

func alignedBytes(size uint64) []byte {
	raw := make([]byte, size+wire.BlockAlignment)
	skip := -uintptr(unsafe.Pointer(&raw[0])) % uintptr(wire.BlockAlignment)
	return raw[skip : uint64(skip)+size : uint64(skip)+size]
}

// eachPlace runs a test on both kinds of memory.
func eachPlace(t *testing.T, payload uint64, test func(t *testing.T, p *place)) {
	t.Run("object", func(t *testing.T) { test(t, newObject(t, 256, payload)) })
	t.Run("heap", func(t *testing.T) { test(t, newHeap(t, 256, payload)) })
}

// create makes a server that has not started. It is closed at the end of the test.
func (p *place) create(options ...ServerOption) *InPlaceDuplexServer {
	p.t.Helper()
	s, err := DefaultFactory().CreateInPlaceDuplexServer(p.name, p.config, options...)
	require.NoError(p.t, err)
	p.t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, ErrTimeout) {
			p.t.Errorf("close server: %v", err)
		}
	})
	return s
}

func (p *place) serve(handler Handler, options ...ServerOption) *InPlaceDuplexServer {
	p.t.Helper()
	s := p.create(options...)
	require.NoError(p.t, s.Start(context.Background(), handler))
	return s
}

func (p *place) options(options []ClientOption) []ClientOption {
	if p.view != nil {
		options = append(options, WithMemory(p.view))
	}
	return options
}

// connect connects a client. It is closed at the end of the test, before the server.
func (p *place) connect(options ...ClientOption) *InPlaceDuplexChannel {
	p.t.Helper()
	c, err := DefaultFactory().CreateClient(context.Background(), p.name, p.options(options)...)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { require.NoError(p.t, c.Close()) })
	return c.(*InPlaceDuplexChannel)
}

// tryConnect returns the error of a connect that must fail.
func (p *place) tryConnect(options ...ClientOption) error {
	p.t.Helper()
	c, err := DefaultFactory().CreateClient(context.Background(), p.name, p.options(options)...)
	if err == nil {
		_ = c.Close()
	}
	require.Error(p.t, err)
	return err
}

// until is a context that ends long after everything that must happen has.
func until(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	t.Cleanup(cancel)
	return ctx
}

func eventually(t testing.TB, condition func() bool, message string) {
	t.Helper()
	require.Eventually(t, condition, soon, time.Millisecond, message)
}

func invert(f Frame) error {
	data := f.Data()
	for i := range data {
		data[i] = ^data[i]
	}
	return nil
}

func echo(Frame) error { return nil }

// gate is a handler that waits to be let through. Every frame announces itself first.
type gate struct {
	entered chan uint64 // sequence numbers
	pass    chan error  // what the handler returns
}

func newGate() *gate {
	return &gate{entered: make(chan uint64, 1024), pass: make(chan error, 1024)}
}

func (g *gate) handle(f Frame) error {
	g.entered <- f.Sequence()
	return <-g.pass
}

func (g *gate) expect(t testing.TB, sequence uint64) {
	t.Helper()
	select {
	case got := <-g.entered:
		require.Equal(t, sequence, got)
	case <-time.After(soon):
		require.FailNow(t, "no request was taken")
	}
}

// started returns the result of something that runs beside the test.
func started[T any](f func() T) <-chan T {
	result := make(chan T, 1)
	go func() { result <- f() }()
	return result
}

func wait[T any](t testing.TB, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(soon):
		require.FailNow(t, "it did not happen")
		panic("unreachable")
	}
}

// requireError compares an error with one of the package's and looks at its text, which users get to read.
func requireError(t testing.TB, err, want error) {
	t.Helper()
	require.ErrorIs(t, err, want)
	var typed *Error
	if errors.As(err, &typed) {
		require.Contains(t, err.Error(), typed.Code.String())
		require.Contains(t, err.Error(), typed.Op)
		require.NotEmpty(t, typed.Op)
		require.Contains(t, err.Error(), typed.Code.Remedy()[:10], "what to do")
	}
}

// free is how many bytes of the ring nothing claims, after taking back what can be.
func (c *InPlaceDuplexChannel) free(t testing.TB) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	require.NoError(t, c.reclaim("test"))
	return c.ring.Free()
}

func mkdir(t testing.TB, path string) {
	t.Helper()
	require.NoError(t, os.Mkdir(path, 0o700))
}

func rmdir(t testing.TB, path string) {
	t.Helper()
	require.NoError(t, os.Remove(path))
}
