package segment

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// named is a name of its own, of which nothing is left at the end.
func named(t *testing.T) string {
	name := fmt.Sprintf("zdc-segment-%d", os.Getpid())
	t.Cleanup(func() {
		left, err := Leftovers(name)
		assert.NoError(t, errors.Join(err, RemoveAll(left)))
	})
	return name
}

// inherit keeps a copy of a descriptor, as a child has it between its fork and its exec.
func inherit(t *testing.T, f *os.File) {
	fd, err := unix.Dup(int(f.Fd()))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, unix.Close(fd)) })
}

func TestACrashEndsItsLocksWhoeverHasCopiesOfTheDescriptor(t *testing.T) {
	name := named(t)
	var server, client, next Peer
	require.NoError(t, server.Build(name, Building{Payload: 1024, Mode: 0o600, Lock: true}))
	require.NoError(t, client.Open(name))
	require.NoError(t, client.Lock(LockByteClient, false))
	require.NoError(t, next.Open(name))
	require.ErrorIs(t, next.Lock(LockByteClient, false), ErrHeld)
	inherit(t, server.lock)
	inherit(t, client.lock)
	require.NoError(t, client.Crash())
	require.NoError(t, server.Crash())
	require.NoError(t, next.Lock(LockByteClient, false))
	require.NoError(t, next.Lock(LockByteServer, false))
	require.NoError(t, next.Crash())
}

func TestOwnerLocksEndWhoeverHasCopiesOfTheDescriptors(t *testing.T) {
	name := named(t)
	var reader RawBuffer
	require.NoError(t, reader.TakeLocks(name))
	for _, lock := range reader.locks {
		inherit(t, lock)
	}
	held, err := ReadLocks(name)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"cpp_python.exists": true, "cpp_python.held": true, "csharp.exists": true, "csharp.held": true}, held)
	reader.Unlock()
	for range 2 { // looking leaves them free
		held, err = ReadLocks(name)
		require.NoError(t, err)
		require.Equal(t, map[string]any{"cpp_python.exists": true, "cpp_python.held": false, "csharp.exists": true, "csharp.held": false}, held)
	}
}
