//go:build linux

package shm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func TestMain(m *testing.M) {
	child.Main(map[string]child.Role{"small": small, "plain faults": plainFaults, "no room for pages": noRoomForPages, "huge pages": hugePagesRole})
	os.Exit(m.Run())
}

var names int

// objectName is unused, and its files must be gone at the end of the test.
func objectName(t *testing.T) string {
	names++
	name := fmt.Sprintf("zdgo-%d-shm-%d", os.Getpid(), names)
	t.Cleanup(func() {
		left, err := filepath.Glob("/dev/shm/*" + name + "*")
		require.NoError(t, err)
		hidden, err := filepath.Glob("/dev/shm/.*" + name + "*")
		require.NoError(t, err)
		for _, path := range append(left, hidden...) {
			t.Errorf("left over: %s", path)
			_ = os.Remove(path)
		}
	})
	return name
}

// makers are the two ways to make an object. The second is for file systems without O_TMPFILE and processes without /proc.
var makers = map[string]func(name string, size uint64, mode os.FileMode) (*Object, error){
	"nameless": func(name string, size uint64, mode os.FileMode) (*Object, error) {
		return Create(name, size, mode, PageWish{})
	},
	"by a temporary name": func(name string, size uint64, mode os.FileMode) (*Object, error) {
		fd, temporary, err := createTemporary(wire.TemporaryPath(name, "object"), mode)
		if err != nil {
			return nil, err
		}
		return complete(&Object{fd: fd, temporary: temporary}, size, mode, PageWish{})
	},
}

func TestCreateLinkOpenRemove(t *testing.T) {
	for way, create := range makers {
		t.Run(way, func(t *testing.T) {
			name := objectName(t)
			o, err := create(name, 4096+64, 0o600)
			require.NoError(t, err)
			require.Len(t, o.Bytes(), 4096+64)
			require.Equal(t, uint64(4096+64), o.Size())
			require.Equal(t, uint32(os.Geteuid()), o.Owner())
			require.NoFileExists(t, wire.ObjectPath(name), "it has no name yet")
			require.False(t, o.IsNamed(name))

			require.NoError(t, o.Link(name))
			require.NoFileExists(t, wire.TemporaryPath(name, "object"))
			require.True(t, o.IsNamed(name))
			linked, err := o.Linked()
			require.NoError(t, err)
			require.True(t, linked)

			other, err := Open(name, true)
			require.NoError(t, err)
			require.Nil(t, other.Bytes(), "opening does not map")
			require.NoError(t, other.Map(true))
			o.Bytes()[100] = 42
			require.Equal(t, byte(42), other.Bytes()[100])
			var head [128]byte
			n, err := other.Read(head[:])
			require.NoError(t, err)
			require.Equal(t, 128, n)
			require.Equal(t, byte(42), head[100])

			fd, err := other.Reopen(name, true)
			require.NoError(t, err)
			require.NotEqual(t, other.Descriptor(), fd)
			require.NoError(t, CloseDescriptor(fd))

			require.NoError(t, o.RemoveIfNamed(name))
			require.NoError(t, o.RemoveIfNamed(name), "gone already")
			linked, err = other.Linked()
			require.NoError(t, err)
			require.False(t, linked)
			require.NoError(t, other.Close())
			require.NoError(t, o.Close())
			require.NoError(t, o.Close(), "closing again does nothing")
		})
	}
}

func TestLinkRefusesATakenName(t *testing.T) {
	for way, create := range makers {
		t.Run(way, func(t *testing.T) {
			name := objectName(t)
			first, err := create(name, 64, 0o600)
			require.NoError(t, err)
			require.NoError(t, first.Link(name))
			second, err := create(name, 64, 0o600)
			require.NoError(t, err)
			require.ErrorIs(t, second.Link(name), ErrExists)
			require.NoError(t, second.RemoveIfNamed(name))
			require.True(t, first.IsNamed(name), "a successor's name is not removed")
			require.NoError(t, second.Close())
			require.NoError(t, first.RemoveIfNamed(name))
			require.NoError(t, first.Close())
		})
	}
}

func TestALeftTemporaryNameIsRemovedByTheNextCreate(t *testing.T) {
	name := objectName(t)
	require.NoError(t, os.WriteFile(wire.TemporaryPath(name, "object"), []byte("left over"), 0o400))
	o, err := Create(name, 64, 0o600, PageWish{})
	require.NoError(t, err)
	require.NoFileExists(t, wire.TemporaryPath(name, "object"))
	require.NoError(t, o.Close())
}

func TestModeIsWhatWasAskedForWhateverTheUmask(t *testing.T) {
	for way, create := range makers {
		for _, mode := range []os.FileMode{0o600, 0o660, 0o666} {
			t.Run(fmt.Sprintf("%s, %o", way, mode), func(t *testing.T) {
				name := objectName(t)
				old := syscall.Umask(0o077)
				o, err := create(name, 64, mode)
				syscall.Umask(old)
				require.NoError(t, err)
				require.NoError(t, o.Link(name))
				info, err := os.Stat(wire.ObjectPath(name))
				require.NoError(t, err)
				require.Equal(t, mode, info.Mode().Perm())
				require.NoError(t, o.RemoveIfNamed(name))
				require.NoError(t, o.Close())
			})
		}
	}
}

