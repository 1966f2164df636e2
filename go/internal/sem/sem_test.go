//go:build linux

package sem

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// forever is longer than any test takes.
const forever = time.Minute

func newSemaphore(t *testing.T) (*Semaphore, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sem.zdgo")
	s, err := Replace(path, path+".new", 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, path
}

// group is a WaitGroup that starts what it waits for.
type group struct{ sync.WaitGroup }

func (g *group) run(f func()) {
	g.Add(1)
	go func() {
		defer g.Done()
		f()
	}()
}

func TestReplaceMakesACompleteImage(t *testing.T) {
	s, path := newSemaphore(t)
	image, err := os.ReadFile(path)
	require.NoError(t, err)
	want := make([]byte, wire.NamedSemaphoreSize)
	want[8] = byte(wire.SemaphoreSharedFlag)
	require.Equal(t, want, image)
	require.NoFileExists(t, path+".new")
	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	require.Equal(t, st.Ino, s.Inode())
	require.Zero(t, s.Value())
}

func TestReplaceIsAtomicAndLeavesTheOldOneToItsUsers(t *testing.T) {
	old, path := newSemaphore(t)
	old.PostIfZero()
	fresh, err := Replace(path, path+".new", 0o600)
	require.NoError(t, err)
	defer fresh.Close()
	require.NotEqual(t, old.Inode(), fresh.Inode())
	require.Zero(t, fresh.Value())
	require.Equal(t, uint32(1), old.Value())
	named, err := Open(path)
	require.NoError(t, err)
	defer named.Close()
	require.Equal(t, fresh.Inode(), named.Inode())
}

func TestReplaceUnderOpenersNeverShowsAHalfBuiltOne(t *testing.T) {
	_, path := newSemaphore(t)
	stop := make(chan struct{})
	var opened atomic.Int64
	var done group
	for range 2 {
		done.run(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s, err := Open(path)
				if !assert.NoError(t, err) {
					return
				}
				opened.Add(1)
				assert.NoError(t, s.Close())
			}
		})
	}
	for i := 0; i < 300 || opened.Load() < 300; i++ {
		s, err := Replace(path, path+".new", 0o600)
		require.NoError(t, err)
		require.NoError(t, s.Close())
		if t.Failed() {
			break
		}
	}
	close(stop)
	done.Wait()
}

func TestReplaceRemovesALeftoverAndHonoursTheModeUnderUmask(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sem.zdgo")
	require.NoError(t, os.WriteFile(path+".new", []byte("left over"), 0o400))
	old := syscall.Umask(0o077)
	s, err := Replace(path, path+".new", 0o666)
	syscall.Umask(old)
	require.NoError(t, err)
	defer s.Close()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o666), info.Mode().Perm())
}

func TestReplaceFailsWithoutAFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "sem.zdgo")
	_, err := Replace(path, path+".new", 0o600)
	require.ErrorIs(t, err, unix.ENOENT)
}

func TestReplaceThatCannotBeRenamedLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sem.zdgo")
	require.NoError(t, os.Mkdir(path, 0o700)) // a folder has the name
	_, err := Replace(path, path+".new", 0o600)
	require.Error(t, err)
	require.NoFileExists(t, path+".new")
}

func TestOpenRefusesWhatIsNoSemaphore(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		return path
	}
	private := make([]byte, wire.NamedSemaphoreSize)
	t.Run("missing", func(t *testing.T) {
		_, err := Open(filepath.Join(folder, "missing"))
		require.ErrorIs(t, err, unix.ENOENT)
	})
	t.Run("empty", func(t *testing.T) {
		_, err := Open(write("empty", nil))
		require.ErrorContains(t, err, "not a semaphore")
	})
	t.Run("short", func(t *testing.T) {
		_, err := Open(write("short", private[:31]))
		require.ErrorContains(t, err, "31 bytes")
	})
	t.Run("private flag", func(t *testing.T) {
		_, err := Open(write("private", private))
		require.ErrorContains(t, err, "not a process-shared glibc semaphore")
	})
	t.Run("folder", func(t *testing.T) {
		_, err := Open(folder)
		require.Error(t, err)
	})
	t.Run("symbolic link", func(t *testing.T) {
		_, path := newSemaphore(t)
		link := filepath.Join(folder, "link")
		require.NoError(t, os.Symlink(path, link))
		_, err := Open(link)
		require.ErrorIs(t, err, unix.ELOOP)
	})
}

