//go:build linux

package lock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func TestMain(m *testing.M) {
	child.Main(map[string]child.Role{"hold-byte": holdByte, "hold-owner": holdOwner})
	os.Exit(m.Run())
}

// holdByte locks a byte of a file until it is killed or released.
func holdByte(args []string) error {
	fd, err := unix.Open(args[0], unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	offset, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return err
	}
	held, err := TryByte(fd, offset)
	if err != nil {
		return err
	}
	child.Say(fmt.Sprint(held))
	if _, err := child.Heard(); err != nil {
		return nil
	}
	if err := UnlockByte(fd, offset); err != nil {
		return err
	}
	child.Say("released")
	_, _ = child.Heard()
	return nil
}

// holdOwner takes the owner locks of a name until it is killed or released.
func holdOwner(args []string) error {
	o, err := AcquireOwner(args[0])
	if err != nil {
		return err
	}
	child.Say(fmt.Sprint("held ", len(o.files)))
	_, _ = child.Heard()
	return o.Release()
}

func open(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func byteHeld(t *testing.T, fd int, offset uint64) bool {
	t.Helper()
	held, err := ByteHeld(fd, offset)
	require.NoError(t, err)
	return held
}

func TestByteLocksAreOfDescriptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "object")
	a, b, prober := open(t, path), open(t, path), open(t, path)
	for _, offset := range []uint64{wire.LockByteServer, wire.LockByteClient} {
		ok, err := TryByte(a, offset)
		require.NoError(t, err)
		require.True(t, ok)
		ok, err = TryByte(b, offset)
		require.NoError(t, err)
		require.False(t, ok, "another description of the same process")
		require.True(t, byteHeld(t, prober, offset))
		require.False(t, byteHeld(t, a, offset), "one's own lock is not another's")
		require.False(t, byteHeld(t, prober, 1-offset), "the other byte is another lock")
		require.NoError(t, UnlockByte(a, offset))
		require.False(t, byteHeld(t, prober, offset))
		ok, err = TryByte(b, offset)
		require.NoError(t, err)
		require.True(t, ok)
		require.NoError(t, UnlockByte(b, offset))
	}
}

func TestByteLockEndsWithItsDescriptionAndWithNoOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "object")
	a, other, prober := open(t, path), open(t, path), open(t, path)
	ok, err := TryByte(a, 0)
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, unix.Close(other))
	require.True(t, byteHeld(t, prober, 0), "closing another description of the file drops classic locks, not these")
	require.NoError(t, unix.Close(a))
	require.False(t, byteHeld(t, prober, 0))
}

func TestByteLockOfAKilledProcessIsFree(t *testing.T) {
	path := filepath.Join(t.TempDir(), "object")
	prober := open(t, path)
	p := child.Start(t, "hold-byte", []string{path, "0"})
	p.Expect("true")
	require.True(t, byteHeld(t, prober, 0))
	p.Signal(syscall.SIGSTOP)
	require.True(t, byteHeld(t, prober, 0), "a paused process lives")
	p.Kill()
	require.False(t, byteHeld(t, prober, 0))
}

func TestByteLockIsReleasedExplicitly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "object")
	prober := open(t, path)
	p := child.Start(t, "hold-byte", []string{path, "1"})
	p.Expect("true")
	second := child.Start(t, "hold-byte", []string{path, "1"})
	second.Expect("false")
	p.Tell("release")
	p.Expect("released")
	require.False(t, byteHeld(t, prober, 1), "it still runs and has the file open")
	p.Finish()
}

func TestByteLocksReportBadDescriptors(t *testing.T) {
	_, err := TryByte(-1, 0)
	require.ErrorIs(t, err, unix.EBADF)
	require.ErrorIs(t, UnlockByte(-1, 0), unix.EBADF)
	_, err = ByteHeld(-1, 0)
	require.ErrorIs(t, err, unix.EBADF)
	readOnly, err := unix.Open("/proc/self/exe", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(readOnly)
	_, err = TryByte(readOnly, 0)
	require.ErrorIs(t, err, unix.EBADF, "a write lock needs a writable description")
}

var names int

func ownerName(t *testing.T) string {
	names++
	name := fmt.Sprintf("zdgo-%d-lock-%d", os.Getpid(), names)
	t.Setenv("TMPDIR", t.TempDir())
	t.Cleanup(func() {
		require.NoFileExists(t, wire.LockPath(name))
		require.NoFileExists(t, wire.LockCsharpPath(os.Getenv("TMPDIR"), name))
	})
	return name
}

func TestOwnerHoldsBothFilesAndRemovesThem(t *testing.T) {
	name := ownerName(t)
	o, err := AcquireOwner(name)
	require.NoError(t, err)
	csharp := wire.LockCsharpPath(os.Getenv("TMPDIR"), name)
	for _, path := range []string{wire.LockPath(name), csharp} {
		require.FileExists(t, path)
		info, err := os.Stat(filepath.Dir(path))
		require.NoError(t, err)
		require.Equal(t, os.ModeSticky|0o777, info.Mode()&(os.ModeSticky|os.ModePerm), path)
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		require.NoError(t, err)
		require.ErrorIs(t, unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB), unix.EWOULDBLOCK, "as v1 would find it")
		require.NoError(t, unix.Close(fd))
	}
	_, err = AcquireOwner(name)
	require.ErrorIs(t, err, ErrHeld)
	require.NoError(t, o.Release())
	require.NoFileExists(t, wire.LockPath(name))
	require.NoFileExists(t, csharp)
	require.NoError(t, o.Release(), "releasing again does nothing")
	again, err := AcquireOwner(name)
	require.NoError(t, err)
	require.NoError(t, again.Release())
}

