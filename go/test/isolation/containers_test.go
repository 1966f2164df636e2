//go:build linux

package isolation

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/inspect"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

var container = room{container: true}

// Every process is pid 1 of its own world, and no lock file of one is seen by another: neither pids nor /tmp can tell who lives.
func TestContainersThatShareOnlySharedMemory(t *testing.T) {
	needRoot(t)
	inTurn(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		channel := newChannel(t)
		server := serve(t, serverLanguage, channel, container, nil)
		client := enlist(t, clientLanguage, "client", container)
		client.do("connect", args{"name": channel})
		exchange(t, client)

		report := look(t, channel)
		for _, pid := range []uint64{report.V2.OiebRequest.Get("writer_pid"), report.V2.OiebRequest.Get("reader_pid")} {
			assert.EqualValues(t, 1, pid, "both are the first process of their namespace")
		}
		assert.FileExists(t, server.sees(wire.LockPath(channel)))
		assert.NoFileExists(t, wire.LockPath(channel), "its /tmp is its own")
		assert.NoFileExists(t, client.sees(wire.LockPath(channel)))

		// The name is taken and the channel is occupied, for containers too.
		enlist(t, clientLanguage, "server", container).refused("create", args{"name": channel, "payload_size": 1024}, "name_in_use")
		enlist(t, serverLanguage, "client", container).refused("connect", args{"name": channel, "connect_timeout_ms": 0}, "writer_already_connected")
		exchange(t, client)

		client.do("close", nil)
		server.do("close", nil)
		assert.NoFileExists(t, server.sees(wire.LockPath(channel)))
	})
}

// The lock files in /tmp only keep v1 away; a container whose file system is read-only cannot have them.
func TestAContainerWithAReadOnlyTmp(t *testing.T) {
	needRoot(t)
	inTurn(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		channel := newChannel(t)
		hardened := room{container: true, readOnly: true}
		server := serve(t, serverLanguage, channel, hardened, nil)
		assert.NoFileExists(t, server.sees(wire.LockPath(channel)))
		client := enlist(t, clientLanguage, "client", hardened)
		client.do("connect", args{"name": channel})
		exchange(t, client)
		enlist(t, clientLanguage, "server", hardened).refused("create", args{"name": channel, "payload_size": 1024}, "name_in_use")
		client.do("close", nil)
		server.do("close", nil)
	})
}

func TestAContainersClientThatIsKilledIsFollowedByAnother(t *testing.T) {
	needRoot(t)
	inTurn(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		channel := newChannel(t)
		server := serve(t, serverLanguage, channel, container, nil)
		victim := enlist(t, clientLanguage, "client", container)
		victim.do("connect", args{"name": channel})
		exchange(t, victim)
		// It leaves a request that is being handled and others that were never taken.
		server.do("set_handler", args{"handler": "hold", "opcode": 9})
		for range 3 {
			victim.do("send", args{"size": 100, "seed": 1, "opcode": 9})
		}
		server.do("wait_handled", args{"entered": 302, "timeout_ms": patience.Milliseconds()})
		assert.Equal(t, inspect.Alive{Server: true, Client: true}, look(t, channel).V2.Alive)
		victim.kill()
		assert.Equal(t, inspect.Alive{Server: true}, look(t, channel).V2.Alive, "a dead pid 1 is dead, although there is a process 1 everywhere")
		server.do("let_go", nil)

		next := enlist(t, clientLanguage, "client", container)
		next.do("connect", args{"name": channel, "connect_timeout_ms": patience.Milliseconds()})
		exchange(t, next)
		next.do("close", nil)
		server.do("close", nil)
	})
}

func TestAContainersServerThatIsKilledIsNoticedAndReplaced(t *testing.T) {
	needRoot(t)
	inTurn(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		channel := newChannel(t)
		victim := serve(t, serverLanguage, channel, container, nil)
		client := enlist(t, clientLanguage, "client", container)
		client.do("connect", args{"name": channel})
		exchange(t, client)
		victim.do("set_handler", args{"handler": "hold"})
		pending := client.begin("call", args{"size": 100, "seed": 1, "timeout_ms": patience.Milliseconds()})
		victim.do("wait_handled", args{"entered": 302, "timeout_ms": patience.Milliseconds()})
		killed := time.Now()
		victim.kill()
		got, ok := client.await("call", pending)
		require.True(t, ok, "the client ended: %s", client.tail())
		assert.Equal(t, "server_dead", got.Error.Name, got.Error.Message)
		assert.Less(t, time.Since(killed), patience/2, "it was noticed, and no timeout ran out")
		client.do("close", nil)

		// Only the name and the locks tell that it is free: the dead server's lock files went with its /tmp.
		second := serve(t, serverLanguage, channel, container, nil)
		client.do("connect", args{"name": channel})
		exchange(t, client)
		client.do("close", nil)
		second.do("close", nil)
	})
}