func TestPostIfZeroKeepsOneToken(t *testing.T) {
	s, _ := newSemaphore(t)
	for range 5 {
		s.PostIfZero()
		require.Equal(t, uint32(1), s.Value())
	}
	require.True(t, s.Wait(0))
	require.False(t, s.Wait(0))
	require.Zero(t, s.Value())
	require.Zero(t, s.Sleepers())
}

func TestPostIfZeroFromManyThreadsKeepsOneToken(t *testing.T) {
	s, _ := newSemaphore(t)
	var done group
	for range 8 {
		done.run(func() {
			for range 2000 {
				s.PostIfZero()
				if v := s.Value(); v > 1 {
					t.Errorf("value %d", v)
					return
				}
			}
		})
	}
	done.Wait()
	require.Equal(t, uint32(1), s.Value())
}

func TestWaitTimesOutAndTakesItsWaiterBack(t *testing.T) {
	s, _ := newSemaphore(t)
	for _, timeout := range []time.Duration{-time.Second, 0, time.Nanosecond, time.Millisecond, 30 * time.Millisecond} {
		start := time.Now()
		require.False(t, s.Wait(timeout))
		require.GreaterOrEqual(t, time.Since(start), max(0, timeout))
		require.Zero(t, s.word.Load())
	}
}

// sleeper starts a waiter and returns when it is asleep, by the semaphore's own account.
func sleeper(t *testing.T, s *Semaphore) <-chan bool {
	t.Helper()
	got := make(chan bool, 1)
	go func() { got <- s.Wait(forever) }()
	require.Eventually(t, func() bool { return s.Sleepers() > 0 }, forever, time.Millisecond)
	return got
}

func TestPostWakesASleeper(t *testing.T) {
	s, _ := newSemaphore(t)
	for range 100 {
		got := sleeper(t, s)
		s.PostIfZero()
		require.True(t, <-got)
		require.Zero(t, s.word.Load())
	}
}

func TestASecondMappingWakesTheSleeperOfTheFirst(t *testing.T) {
	s, path := newSemaphore(t)
	other, err := Open(path)
	require.NoError(t, err)
	defer other.Close()
	got := sleeper(t, s)
	other.PostIfZero()
	require.True(t, <-got)
}

func TestNoTokenIsLostBetweenPostersAndAWaiter(t *testing.T) {
	const rounds = 20000
	ping, _ := newSemaphore(t)
	pong, _ := newSemaphore(t)
	var echo group
	echo.run(func() {
		for range rounds {
			if !ping.Wait(forever) {
				return
			}
			pong.PostIfZero()
		}
	})
	for i := range rounds {
		ping.PostIfZero()
		require.True(t, pong.Wait(forever), "round %d", i)
	}
	echo.Wait() // it may still be in the call whose token we took
	require.Zero(t, ping.word.Load())
	require.Zero(t, pong.word.Load())
}

// The Go runtime preempts threads with SIGURG, so every sleep is interrupted sooner or later.
func TestSignalsNeitherLoseTokensNorEndSleeps(t *testing.T) {
	s, _ := newSemaphore(t)
	stop := make(chan struct{})
	var storm group
	storm.run(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			threads, err := os.ReadDir("/proc/self/task")
			if err != nil {
				t.Error(err)
				return
			}
			for _, thread := range threads {
				tid := 0
				for _, digit := range thread.Name() {
					tid = 10*tid + int(digit-'0')
				}
				_ = unix.Tgkill(os.Getpid(), tid, unix.SIGURG) // a thread may be gone
			}
		}
	})
	for range 300 {
		got := sleeper(t, s)
		s.PostIfZero()
		require.True(t, <-got)
	}
	start := time.Now()
	require.False(t, s.Wait(200*time.Millisecond))
	require.GreaterOrEqual(t, time.Since(start), 200*time.Millisecond)
	close(stop)
	storm.Wait()
	require.Zero(t, s.word.Load())
}

