package sem

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/birth"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// x/sys has no constants for the futex operations.
const (
	futexWake       = 1
	futexWaitBitset = 9
	futexMatchAny   = 0xffffffff
)

// oneWaiter is one waiter in the high half of the semaphore's word.
const oneWaiter = uint64(1) << 32

// Semaphore is a mapped named semaphore. All methods but Close are safe for concurrent use.
type Semaphore struct {
	mem  []byte
	word *atomic.Uint64
	ino  uint64
	born birth.Time
}

// Replace puts a new semaphore of value 0 in place of whatever path named before. The file is complete before it becomes
// visible, so that nobody ever maps a half-built one.
func Replace(path, temporary string, mode os.FileMode) (*Semaphore, error) {
	if err := unix.Unlink(temporary); err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("remove leftover %s: %w", temporary, err)
	}
	fd, err := unix.Open(temporary, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW, uint32(mode.Perm()))
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", temporary, err)
	}
	defer unix.Close(fd)
	s, err := build(fd, mode)
	if err == nil {
		if err = unix.Rename(temporary, path); err != nil {
			err = errors.Join(fmt.Errorf("rename to %s: %w", path, err), s.Close())
		}
	}
	if err != nil {
		return nil, errors.Join(err, unix.Unlink(temporary))
	}
	return s, nil
}

func build(fd int, mode os.FileMode) (*Semaphore, error) {
	// The umask was applied at open; the mode asked for is the mode wanted.
	if err := unix.Fchmod(fd, uint32(mode.Perm())); err != nil {
		return nil, fmt.Errorf("set mode of semaphore: %w", err)
	}
	// Writing allocates the page now, so that a full /dev/shm is an error here and not a SIGBUS at the first post.
	var image [wire.NamedSemaphoreSize]byte
	(*wire.NamedSemaphore)(unsafe.Pointer(&image)).Shared = wire.SemaphoreSharedFlag
	n, err := unix.Write(fd, image[:])
	if err == nil && n != len(image) {
		err = unix.ENOSPC
	}
	if err != nil {
		return nil, fmt.Errorf("write semaphore: %w", err)
	}
	return mapFile(fd)
}

// Open maps the existing semaphore at path.
func Open(path string) (*Semaphore, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	return mapFile(fd)
}

func mapFile(fd int) (*Semaphore, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, fmt.Errorf("stat semaphore: %w", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size < wire.NamedSemaphoreSize {
		return nil, fmt.Errorf("not a semaphore: mode %#o, %d bytes", st.Mode, st.Size)
	}
	mem, err := unix.Mmap(fd, 0, wire.NamedSemaphoreSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map semaphore: %w", err)
	}
	s := (*wire.NamedSemaphore)(unsafe.Pointer(&mem[0]))
	if s.Shared != wire.SemaphoreSharedFlag {
		// A private futex of a glibc peer would never be woken by us, nor ours by it.
		return nil, errors.Join(fmt.Errorf("not a process-shared glibc semaphore (flag %d)", s.Shared), unix.Munmap(mem))
	}
	return &Semaphore{mem: mem, word: s.ValueAndWaiters(), ino: st.Ino, born: birth.Of(fd)}, nil
}

// Value is what sem_getvalue gives.
func (s *Semaphore) Value() uint32 { return uint32(s.word.Load()) }

// Sleepers is how many sleep on it, those included that died in their sleep.
func (s *Semaphore) Sleepers() uint32 { return uint32(s.word.Load() >> 32) }

// Born tells when the semaphore was made.
func (s *Semaphore) Born() birth.Time { return s.born }

// Inode identifies the semaphore's file, to find out whether a path still names it.
func (s *Semaphore) Inode() uint64 { return s.ino }

// PostIfZero posts when the value reads 0. It is the protocol's one posting rule: tokens stay bounded and a peer that spins costs nothing.
// The caller has changed the state that the sleeper looks at before; the atomic load here is sequentially consistent with that change
// (pairs with the sleeper, which takes its token first and looks afterwards).
func (s *Semaphore) PostIfZero() {
	if s.Value() == 0 {
		s.PostBelow(1)
	}
}

// Post posts in any case. It fails when the value is the highest that a semaphore can have. Memory order as with PostIfZero.
func (s *Semaphore) Post() error {
	if !s.PostBelow(wire.SemaphoreValueMax) {
		return fmt.Errorf("post semaphore: %w", unix.EOVERFLOW)
	}
	return nil
}

// PostBelow posts unless the value has reached limit, and reports whether it did. Memory order as with PostIfZero.
func (s *Semaphore) PostBelow(limit uint32) bool {
	for {
		d := s.word.Load()
		if uint32(d) >= limit {
			return false
		}
		if s.word.CompareAndSwap(d, d+1) {
			if d>>32 != 0 {
				s.wake()
			}
			return true
		}
	}
}

func (s *Semaphore) wake() {
	// The only documented failures are bad arguments; there is nothing a poster could do about them.
	_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(s.word)), futexWake, 1, 0, 0, 0)
}

// Wait sleeps until it took a token (true) or the timeout passed (false). Timeouts of zero or less only try.
func (s *Semaphore) Wait(timeout time.Duration) bool {
	if s.TryTake() {
		return true
	}
	if timeout <= 0 {
		return false
	}
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		return false
	}
	deadline := unix.NsecToTimespec(now.Nano() + timeout.Nanoseconds())
	d := s.word.Add(oneWaiter)
	for {
		if uint32(d) != 0 {
			if s.word.CompareAndSwap(d, d-1-oneWaiter) {
				return true
			}
		} else {
			// Syscall6, not RawSyscall6: the sleep must not hold the P, or sleepers could stop the whole process.
			_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(s.word)), futexWaitBitset, 0,
				uintptr(unsafe.Pointer(&deadline)), 0, futexMatchAny)
			if errno == unix.ETIMEDOUT {
				s.word.Add(^(oneWaiter - 1))
				return false
			}
		}
		d = s.word.Load()
	}
}

// TryTake takes a token if there is one. It never sleeps.
func (s *Semaphore) TryTake() bool {
	for {
		d := s.word.Load()
		if uint32(d) == 0 {
			return false
		}
		if s.word.CompareAndSwap(d, d-1) {
			return true
		}
	}
}

// Close unmaps the semaphore. Nobody may be using it any more.
func (s *Semaphore) Close() error {
	if s == nil || s.mem == nil {
		return nil
	}
	mem := s.mem
	s.mem, s.word = nil, nil
	return unix.Munmap(mem)
}

// RemoveIfSame unlinks path when it still names this semaphore, so that a successor's is never removed.
func (s *Semaphore) RemoveIfSame(path string) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		return err
	}
	if st.Ino != s.ino {
		return nil
	}
	if err := unix.Unlink(path); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}
