package interop

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func TestSmallRoundTrips(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		n := count(5_000, 1_000_000)
		result := exchange(t, p, "", "--count "+n)
		assert.Equal(t, n, fmt.Sprint(result.RoundTrips))
		assert.Zero(t, result.OutOfOrder, "one worker answers in order")
	})
}

func TestEveryWaitStrategyWithEveryOther(t *testing.T) {
	circle(t, func(t *testing.T, p pair) {
		for _, client := range []string{"hybrid", "spin", "block"} {
			for _, server := range []string{"hybrid", "spin", "block"} {
				result := exchange(t, p, "--wait "+server, "--inflight 3 --count 500 --wait "+client)
				assert.EqualValues(t, 500, result.RoundTrips, "client %s, server %s", client, server)
			}
		}
	})
}

// The ring holds a handful of frames, so it wraps every few of them.
func TestRandomSizesThroughARingThatWrapsConstantly(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		for _, inflight := range []int{1, 2, 7, 32} {
			result := exchange(t, p, "--payload-size 16384", fmt.Sprintf("--count %s --inflight %d --max 5000 --min 0 --seed %d", count(1000, 10_000), inflight, inflight))
			assert.Equal(t, count(1000, 10_000), fmt.Sprint(result.RoundTrips), "%d in flight", inflight)
		}
	})
}

func TestAnswersOutOfOrder(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		result := exchange(t, p, "--workers 4 --payload-size 16384", "--count "+count(2500, 10_000)+" --inflight 32 --min 0 --max 3000 --delay-max 200")
		assert.Positive(t, result.OutOfOrder, "four workers with random delays never overtook each other")
	})
}

func TestFailuresOneWayRequestsAndGrowingResponses(t *testing.T) {
	// The last one is answered, so the server has taken all before it: it may be told to stop, which leaves what it has not taken.
	const requests = 3001
	eachPair(t, func(t *testing.T, p pair) {
		for _, workers := range []int{1, 4} {
			result := exchange(t, p, fmt.Sprintf("--payload-size 32768 --workers %d", workers),
				fmt.Sprintf("--count %d --inflight 16 --min 0 --max 2000 --grow-max 1500 --fail-every 7 --one-way-every 5", requests))
			assert.EqualValues(t, requests/7, result.Failed)
			assert.EqualValues(t, requests/5-requests/35, result.OneWay)
			assert.EqualValues(t, requests-requests/7-(requests/5-requests/35), result.RoundTrips)
		}
	})
}

// A frame that takes the whole payload can be sent again and again, whatever was sent before it.
func TestAFrameOfExactlyThePayloadAtEveryRingPosition(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		const payload = 2048
		whole := payload - wire.FrameHeaderV2Size
		result := exchange(t, p, fmt.Sprintf("--payload-size %d", payload), fmt.Sprintf("--count 1000 --inflight 2 --min %d --max %d", whole, whole))
		assert.EqualValues(t, 1000, result.RoundTrips)
		result = exchange(t, p, fmt.Sprintf("--payload-size %d", payload), fmt.Sprintf("--count 2000 --inflight 4 --min 0 --max %d", whole))
		assert.EqualValues(t, 2000, result.RoundTrips)
	})
}

func TestSizesAroundABlock(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		for _, size := range []int{0, 1, 63, 64, 65} {
			result := exchange(t, p, "--payload-size 1000", fmt.Sprintf("--count 200 --inflight 3 --min %d --max %d", size, size))
			assert.EqualValues(t, 200, result.RoundTrips, "%d bytes", size)
		}
	})
}

// Neither side may wait out a slice when the other one closed in good order.
func TestReconnecting(t *testing.T) {
	eachNeighbour(t, func(t *testing.T, p pair) {
		n := count(500, 10_000)
		begun := time.Now()
		result := exchange(t, p, "", "--count 1 --reconnects "+n)
		took := time.Since(begun)
		require.Equal(t, n, fmt.Sprint(result.Attachments))
		assert.Less(t, took/time.Duration(result.Attachments), wire.DefaultV2WaitSlice/4, "per attachment")
	})
}
