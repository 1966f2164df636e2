package shm

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

const pagesTested = 2048

// faults is how many page faults writing to each page of mem takes.
func faults(mem []byte) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_THREAD, &before)
	for i := 0; i < len(mem); i += os.Getpagesize() {
		mem[i] = 1
	}
	err = errors.Join(err, unix.Getrusage(unix.RUSAGE_THREAD, &after))
	return int(after.Minflt - before.Minflt), err
}

func requireFewFaults(t *testing.T, o *Object, who string) {
	t.Helper()
	n, err := faults(o.Bytes())
	require.NoError(t, err)
	require.Less(t, n, fewFaults, who)
}

// fewFaults is far below the pages tested; the runtime may have some of its own.
const fewFaults = pagesTested / 20

// kernels are what madvise does: this machine's, and one that cannot populate on demand.
var kernels = map[string]func([]byte, int) error{
	"this kernel": unix.Madvise,
	"a kernel before 5.14": func(mem []byte, advice int) error {
		if advice == unix.MADV_POPULATE_WRITE {
			return unix.EINVAL
		}
		return unix.Madvise(mem, advice)
	},
}

func withKernel(t *testing.T, kernel func([]byte, int) error) {
	madvise = kernel
	t.Cleanup(func() { madvise = unix.Madvise })
}

// ownMemory gives a child a /dev/shm of its own, mounted with options.
func ownMemory(options string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	return unix.Mount("tmpfs", "/dev/shm", "tmpfs", 0, options)
}

func TestPrefaultedPagesTakeNoFaults(t *testing.T) {
	for what, kernel := range kernels {
		t.Run(what, func(t *testing.T) {
			withKernel(t, kernel)
			name := objectName(t)
			size := uint64(pagesTested * os.Getpagesize())
			o, err := Create(name, size, 0o600, PageWish{Prefault: true})
			require.NoError(t, err)
			defer o.Close()
			require.Equal(t, PageReport{Prefaulted: true}, o.Pages())
			requireFewFaults(t, o, "who creates")

			require.NoError(t, o.Link(name))
			defer func() { require.NoError(t, o.RemoveIfNamed(name)) }()
			other, err := Open(name, true)
			require.NoError(t, err)
			defer other.Close()
			require.NoError(t, other.MapFor(PageWish{Prefault: true}))
			require.NoError(t, other.PreparePages())
			require.Equal(t, PageReport{Prefaulted: true}, other.Pages())
			requireFewFaults(t, other, "who attaches")
		})
	}
}

func TestPagesThatAreNotPrefaultedTakeAFaultEach(t *testing.T) {
	child.Start(t, "plain faults", nil, child.OwnMounts()).Finish()
}

// plainFaults runs where pages have the usual size, whatever this machine's /dev/shm is mounted with.
func plainFaults([]string) error {
	if err := ownMemory(""); err != nil {
		return err
	}
	o, err := Create("plain", pagesTested*uint64(os.Getpagesize()), 0o600, PageWish{})
	if err != nil {
		return err
	}
	if got := o.Pages(); got != (PageReport{}) {
		return fmt.Errorf("nothing was asked for, the report is %+v", got)
	}
	n, err := faults(o.Bytes())
	if err != nil {
		return err
	}
	if n < pagesTested {
		return fmt.Errorf("%d pages were written for the first time with only %d faults", pagesTested, n)
	}
	return o.Close()
}

func TestPrefaultingLosesNothingOfWhatTheOtherSideWrites(t *testing.T) {
	for what, kernel := range kernels {
		t.Run(what, func(t *testing.T) {
			withKernel(t, kernel)
			name := objectName(t)
			const pages, times = 4, 2000
			o, err := Create(name, pages*uint64(os.Getpagesize()), 0o600, PageWish{})
			require.NoError(t, err)
			defer o.Close()
			require.NoError(t, o.Link(name))
			defer func() { require.NoError(t, o.RemoveIfNamed(name)) }()
			word := func(page int) *uint64 { return (*uint64)(unsafe.Pointer(&o.Bytes()[page*os.Getpagesize()])) }
			var enough atomic.Bool
			begun, rounds := make(chan struct{}), make(chan uint64)
			go func() {
				n := uint64(0)
				for ; n == 0 || !enough.Load(); n++ {
					if n == 1 {
						close(begun)
					}
					for page := range pages {
						// Not a read-modify-write: what is lost between another one's load and store stays lost.
						atomic.StoreUint64(word(page), atomic.LoadUint64(word(page))+1)
					}
				}
				rounds <- n
			}()
			<-begun
			for range times {
				other, err := Open(name, true)
				require.NoError(t, err)
				require.NoError(t, other.MapFor(PageWish{Prefault: true}))
				require.NoError(t, other.PreparePages())
				require.NoError(t, other.Close())
			}
			enough.Store(true)
			want := <-rounds
			for page := range pages {
				require.Equal(t, want, *word(page), "page %d", page)
			}
		})
	}
}

