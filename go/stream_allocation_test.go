//go:build linux && !race

package zeroduplex

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// As in TestRoundTripsDoNotAllocate, both sides are counted.
func TestStreamsDoNotAllocate(t *testing.T) {
	p := newObject(t, 0, 1<<20)
	r, w := p.stream()
	ctx := context.Background()
	small, large := make([]byte, 64), make([]byte, 100_000)
	read := func() ReceivedFrame {
		f, err := r.ReadFrame(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	write := func(data []byte) {
		if _, err := w.WriteFrame(ctx, data); err != nil {
			t.Fatal(err)
		}
	}
	for name, trip := range map[string]func(){
		"written": func() { write(small); read().Release() },
		"large":   func() { write(large); read().Release() },
		"acquired": func() {
			b, err := w.AcquireFrameBuffer(ctx, 64)
			if err != nil {
				t.Fatal(err)
			}
			b.Data()[0]++
			if _, err := b.Commit(); err != nil {
				t.Fatal(err)
			}
			f := read()
			f.Data()[0]++
			f.Release()
		},
		"three held": func() {
			var held [3]ReceivedFrame
			for i := range held {
				write(small)
				held[i] = read()
			}
			for i := range held {
				held[2-i].Release()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				trip() // lists grow to their size
			}
			require.Zero(t, testing.AllocsPerRun(100, trip))
		})
	}
}

// BenchmarkStream is what one goroutine executes for a frame when it is writer and reader in turn.
func BenchmarkStream(b *testing.B) {
	p := newObject(b, 0, 1<<16)
	r, w := p.stream()
	ctx, data := context.Background(), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.WriteFrame(ctx, data); err != nil {
			b.Fatal(err)
		}
		f, err := r.ReadFrame(ctx)
		if err != nil {
			b.Fatal(err)
		}
		f.Release()
	}
}