func TestASleeperDoesNotHoldAProcessor(t *testing.T) {
	s, _ := newSemaphore(t)
	var sleepers []<-chan bool
	for range 8 { // more than there are processors
		sleepers = append(sleepers, sleeper(t, s))
	}
	for range sleepers {
		require.Eventually(t, func() bool { return s.Value() == 0 }, forever, 100*time.Microsecond)
		s.PostIfZero()
	}
	for _, got := range sleepers {
		require.True(t, <-got)
	}
}

func TestRemoveIfSameNeverRemovesASuccessor(t *testing.T) {
	old, path := newSemaphore(t)
	fresh, err := Replace(path, path+".new", 0o600)
	require.NoError(t, err)
	defer fresh.Close()
	require.NoError(t, old.RemoveIfSame(path))
	require.FileExists(t, path)
	require.NoError(t, fresh.RemoveIfSame(path))
	require.NoFileExists(t, path)
	require.NoError(t, fresh.RemoveIfSame(path), "gone already")
}

func TestCloseTwiceAndNil(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sem.zdgo")
	s, err := Replace(path, path+".new", 0o600)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	var none *Semaphore
	require.NoError(t, none.Close())
}

func TestWaitAndPostDoNotAllocate(t *testing.T) {
	s, _ := newSemaphore(t)
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		s.PostIfZero()
		s.Wait(time.Second)
	}))
	require.Zero(t, testing.AllocsPerRun(20, func() { s.Wait(time.Millisecond) }), "a sleep that times out")
}

func TestTheWordIsWhereTheSpecSays(t *testing.T) {
	s, _ := newSemaphore(t)
	require.Equal(t, uintptr(unsafe.Pointer(&s.mem[0])), uintptr(unsafe.Pointer(s.word)))
	require.Len(t, s.mem, wire.NamedSemaphoreSize)
}

func TestPostCountsTokensUpToTheHighestValue(t *testing.T) {
	s, _ := newSemaphore(t)
	for range 3 {
		require.NoError(t, s.Post())
	}
	require.Equal(t, uint32(3), s.Value())
	for range 3 {
		require.True(t, s.TryTake())
	}
	require.False(t, s.TryTake())
	s.word.Store(uint64(wire.SemaphoreValueMax) - 1)
	require.NoError(t, s.Post())
	require.ErrorIs(t, s.Post(), unix.EOVERFLOW)
	require.Equal(t, wire.SemaphoreValueMax, s.Value(), "a failed post changes nothing")
}

func TestPostBelowStopsAtItsLimit(t *testing.T) {
	s, _ := newSemaphore(t)
	posted := 0
	for range 100 {
		if s.PostBelow(wire.DataReadTokenLimit) {
			posted++
		}
	}
	require.EqualValues(t, wire.DataReadTokenLimit, posted)
	require.Equal(t, wire.DataReadTokenLimit, s.Value())
	require.True(t, s.TryTake())
	require.True(t, s.PostBelow(wire.DataReadTokenLimit))
}

func TestPostsOfAllKindsWakeASleeper(t *testing.T) {
	for what, post := range map[string]func(*Semaphore){
		"post": func(s *Semaphore) { assert.NoError(t, s.Post()) }, "below": func(s *Semaphore) { s.PostBelow(5) }, "if zero": (*Semaphore).PostIfZero,
	} {
		t.Run(what, func(t *testing.T) {
			s, _ := newSemaphore(t)
			var g group
			g.run(func() { assert.True(t, s.Wait(forever)) })
			for s.Sleepers() == 0 {
				time.Sleep(time.Millisecond)
			}
			post(s)
			g.Wait()
			require.Zero(t, s.word.Load())
		})
	}
}