func TestOwnerRefusesWhenEitherFileIsHeldAndKeepsNothing(t *testing.T) {
	for i, which := range []string{"of every v1", "of C# in TMPDIR"} {
		t.Run(which, func(t *testing.T) {
			name := ownerName(t)
			path := []string{wire.LockPath(name), wire.LockCsharpPath(os.Getenv("TMPDIR"), name)}[i]
			require.NoError(t, makeFolders(filepath.Dir(path)))
			v1 := open(t, path)
			require.NoError(t, unix.Flock(v1, unix.LOCK_EX|unix.LOCK_NB))
			_, err := AcquireOwner(name)
			require.ErrorIs(t, err, ErrHeld)
			require.ErrorContains(t, err, path)
			require.NoError(t, unix.Flock(v1, unix.LOCK_UN))
			o, err := AcquireOwner(name)
			require.NoError(t, err, "nothing of the refused attempt is left")
			require.NoError(t, o.Release())
		})
	}
}

func TestOwnerOfAKilledProcessIsTakenOver(t *testing.T) {
	name := ownerName(t)
	p := child.Start(t, "hold-owner", []string{name})
	p.Expect("held 2")
	_, err := AcquireOwner(name)
	require.ErrorIs(t, err, ErrHeld)
	p.Kill()
	require.FileExists(t, wire.LockPath(name), "nobody removed it")
	o, err := AcquireOwner(name)
	require.NoError(t, err)
	require.NoError(t, o.Release())
}

func TestOwnerReleasesExplicitly(t *testing.T) {
	name := ownerName(t)
	o, err := AcquireOwner(name)
	require.NoError(t, err)
	// A forked child shares the open file description, and with it the lock.
	inherited, err := unix.Dup(o.files[0].fd)
	require.NoError(t, err)
	defer unix.Close(inherited)
	require.NoError(t, o.Release())
	again, err := AcquireOwner(name)
	require.NoError(t, err, "what the child has open must not keep the lock")
	require.NoError(t, again.Release())
}

func TestOwnersRaceForANameThatIsUnlinkedAllTheTime(t *testing.T) {
	name := ownerName(t)
	var holders, taken int
	var mu sync.Mutex
	var done sync.WaitGroup
	deadline := time.Now().Add(30 * time.Second)
	for range 4 {
		done.Add(1)
		go func() {
			defer done.Done()
			for mine := 0; mine < 100 && time.Now().Before(deadline); {
				o, err := AcquireOwner(name)
				if err != nil {
					if !errors.Is(err, ErrHeld) {
						t.Error(err)
						return
					}
					continue
				}
				mine++
				mu.Lock()
				holders++
				taken++
				if holders != 1 {
					t.Errorf("%d hold it", holders)
				}
				mu.Unlock()
				mu.Lock()
				holders--
				mu.Unlock()
				if err := o.Release(); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	done.Wait()
	require.Equal(t, 400, taken)
}

func TestOwnerToleratesFoldersThatCannotBeWritten(t *testing.T) {
	name := ownerName(t)
	t.Run("TMPDIR is a file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		t.Setenv("TMPDIR", path)
		o, err := AcquireOwner(name)
		require.NoError(t, err)
		require.Len(t, o.files, 1)
		require.NoError(t, o.Release())
	})
	t.Run("no permission", func(t *testing.T) {
		// Another user, whom root's permissions do not help.
		folder := t.TempDir()
		require.NoError(t, os.Chmod(folder, 0o500))
		other := fmt.Sprintf("%s-other", name)
		p := child.Start(t, "hold-owner", []string{other}, child.As(65534, 65534), child.Env("TMPDIR="+folder))
		p.Expect("held 1") // that in /tmp only
		p.Finish()
		require.NoFileExists(t, wire.LockPath(other))
	})
}

func TestOwnerOfAnotherUserIsSeen(t *testing.T) {
	name := ownerName(t)
	p := child.Start(t, "hold-owner", []string{name}, child.As(65534, 65534), child.Env("TMPDIR="+os.TempDir()+"/missing"))
	require.Contains(t, p.Line(), "held")
	_, err := AcquireOwner(name)
	require.ErrorIs(t, err, ErrHeld)
	p.Finish()
}

func TestTMPDIRDefaultsToTmp(t *testing.T) {
	name := ownerName(t)
	t.Setenv("TMPDIR", "")
	o, err := AcquireOwner(name)
	require.NoError(t, err)
	require.FileExists(t, wire.LockCsharpPath("/tmp", name))
	require.NoError(t, o.Release())
	require.NoFileExists(t, wire.LockCsharpPath("/tmp", name))
}

func TestLockFilesAreNoWayToOtherFiles(t *testing.T) {
	name := ownerName(t)
	target := filepath.Join(t.TempDir(), "precious")
	require.NoError(t, os.WriteFile(target, []byte("precious"), 0o600))
	require.NoError(t, makeFolders(wire.LockFolder))
	require.NoError(t, os.Symlink(target, wire.LockPath(name)))
	t.Cleanup(func() { _ = os.Remove(wire.LockPath(name)) })
	_, err := AcquireOwner(name)
	require.ErrorIs(t, err, unix.ELOOP)
	content, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "precious", string(content))
	require.NoError(t, os.Remove(wire.LockPath(name)))
}