func TestNoMemoryForAPage(t *testing.T) {
	for _, errno := range []unix.Errno{unix.ENOMEM, unix.EFAULT} {
		for what, wish := range map[string]PageWish{"prefault": {Prefault: true}, "huge pages": {HugePages: true}} {
			t.Run(what+", "+unix.ErrnoName(errno), func(t *testing.T) {
				withKernel(t, func(_ []byte, advice int) error {
					if advice == unix.MADV_POPULATE_WRITE {
						return errno
					}
					return nil
				})
				_, err := Create(objectName(t), 1<<20, 0o600, wish)
				require.ErrorIs(t, err, ErrNoSpace)
				require.ErrorIs(t, err, errno)
				require.ErrorContains(t, err, "prefault 1048576 bytes")
			})
		}
	}
	t.Run("another error keeps its own meaning", func(t *testing.T) {
		withKernel(t, func([]byte, int) error { return unix.EHWPOISON })
		_, err := Create(objectName(t), 1<<20, 0o600, PageWish{Prefault: true})
		require.ErrorIs(t, err, unix.EHWPOISON)
		require.NotErrorIs(t, err, ErrNoSpace)
	})
	t.Run("a signal is no error", func(t *testing.T) {
		signals := 3
		withKernel(t, func(mem []byte, advice int) error {
			if signals--; signals >= 0 {
				return unix.EINTR
			}
			return unix.Madvise(mem, advice)
		})
		o, err := Create(objectName(t), 1<<20, 0o600, PageWish{Prefault: true})
		require.NoError(t, err)
		require.True(t, o.Pages().Prefaulted)
		require.NoError(t, o.Close())
	})
}

func TestPagesThatSharedMemoryHasNoRoomFor(t *testing.T) {
	child.Start(t, "no room for pages", nil, child.OwnMounts()).Finish()
}

// noRoomForPages attaches to an object whose pages are not reserved, with too little room for them.
func noRoomForPages([]string) error {
	if err := ownMemory("size=1m"); err != nil {
		return err
	}
	for what, kernel := range kernels {
		madvise = kernel
		if err := os.WriteFile(wire.ObjectPath("sparse"), nil, 0o600); err != nil {
			return err
		}
		if err := os.Truncate(wire.ObjectPath("sparse"), 2<<20); err != nil {
			return err
		}
		o, err := Open("sparse", true)
		if err != nil {
			return err
		}
		if err := o.MapFor(PageWish{Prefault: true}); err != nil {
			return err
		}
		if err := o.PreparePages(); !isNoSpace(err) {
			return fmt.Errorf("%s: want no space, got %w", what, err)
		}
		if err := errors.Join(o.Close(), os.Remove(wire.ObjectPath("sparse"))); err != nil {
			return err
		}
	}
	return nil
}

func TestHugePages(t *testing.T) {
	for _, mounted := range []string{"never", "advise", "within_size", "always"} {
		t.Run(mounted, func(t *testing.T) {
			child.Start(t, "huge pages", []string{mounted}, child.OwnMounts()).Finish()
		})
	}
}

// hugePagesRole creates and attaches in a /dev/shm that is mounted with huge pages or without. What must come of it depends on the machine
// only where the machine's policy says that it overrides the mount.
func hugePagesRole(args []string) error {
	mounted := args[0]
	if err := ownMemory("huge=" + mounted); err != nil {
		return err
	}
	policy, err := os.ReadFile(hugePagePolicy)
	if err != nil {
		return err
	}
	const size = 8<<20 + 4096
	o, err := Create("huge", size, 0o600, PageWish{HugePages: true})
	if err != nil {
		return err
	}
	if err := o.Link("huge"); err != nil {
		return err
	}
	other, err := Open("huge", true)
	if err != nil {
		return err
	}
	if err := other.MapFor(PageWish{HugePages: true, Prefault: true}); err != nil {
		return err
	}
	if err := other.PreparePages(); err != nil {
		return err
	}
	for who, got := range map[string]PageReport{"who creates": o.Pages(), "who attaches": other.Pages()} {
		if !got.Prefaulted {
			return fmt.Errorf("%s: not prefaulted: %+v", who, got)
		}
		given := got.HugePageBytes > 0 && got.HugePageBytes <= size && got.Reason == ""
		refused := func(reason string) bool { return got.HugePageBytes == 0 && strings.Contains(got.Reason, reason) }
		switch text := string(policy); {
		case strings.Contains(text, "[deny]"):
			given = refused("is deny")
		case !strings.Contains(text, "[force]") && mounted == "never":
			given = refused("mount -o remount,huge=advise /dev/shm")
		default:
			// None may be free just now.
			given = given || refused("or none were free")
		}
		if !given {
			return fmt.Errorf("%s: huge=%s, policy %s: %+v", who, mounted, policy, got)
		}
	}
	return errors.Join(o.Close(), other.Close())
}
