package segment

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Operations of the kernel's futex call.
const (
	futexWait = 0
	futexWake = 1
)

// semaphore is a POSIX semaphore in glibc's layout: value in the low half of a word, waiters in the high half.
type semaphore []byte

func openSemaphore(name, which string) (semaphore, error) {
	f, err := os.OpenFile(SemaphorePath(name, which), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	mem, err := unix.Mmap(int(f.Fd()), 0, semaphoreSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return mem, err
}

func (s semaphore) word() *uint64 { return (*uint64)(unsafe.Pointer(&s[0])) }

func (s semaphore) value() uint32 { return uint32(atomic.LoadUint64(s.word())) }

// post adds a token and wakes a waiter.
func (s semaphore) post() error {
	if atomic.AddUint64(s.word(), 1)>>32 == 0 {
		return nil
	}
	return s.futex(futexWake, 1, nil)
}

// futex acts on the value, which is the word's low half.
func (s semaphore) futex(operation, value uintptr, timeout *unix.Timespec) error {
	_, _, errno := unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(s.word())), operation, value, uintptr(unsafe.Pointer(timeout)), 0, 0)
	if errno != 0 && errno != unix.EAGAIN && errno != unix.ETIMEDOUT && errno != unix.EINTR {
		return errno
	}
	return nil
}

// take takes a token, if there is one.
func (s semaphore) take() bool {
	for {
		word := atomic.LoadUint64(s.word())
		if uint32(word) == 0 {
			return false
		}
		if atomic.CompareAndSwapUint64(s.word(), word, word-1) {
			return true
		}
	}
}

// wait takes a token, and sleeps for it.
func (s semaphore) wait(patience time.Duration) (bool, error) {
	deadline := time.Now().Add(patience)
	const waiter = 1 << 32
	atomic.AddUint64(s.word(), waiter)
	defer atomic.AddUint64(s.word(), ^uint64(waiter-1))
	for !s.take() {
		left := time.Until(deadline)
		if left <= 0 {
			return false, nil
		}
		timeout := unix.NsecToTimespec(left.Nanoseconds())
		if err := s.futex(futexWait, 0, &timeout); err != nil {
			return false, err
		}
	}
	return true, nil
}

// set makes the value what it is told.
func (s semaphore) set(value uint32) {
	for {
		word := atomic.LoadUint64(s.word())
		if atomic.CompareAndSwapUint64(s.word(), word, word>>32<<32|uint64(value)) {
			return
		}
	}
}

func (s semaphore) close() error { return unix.Munmap(s) }

// CreateSemaphores makes both semaphores of a v1 buffer.
func CreateSemaphores(name string, mode os.FileMode) error {
	return errors.Join(createSemaphore(name, DataWritten, mode), createSemaphore(name, DataRead, mode))
}

// createSemaphore makes a semaphore's file, value 0, complete before it has its name; an old one is replaced.
func createSemaphore(name, which string, mode os.FileMode) error {
	image := make([]byte, semaphoreSize)
	image[8] = sharedFlag
	temporary := Path(".zd-" + name + ".semaphore")
	if err := errors.Join(os.WriteFile(temporary, image, mode), os.Chmod(temporary, mode)); err != nil {
		return err
	}
	if err := os.Rename(temporary, SemaphorePath(name, which)); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return nil
}

// withSemaphore does something to a semaphore of an object.
func withSemaphore(name, which string, do func(semaphore) error) error {
	s, err := openSemaphore(name, which)
	if err != nil {
		return fmt.Errorf("semaphore %s: %w", which, err)
	}
	return errors.Join(do(s), s.close())
}
