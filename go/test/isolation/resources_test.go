//go:build linux

package isolation

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// A /dev/shm of 256 KiB: too small, just too small, and large enough. In between it is the semaphores that find no room.
func TestSharedMemoryThatIsTooSmall(t *testing.T) {
	needRoot(t)
	eachLanguage(t, func(t *testing.T, language string) {
		const size = 256 << 10
		channel := newChannel(t)
		server := enlist(t, language, "server", room{shm: fmt.Sprint(size)})
		folder := server.sees("/dev/shm")
		message := server.refused("create", args{"name": channel, "metadata_size": 64, "payload_size": 1 << 20}, "out_of_memory")
		assert.Contains(t, message, "/dev/shm", "it says what to enlarge")
		assert.Empty(t, leftIn(t, folder, channel))

		page := os.Getpagesize()
		refusals := 0
		for spare := 0; ; spare++ {
			// The language's runtime may keep something in /dev/shm as well.
			var fs unix.Statfs_t
			require.NoError(t, unix.Statfs(folder, &fs))
			require.LessOrEqual(t, spare, 20, "it needs a page for each of four semaphores, not %d", spare)
			segment := (int(fs.Bavail) - spare) * page
			got := server.try("create", args{"name": channel, "metadata_size": 0, "payload_size": segment - 4*int(wire.BlockAlignment)})
			if got.Outcome == "ok" {
				break
			}
			assert.Equal(t, "out_of_memory", got.Error.Name, got.Error.Message)
			assert.Empty(t, leftIn(t, folder, channel), "%d pages to spare", spare)
			refusals++
		}
		assert.Positive(t, refusals, "the semaphores have always found room")
		server.do("start", nil)
		server.do("close", nil)
		assert.Empty(t, leftIn(t, folder, channel))
	})
}

// refusedUntilEnough raises an agent's limit of descriptors one by one until an operation succeeds, so that it runs out of them at
// every point where it needs one. Each refusal must say so and leave nothing open.
func refusedUntilEnough(t *testing.T, a *agent, op string, with args, each func()) {
	t.Helper()
	open := a.descriptors()
	var before unix.Rlimit
	require.NoError(t, unix.Prlimit(a.pid(), unix.RLIMIT_NOFILE, nil, &before))
	refusals := 0
	for limit := uint64(0); ; limit++ {
		require.LessOrEqual(t, limit, uint64(open+40), "%s still wants more", a.name)
		require.NoError(t, unix.Prlimit(a.pid(), unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: limit, Max: before.Max}, nil))
		got := a.try(op, with)
		if got.Outcome == "ok" {
			break
		}
		assert.Equal(t, "system", got.Error.Name, "limit %d: %s", limit, got.Error.Message)
		assert.Contains(t, strings.ToLower(got.Error.Message), "too many open files", "limit %d", limit)
		assert.LessOrEqual(t, a.descriptors(), open, "limit %d: %s: left open", limit, got.Error.Message)
		each()
		refusals++
	}
	require.Positive(t, refusals, "it never ran out of descriptors")
	require.NoError(t, unix.Prlimit(a.pid(), unix.RLIMIT_NOFILE, &before, nil))
}

func TestTooFewDescriptorsForAServer(t *testing.T) {
	eachLanguage(t, func(t *testing.T, language string) {
		channel := newChannel(t)
		create := args{"name": channel, "metadata_size": 64, "payload_size": 16384}
		server := enlist(t, language, "server", room{})
		server.do("create", create) // the first time a runtime loads what it needs
		server.do("close", nil)
		refusedUntilEnough(t, server, "create", create, func() {
			assert.Empty(t, leftIn(t, "/dev/shm", channel))
			assert.NoFileExists(t, wire.LockPath(channel))
		})
		server.do("start", nil)
		client := enlist(t, "go", "client", room{})
		client.do("connect", args{"name": channel})
		exchange(t, client)
		client.do("close", nil)
		server.do("close", nil)
	})
}

func TestTooFewDescriptorsForAClient(t *testing.T) {
	inTurn(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		channel := newChannel(t)
		server := serve(t, serverLanguage, channel, room{}, nil)
		client := enlist(t, clientLanguage, "client", room{})
		connect := args{"name": channel, "connect_timeout_ms": 0}
		client.do("connect", args{"name": channel})
		exchange(t, client)
		client.do("close", nil)
		eventually(t, "the server has reset", func() bool { return look(t, channel).V2.OiebRequest.Get("writer_pid") == wire.PidNone })
		refusedUntilEnough(t, client, "connect", connect, func() {
			assert.False(t, look(t, channel).V2.Alive.Client, "a refused client holds no lock")
		})
		exchange(t, client)
		client.do("close", nil)
		server.do("close", nil)
	})
}