func TestEveryPageIsReserved(t *testing.T) {
	const size = 3*reserveChunk + 4096
	o, err := Create(objectName(t), size, 0o600, PageWish{})
	require.NoError(t, err)
	defer o.Close()
	var st unix.Stat_t
	require.NoError(t, unix.Fstat(o.Descriptor(), &st))
	require.GreaterOrEqual(t, st.Blocks*512, int64(size))
}

func TestAnAbsurdSizeIsRefusedBeforeAnythingIsReserved(t *testing.T) {
	free := func() uint64 {
		var fs unix.Statfs_t
		require.NoError(t, unix.Statfs("/dev/shm", &fs))
		return fs.Bavail * uint64(fs.Bsize)
	}
	size := uint64(1) << 45
	require.Less(t, free(), size, "this machine has a larger /dev/shm than the test knows")
	before := free()
	_, err := Create(objectName(t), size, 0o600, PageWish{})
	require.ErrorIs(t, err, ErrNoSpace)
	require.ErrorContains(t, err, "bytes are free")
	require.InDelta(t, float64(before), float64(free()), 1<<30, "nothing of it was taken, give or take what others do")
}

func TestFullSharedMemoryIsAnErrorAndNoSignal(t *testing.T) {
	p := child.Start(t, "small", []string{objectName(t)}, child.OwnMounts())
	p.Expect("fits")
	p.Expect("full")
	p.Expect("reserving fails")
	p.Finish()
}

// small runs with a /dev/shm of one mebibyte.
func small(args []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m"); err != nil {
		return fmt.Errorf("mount a small /dev/shm: %w", err)
	}
	half, err := Create(args[0], 600<<10, 0o600, PageWish{})
	if err != nil {
		return err
	}
	clear(half.Bytes()) // every page is there
	child.Say("fits")
	if _, err := Create(args[0]+"-2", 600<<10, 0o600, PageWish{}); !isNoSpace(err) {
		return fmt.Errorf("want no space, got %v", err)
	}
	child.Say("full")
	// Somebody else may take the rest between the question and the reservation.
	fd, err := unix.Open("/dev/shm", unix.O_TMPFILE|unix.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := reserve(fd, 600<<10); !isNoSpace(err) {
		return fmt.Errorf("want no space, got %v", err)
	}
	child.Say("reserving fails")
	return half.Close()
}

func isNoSpace(err error) bool { return errors.Is(err, ErrNoSpace) }

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Run("missing", func(t *testing.T) {
		_, err := Open(objectName(t), true)
		require.ErrorIs(t, err, ErrNotExist)
	})
	t.Run("directory", func(t *testing.T) {
		name := objectName(t)
		require.NoError(t, os.Mkdir(wire.ObjectPath(name), 0o700))
		_, err := Open(name, true)
		require.ErrorIs(t, err, ErrNotRegular)
		_, err = Open(name, false)
		require.ErrorIs(t, err, ErrNotRegular)
		require.NoError(t, os.Remove(wire.ObjectPath(name)))
	})
	t.Run("pipe", func(t *testing.T) {
		name := objectName(t)
		require.NoError(t, unix.Mkfifo(wire.ObjectPath(name), 0o600))
		_, err := Open(name, true)
		require.ErrorIs(t, err, ErrNotRegular)
		require.NoError(t, os.Remove(wire.ObjectPath(name)))
	})
	t.Run("symbolic link", func(t *testing.T) {
		name := objectName(t)
		require.NoError(t, os.Symlink("/dev/zero", wire.ObjectPath(name)))
		_, err := Open(name, true)
		require.ErrorIs(t, err, ErrNotRegular)
		require.NoError(t, os.Remove(wire.ObjectPath(name)))
	})
}

func TestReopenNoticesThatTheNameMeansAnother(t *testing.T) {
	name := objectName(t)
	first, err := Create(name, 64, 0o600, PageWish{})
	require.NoError(t, err)
	defer first.Close()
	require.NoError(t, first.Link(name))
	require.NoError(t, first.RemoveIfNamed(name))
	second, err := Create(name, 64, 0o600, PageWish{})
	require.NoError(t, err)
	defer second.Close()
	require.NoError(t, second.Link(name))
	fd, err := first.Reopen(name, true) // by the descriptor: still the first
	require.NoError(t, err)
	var st unix.Stat_t
	require.NoError(t, unix.Fstat(fd, &st))
	require.Equal(t, first.ino, st.Ino)
	require.NoError(t, CloseDescriptor(fd))
	require.NoError(t, first.RemoveIfNamed(name))
	require.True(t, second.IsNamed(name))
	require.NoError(t, second.RemoveIfNamed(name))
}

func TestMapRefusesAnEmptyObject(t *testing.T) {
	name := objectName(t)
	require.NoError(t, os.WriteFile(wire.ObjectPath(name), nil, 0o600))
	o, err := Open(name, true)
	require.NoError(t, err)
	defer o.Close()
	require.ErrorContains(t, o.Map(true), "0 bytes")
	require.NoError(t, os.Remove(wire.ObjectPath(name)))
}

func TestDescriptorsAreNotInherited(t *testing.T) {
	name := objectName(t)
	o, err := Create(name, 64, 0o600, PageWish{})
	require.NoError(t, err)
	defer o.Close()
	fd, err := o.Reopen(name, true)
	require.NoError(t, err)
	defer func() { require.NoError(t, CloseDescriptor(fd)) }()
	for _, d := range []int{o.Descriptor(), fd} {
		flags, err := unix.FcntlInt(uintptr(d), unix.F_GETFD, 0)
		require.NoError(t, err)
		require.NotZero(t, flags&unix.FD_CLOEXEC)
	}
}
