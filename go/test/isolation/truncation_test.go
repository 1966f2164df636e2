//go:build linux

package isolation

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// Whoever may open the object can cut it. Touching what is gone ends a process by SIGBUS, or by what the language's runtime
// makes of it; nobody hangs, and the name can be used again.
func TestATruncatedObjectHangsNobody(t *testing.T) {
	inTurn(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		channel := newChannel(t)
		server := serve(t, serverLanguage, channel, room{}, nil)
		client := enlist(t, clientLanguage, "client", room{})
		client.do("connect", args{"name": channel})
		exchange(t, client)
		require.NoError(t, os.Truncate(wire.ObjectPath(channel), 0))

		got, answered := client.await("call", client.begin("call", args{"size": 8, "seed": 1, "timeout_ms": 1000}))
		require.False(t, answered, "there is nothing that it could have answered from: %+v", got)
		status, ok := client.cmd.ProcessState.Sys().(syscall.WaitStatus)
		require.True(t, ok)
		switch clientLanguage {
		case "go":
			assert.Equal(t, 2, status.ExitStatus(), client.tail())
			assert.Contains(t, client.tail(), "unexpected fault address")
		case "csharp":
			assert.True(t, status.Signaled(), "%v", client.cmd.ProcessState) // by which signal is the runtime's affair
		default:
			assert.Equal(t, syscall.SIGBUS, status.Signal(), "%v", client.cmd.ProcessState)
		}
		client.kill()
		server.kill()

		// What is left is an empty file, as of a server that died early.
		next := serve(t, serverLanguage, channel, room{}, nil)
		second := enlist(t, clientLanguage, "client", room{})
		second.do("connect", args{"name": channel})
		exchange(t, second)
		second.do("close", nil)
		next.do("close", nil)
	})
}

// An object that is already too short is refused before it is touched.
func TestATruncatedObjectIsRefusedByWhoConnects(t *testing.T) {
	inTurn(t, func(t *testing.T, clientLanguage, serverLanguage string) {
		channel := newChannel(t)
		server := serve(t, serverLanguage, channel, room{}, nil)
		client := enlist(t, clientLanguage, "client", room{})
		for _, length := range []int64{16384, wire.OiebV2Size * 3, wire.OiebV2Size * 2} {
			require.NoError(t, os.Truncate(wire.ObjectPath(channel), length))
			client.refused("connect", args{"name": channel, "connect_timeout_ms": 0}, "corrupted")
		}
		server.kill()
		next := serve(t, serverLanguage, channel, room{}, nil)
		next.do("close", nil)
	})
}
