//go:build linux

package isolation

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// compiled are the pairs that are quick enough for many rounds.
func compiled(t *testing.T, test func(t *testing.T, client, server string)) {
	for _, pair := range [][2]string{{"go", "cpp"}, {"cpp", "go"}} {
		t.Run(pair[0]+"-"+pair[1], func(t *testing.T) { test(t, pair[0], pair[1]) })
	}
}

// nothingLost checks that the whole ring can still be used, again and again, and that no semaphore has gathered tokens or sleepers.
func nothingLost(t *testing.T, channel string, client *agent, payload int) {
	t.Helper()
	for seed := range 3 {
		client.do("call", args{"size": payload - wire.FrameHeaderV2Size, "seed": seed, "timeout_ms": patience.Milliseconds()})
	}
	report := look(t, channel)
	require.Len(t, report.Semaphores, 4)
	for _, semaphore := range report.Semaphores {
		assert.True(t, semaphore.Present, semaphore.Name)
		assert.LessOrEqual(t, semaphore.Value, uint32(1), semaphore.Name)
		assert.LessOrEqual(t, semaphore.Waiters, uint32(1), "%s: one of each side sleeps", semaphore.Name)
	}
}

func TestManyAttachmentsLoseNothing(t *testing.T) {
	compiled(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		channel := newChannel(t)
		server := serve(t, serverLanguage, channel, room{}, nil)
		client := enlist(t, clientLanguage, "client", room{})
		connect := args{"name": channel, "connect_timeout_ms": patience.Milliseconds()}
		client.do("connect", connect)
		exchange(t, client)
		ours, theirs := client.descriptors(), server.descriptors()
		client.do("close", nil)
		for range count(300, 10_000) {
			client.do("connect", connect)
			got := client.do("call", args{"size": 8, "seed": 1})
			require.EqualValues(t, 1, got["sequence"], "every attachment begins anew")
			client.do("close", nil)
		}
		client.do("connect", connect)
		nothingLost(t, channel, client, 16384)
		assert.LessOrEqual(t, client.descriptors(), ours)
		eventually(t, "the server has as few descriptors as before", func() bool { return server.descriptors() <= theirs })
		client.do("close", nil)
		server.do("close", nil)
	})
}

// Calls whose handler is too slow and calls that no worker takes time out side by side; late answers come in between.
func TestTimedOutCallsLoseNothing(t *testing.T) {
	compiled(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		const atOnce = 32
		channel := newChannel(t)
		server := serve(t, serverLanguage, channel, room{}, args{"workers": 2})
		client := enlist(t, clientLanguage, "client", room{})
		client.do("connect", args{"name": channel})
		exchange(t, client)
		ours, theirs := client.descriptors(), server.descriptors()
		wanted := count(1_000, 1_000_000)
		for timedOut, refused := 0, 0; timedOut < wanted; {
			server.do("set_handler", args{"handler": "hold", "opcode": 9})
			var calls [atOnce]<-chan answer
			for i := range calls {
				calls[i] = client.begin("call", args{"size": 8 * i, "seed": i, "opcode": 9, "timeout_ms": 1})
			}
			for _, call := range calls {
				got, ok := client.await("call", call)
				require.True(t, ok, "the client ended: %s", client.tail())
				switch got.Error.Name {
				case "timeout":
					timedOut++
				case "buffer_full": // it did not get its turn to send within the millisecond
					refused++
				default:
					require.Fail(t, "neither timed out nor without its turn", "%+v", got)
				}
			}
			require.Less(t, refused, 10*wanted, "the ring is full for good")
			server.do("let_go", nil)
		}
		nothingLost(t, channel, client, 16384)
		assert.LessOrEqual(t, client.descriptors(), ours)
		assert.LessOrEqual(t, server.descriptors(), theirs)
		client.do("close", nil)
		server.do("close", nil)
	})
}
