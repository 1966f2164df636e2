//go:build linux && !race

package zeroduplex

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// The race detector allocates by itself, so this file is not part of its runs. The figures count both sides: client and server are in this process. A round trip that makes a thread sleep may allocate a timer now and
// then; on average it must be nothing.
func TestRoundTripsDoNotAllocate(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin} {
		t.Run(w.String(), func(t *testing.T) {
			p := newObject(t, 0, 1<<20)
			p.serve(invert, WithWait(w))
			c := p.connect(WithWait(w))
			ctx := context.Background()
			small, large := make([]byte, 64), make([]byte, 100_000)
			for name, trip := range map[string]func(){
				"call": func() {
					r, err := c.Call(ctx, small)
					if err != nil {
						t.Fatal(err)
					}
					r.Data()[0]++
					r.Release()
				},
				"large call": func() {
					r, err := c.Call(ctx, large)
					if err != nil {
						t.Fatal(err)
					}
					r.Release()
				},
				"acquire, commit, receive, release": func() {
					buffer, err := c.AcquireRequestBuffer(ctx, 64, 128)
					if err != nil {
						t.Fatal(err)
					}
					buffer.Data()[0]++
					sequence, err := buffer.Commit()
					if err != nil {
						t.Fatal(err)
					}
					r, err := c.ReceiveResponseFor(ctx, sequence)
					if err != nil {
						t.Fatal(err)
					}
					r.Release()
				},
				"receive any": func() {
					if _, err := c.SendRequest(ctx, small); err != nil {
						t.Fatal(err)
					}
					r, err := c.ReceiveResponse(ctx)
					if err != nil {
						t.Fatal(err)
					}
					r.Release()
				},
				"one-way": func() {
					// The call behind it bounds how many are in flight: their list may grow to what the ring holds.
					if _, err := c.Send(ctx, Request{Data: small, OneWay: true}); err != nil {
						t.Fatal(err)
					}
					r, err := c.Call(ctx, small)
					if err != nil {
						t.Fatal(err)
					}
					r.Release()
				},
				"eight in flight": func() {
					for range 8 {
						if _, err := c.SendRequest(ctx, small); err != nil {
							t.Fatal(err)
						}
					}
					for range 8 {
						r, err := c.ReceiveResponse(ctx)
						if err != nil {
							t.Fatal(err)
						}
						r.Release()
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
		})
	}
}
