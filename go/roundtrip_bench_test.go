//go:build linux

package zeroduplex

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
)

func init() { roles["answer"] = answerRole }

// answerRole answers every request by inverting its first byte.
func answerRole(args []string) error {
	w, err := ParseWaitStrategy(args[1])
	if err != nil {
		return err
	}
	payload, err := strconv.ParseUint(args[2], 10, 64)
	if err != nil {
		return err
	}
	s, err := DefaultFactory().CreateInPlaceDuplexServer(args[0], NewBufferConfig(0, payload), WithWait(w))
	if err != nil {
		return err
	}
	err = s.Start(context.Background(), func(f Frame) error {
		f.Data()[0] ^= 0xff
		return nil
	})
	if err != nil {
		return err
	}
	child.Say("serving")
	_, _ = child.Heard()
	return s.Close()
}

// BenchmarkRoundTrip is a request that is filled in place, and its answer from another process, not pinned to any CPU. The raw limits of the
// machine beside it, other languages and percentiles are what `zeroduplex bench` measures.
func BenchmarkRoundTrip(b *testing.B) {
	for _, wait := range []WaitStrategy{WaitSpin, WaitHybrid, WaitBlock} {
		for _, size := range []int{64, 65_536, 3_110_416} {
			b.Run(fmt.Sprintf("wait=%s/bytes=%d", wait, size), func(b *testing.B) { roundTrips(b, wait, size) })
		}
	}
}

func roundTrips(b *testing.B, wait WaitStrategy, size int) {
	name := fmt.Sprintf("zdgo-roundtrip-%s-%d", wait, size)
	server := child.Start(b, "answer", []string{name, wait.String(), strconv.Itoa(3 * (size + 128))})
	server.Expect("serving")
	ctx := context.Background()
	client, err := DefaultFactory().CreateClient(ctx, name, WithWait(wait))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, client.Close()); server.Finish() })
	pattern := make([]byte, size)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for i := byte(0); b.Loop(); i++ {
		pattern[0] = i
		request, err := client.AcquireRequestBuffer(ctx, size, 0)
		if err != nil {
			b.Fatal(err)
		}
		copy(request.Data(), pattern)
		sequence, err := request.Commit()
		if err != nil {
			b.Fatal(err)
		}
		response, err := client.ReceiveResponseFor(ctx, sequence)
		if err != nil {
			b.Fatal(err)
		}
		if response.Data()[0] != i^0xff {
			b.Fatalf("answered with %d", response.Data()[0])
		}
		response.Release()
	}
}

func TestTheRoundTripBenchmarkRuns(t *testing.T) {
	result := testing.Benchmark(func(b *testing.B) { roundTrips(b, WaitHybrid, 64) })
	require.Positive(t, result.N, "it failed")
}
