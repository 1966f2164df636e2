package inspect

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/lock"
)

// place puts a file under a fresh channel name.
func place(t *testing.T, image []byte) (name, path string) {
	name = fmt.Sprintf("zd-inspect-%d-%s", os.Getpid(), filepath.Base(t.Name()))
	path = "/dev/shm/" + name
	require.NoError(t, os.WriteFile(path, image, 0o600))
	t.Cleanup(func() { assert.NoError(t, os.Remove(path)) })
	return name, path
}

func semaphoreFile(t *testing.T, name string, image []byte) {
	path := "/dev/shm/sem." + name
	require.NoError(t, os.WriteFile(path, image, 0o600))
	t.Cleanup(func() { assert.NoError(t, os.Remove(path)) })
}

func TestReadShowsWhoLivesAndTheSemaphores(t *testing.T) {
	name, path := place(t, newFixture().memory)
	server, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	held, err := lock.TryByte(int(server.Fd()), 0)
	require.NoError(t, err)
	require.True(t, held)
	semaphoreFile(t, "sem-request-ready-"+name, append([]byte{1, 0, 0, 0, 2, 0, 0, 0, 128}, make([]byte, 23)...))
	semaphoreFile(t, "sem-response-ready-"+name, []byte("short"))
	semaphoreFile(t, "sem-response-consumed-"+name, make([]byte, 32))

	r, err := Read(name)
	require.NoError(t, err)
	assert.Equal(t, Alive{Server: true}, r.V2.Alive)
	require.Len(t, r.Semaphores, 4)
	assert.Equal(t, Semaphore{Name: "sem-request-ready-" + name, Path: "/dev/shm/sem.sem-request-ready-" + name, Present: true, Value: 1, Waiters: 2}, r.Semaphores[0])
	assert.False(t, r.Semaphores[3].Present)
	require.Len(t, r.Problems, 2)
	assert.Contains(t, r.Problems[0], "want a regular file of 32 bytes")
	assert.Contains(t, r.Problems[1], "shared flag is 0, not 128")

	again, err := lock.ByteHeld(int(server.Fd()), 1)
	require.NoError(t, err)
	assert.False(t, again, "looking must not leave a lock")
	require.NoError(t, server.Close())
	r, err = Read(name)
	require.NoError(t, err)
	assert.Equal(t, Alive{}, r.V2.Alive)
}

func TestReadNeedsNoMoreThanReadPermission(t *testing.T) {
	name, path := place(t, newFixture().memory)
	require.NoError(t, os.Chmod(path, 0o400))
	_, err := Read(name)
	assert.NoError(t, err)
}

func TestReadSaysWhyThereIsNothingToShow(t *testing.T) {
	for _, name := range []string{"", "..", "a/b", "sem.x", ".hidden"} {
		_, err := Read(name)
		assert.ErrorContains(t, err, "is no channel name", "%q", name)
	}
	_, err := Read("zd-inspect-there-is-none")
	assert.EqualError(t, err, `no channel named "zd-inspect-there-is-none": /dev/shm/zd-inspect-there-is-none does not exist`)

	name, _ := place(t, []byte("somebody else's file"))
	_, err = Read(name)
	assert.ErrorIs(t, err, ErrForeign)
}

func TestReadRefusesWhatIsNoFile(t *testing.T) {
	name := fmt.Sprintf("zd-inspect-%d-special", os.Getpid())
	path := "/dev/shm/" + name
	require.NoError(t, unix.Mkfifo(path, 0o600))
	_, err := Read(name)
	assert.ErrorContains(t, err, "it is no regular file")
	require.NoError(t, os.Remove(path))

	require.NoError(t, os.Symlink("/etc/passwd", path))
	_, err = Read(name)
	assert.ErrorIs(t, err, unix.ELOOP)
	require.NoError(t, os.Remove(path))
}

func TestAnEmptyObjectIsForeign(t *testing.T) {
	name, _ := place(t, nil)
	_, err := Read(name)
	assert.ErrorIs(t, err, ErrForeign)
}

func TestAnObjectThatShrinksIsAnErrorAndNoCrash(t *testing.T) {
	_, path := place(t, newFixture().memory)
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	r := &Report{Length: uint64(len(newFixture().memory))}
	require.NoError(t, unix.Ftruncate(fd, 0)) // after its length was asked for
	assert.ErrorContains(t, r.readObject(fd), "the object shrank while it was read")
}

func TestReadAV1Buffer(t *testing.T) {
	f := newFixtureV1()
	f.put64(80, uint64(os.Getpid()))
	f.put64(88, 1<<22+1) // above what the kernel gives
	name, _ := place(t, f.memory)
	semaphoreFile(t, "sem-w-"+name, append([]byte{3, 0, 0, 0, 1, 0, 0, 0, 128}, make([]byte, 23)...))
	r, err := Read(name)
	require.NoError(t, err)
	assert.Equal(t, AliveV1{Writer: true}, r.V1.Alive)
	require.Len(t, r.Semaphores, 2)
	assert.Equal(t, Semaphore{Name: "sem-w-" + name, Path: "/dev/shm/sem.sem-w-" + name, Present: true, Value: 3, Waiters: 1}, r.Semaphores[0])
	assert.Equal(t, Semaphore{Name: "sem-r-" + name, Path: "/dev/shm/sem.sem-r-" + name}, r.Semaphores[1])
	assert.Empty(t, r.Problems)

	require.NoError(t, os.WriteFile("/dev/shm/"+name+"_request", f.memory, 0o600))
	t.Cleanup(func() { assert.NoError(t, os.Remove("/dev/shm/"+name+"_request")) })
	r, err = Read(name + "_request")
	require.NoError(t, err)
	assert.Equal(t, ProtocolV1, r.Protocol)
	t.Run("channel", func(t *testing.T) {
		other := name + "-channel"
		require.NoError(t, os.WriteFile("/dev/shm/"+other+"_response", f.memory, 0o600))
		t.Cleanup(func() { assert.NoError(t, os.Remove("/dev/shm/"+other+"_response")) })
		_, err := Read(other)
		assert.ErrorContains(t, err, "does not exist; it is a channel of ZeroBuffer v1: look at "+other+"_request and "+other+"_response")
	})
}
