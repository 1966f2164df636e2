//go:build linux

package zeroduplex

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
	"github.com/zeroduplex/zeroduplex/go/internal/lock"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func (p *place) tryCreate() error {
	p.t.Helper()
	s, err := DefaultFactory().CreateInPlaceDuplexServer(p.name, p.config)
	if err == nil {
		_ = s.Close()
	}
	require.Error(p.t, err)
	return err
}

func TestNameOfALivingServer(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	p.serve(echo)
	c := p.connect()
	requireError(t, p.tryCreate(), ErrNameInUse)
	t.Run("found by its lock byte when /tmp is another one", func(t *testing.T) {
		// Take away what else tells of it.
		require.NoError(t, os.Remove(wire.LockPath(p.name)))
		require.NoError(t, os.Remove(wire.LockCsharpPath(temporaryFolder(), p.name)))
		err := p.tryCreate()
		requireError(t, err, ErrNameInUse)
		require.ErrorContains(t, err, "living server")
		require.Len(t, leftovers(p.name), 5, "the refused attempt left no lock file and harmed no other")
	})
	r, err := c.Call(until(t), []byte("unharmed"))
	require.NoError(t, err)
	r.Release()
}

func TestNameOfSomethingElse(t *testing.T) {
	v1 := func(writer, reader uint64) []byte {
		b := make([]byte, 4096)
		binary.LittleEndian.PutUint32(b, wire.OiebV1Size)
		b[4] = 1
		binary.LittleEndian.PutUint64(b[wire.OiebV1WriterPidOffset:], writer)
		binary.LittleEndian.PutUint64(b[wire.OiebV1ReaderPidOffset:], reader)
		return b
	}
	me, nobody := uint64(os.Getpid()), uint64(1<<22+1) // above pid_max
	for what, content := range map[string][]byte{
		"text":                    []byte("my precious notes, which nobody may delete"),
		"short":                   {1},
		"zeros, but too few":      make([]byte, 40),
		"another number":          binary.LittleEndian.AppendUint64(nil, 99),
		"version 3":               binary.LittleEndian.AppendUint64(nil, wire.OiebV2Size|3<<32),
		"v1 with a living writer": v1(me, nobody),
		"v1 with a living reader": v1(nobody, me),
	} {
		t.Run(what, func(t *testing.T) {
			p := newObject(t, 0, smallPayload)
			require.NoError(t, os.WriteFile(wire.ObjectPath(p.name), content, 0o600))
			requireError(t, p.tryCreate(), ErrNameInUse)
			left, err := os.ReadFile(wire.ObjectPath(p.name))
			require.NoError(t, err)
			require.Equal(t, content, left, "it is not ours to touch")
			require.NoError(t, os.Remove(wire.ObjectPath(p.name)))
		})
	}
	t.Run("directory", func(t *testing.T) {
		p := newObject(t, 0, smallPayload)
		require.NoError(t, os.Mkdir(wire.ObjectPath(p.name), 0o700))
		requireError(t, p.tryCreate(), ErrNameInUse)
		require.NoError(t, os.Remove(wire.ObjectPath(p.name)))
	})
	t.Run("symbolic link", func(t *testing.T) {
		p := newObject(t, 0, smallPayload)
		require.NoError(t, os.Symlink("/etc/passwd", wire.ObjectPath(p.name)))
		requireError(t, p.tryCreate(), ErrNameInUse)
		require.NoError(t, os.Remove(wire.ObjectPath(p.name)))
	})
	t.Run("pipe", func(t *testing.T) {
		p := newObject(t, 0, smallPayload)
		require.NoError(t, unix.Mkfifo(wire.ObjectPath(p.name), 0o600))
		requireError(t, p.tryCreate(), ErrNameInUse)
		require.NoError(t, os.Remove(wire.ObjectPath(p.name)))
	})
	for what, content := range map[string][]byte{
		"v1 whose processes are dead":    v1(nobody, nobody),
		"v1 that nobody used":            v1(0, 0),
		"v2 whose creator died early":    make([]byte, 4096),
		"v2 of a later minor version":    binary.LittleEndian.AppendUint64(nil, wire.OiebV2IdentityWord|1<<40),
		"an object that got no size yet": {},
	} {
		t.Run(what+" is taken over", func(t *testing.T) {
			p := newObject(t, 0, smallPayload)
			require.NoError(t, os.WriteFile(wire.ObjectPath(p.name), content, 0o600))
			p.serve(echo)
			c := p.connect()
			r, err := c.Call(until(t), nil)
			require.NoError(t, err)
			r.Release()
		})
	}
}

func TestNameOfAnotherUsersObject(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	p.serve(echo)
	// Only the object tells of us.
	require.NoError(t, os.Remove(wire.LockPath(p.name)))
	require.NoError(t, os.Remove(wire.LockCsharpPath(temporaryFolder(), p.name)))
	other := child.Start(t, "serve-as", []string{p.name}, child.As(65534, 65534))
	refusal := other.Line()
	require.Contains(t, refusal, "name_in_use")
	require.Contains(t, refusal, "another user's object")
	other.Finish()
	c := p.connect()
	r, err := c.Call(until(t), nil)
	require.NoError(t, err)
	r.Release()
}

func TestOwnerLockOfV1KeepsTheName(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	v1, err := lock.AcquireOwner(p.name)
	require.NoError(t, err)
	requireError(t, p.tryCreate(), ErrNameInUse)
	require.NoError(t, v1.Release())
	p.create()
}

func TestLeftoversOfAKilledServerAreTakenOver(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	server := child.Start(t, "serve-as", []string{p.name})
	server.Expect("serving")
	requireError(t, p.tryCreate(), ErrNameInUse)
	server.Kill()
	require.Len(t, leftovers(p.name), 7, "object, four semaphores, two lock files")
	require.NoError(t, os.WriteFile(wire.TemporaryPath(p.name, "request-ready"), nil, 0o600))
	require.NoError(t, os.WriteFile(wire.TemporaryPath(p.name, "object"), nil, 0o600))
	requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrServerNotFound)
	p.serve(echo)
	c := p.connect()
	r, err := c.Call(until(t), nil)
	require.NoError(t, err)
	r.Release()
}

func TestManyCreatorsOfOneName(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	var alive, created atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 50 {
				s, err := DefaultFactory().CreateInPlaceDuplexServer(p.name, p.config)
				if err != nil {
					if !errors.Is(err, ErrNameInUse) {
						t.Error(err)
						return
					}
					continue
				}
				created.Add(1)
				if n := alive.Add(1); n != 1 {
					t.Errorf("%d servers of one name", n)
				}
				alive.Add(-1)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	require.NotZero(t, created.Load())
}

func TestStopNeverRemovesASuccessor(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	old := p.serve(echo)
	// Somebody cleaned up behind the server's back, and another server came.
	for _, path := range leftovers(p.name) {
		require.NoError(t, os.Remove(path))
	}
	next := p.serve(echo)
	require.NoError(t, old.Close())
	require.GreaterOrEqual(t, len(leftovers(p.name)), 5, "object and semaphores are the next one's")
	c := p.connect()
	r, err := c.Call(until(t), nil)
	require.NoError(t, err)
	r.Release()
	require.NoError(t, c.Close())
	require.NoError(t, next.Close())
}
