package inspect

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// readSemaphore reads the file of a named semaphore as glibc lays it out.
func readSemaphore(path string) (value, waiters uint32, err error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return 0, 0, &os.PathError{Op: "open", Path: path, Err: err}
	}
	file := os.NewFile(uintptr(fd), path)
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return 0, 0, err
	}
	if !info.Mode().IsRegular() || info.Size() < wire.NamedSemaphoreSize {
		return 0, 0, fmt.Errorf("want a regular file of %d bytes, found %s of %d", wire.NamedSemaphoreSize, info.Mode(), info.Size())
	}
	image := make([]byte, wire.NamedSemaphoreSize)
	if _, err := file.ReadAt(image, 0); err != nil {
		return 0, 0, err
	}
	m := memory(image)
	if shared := m.u32(wire.NamedSemaphoreSharedOffset); shared != wire.SemaphoreSharedFlag {
		return 0, 0, fmt.Errorf("shared flag is %d, not %d: waiters in other processes would sleep on", shared, wire.SemaphoreSharedFlag)
	}
	return m.u32(wire.NamedSemaphoreValueOffset), m.u32(wire.NamedSemaphoreWaitersOffset), nil
}
