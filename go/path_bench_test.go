package zeroduplex

import (
	"context"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// BenchmarkPath is what one goroutine executes for a round trip when it is client and server in turn: the instructions, without
// what waiting for another core adds.
func BenchmarkPath(b *testing.B) {
	const size = 1 << 16
	raw := make([]byte, size+64)
	view, err := NewSharedMemoryView(raw[(64-uintptr(unsafe.Pointer(&raw[0]))%64)%64:][:size])
	require.NoError(b, err)
	s, err := DefaultFactory().CreateInPlaceDuplexServer("zdgo-path", NewBufferConfigOver(0, view))
	require.NoError(b, err)
	client, err := DefaultFactory().CreateClient(context.Background(), "zdgo-path", WithMemory(view))
	require.NoError(b, err)
	c := client.(*InPlaceDuplexChannel)
	s.phase, s.handler = serving, func(Frame) error { return nil }
	b.Cleanup(func() { require.NoError(b, client.Close()); require.NoError(b, s.Close()) })
	var w work
	data := make([]byte, 64)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		c.mu.Lock()
		f := c.publishAlone(ctx, Request{Data: data})
		c.mu.Unlock()
		if f == nil {
			b.Fatal("something is in flight")
		}
		if found, err := s.nextAlone(s.current, &w, 0); !found {
			b.Fatal("nothing published", err)
		}
		s.answer(&w, s.handler(w.begin()))
		s.current.settle(&w)
		size, ok := f.Size()
		if !ok {
			b.Fatal("no answer")
		}
		Response{frame: f, sequence: f.Sequence, size: size}.Release()
	}
}
