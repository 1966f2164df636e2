package lock

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// TryByte takes an exclusive open-file-description lock on one byte through fd. It reports false when another description holds it.
// The kernel drops the lock when the last descriptor of this open file description is closed, however the process ends.
func TryByte(fd int, offset uint64) (bool, error) {
	l := unix.Flock_t{Type: unix.F_WRLCK, Start: int64(offset), Len: 1}
	err := fcntl(fd, unix.F_OFD_SETLK, &l)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock byte %d: %w", offset, err)
	}
	return true, nil
}

// UnlockByte releases a byte taken through the same open file description.
func UnlockByte(fd int, offset uint64) error {
	l := unix.Flock_t{Type: unix.F_UNLCK, Start: int64(offset), Len: 1}
	if err := fcntl(fd, unix.F_OFD_SETLK, &l); err != nil {
		return fmt.Errorf("unlock byte %d: %w", offset, err)
	}
	return nil
}

// ByteHeld reports whether another open file description holds the byte.
func ByteHeld(fd int, offset uint64) (bool, error) {
	l := unix.Flock_t{Type: unix.F_WRLCK, Start: int64(offset), Len: 1}
	if err := fcntl(fd, unix.F_OFD_GETLK, &l); err != nil {
		return false, fmt.Errorf("query lock of byte %d: %w", offset, err)
	}
	return l.Type != unix.F_UNLCK, nil
}

func fcntl(fd, cmd int, l *unix.Flock_t) error {
	for {
		if err := unix.FcntlFlock(uintptr(fd), cmd, l); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
