package inspect

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/lock"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// Read reports on the channel of a name. The error says why there is nothing to report on: a name against the rules, no
// such object, no permission, or an object that is not ours (ErrForeign).
func Read(name string) (*Report, error) {
	if !wire.ValidName(name) {
		return nil, fmt.Errorf("%q is no channel name: want %d to %d characters of %s, not beginning with %q",
			name, wire.NameMinimum, wire.NameMaximum, wire.NamePattern, wire.NameForbiddenPrefixes)
	}
	report := &Report{SchemaVersion: SchemaVersion, Name: name, Path: wire.ObjectPath(name), Problems: []string{}, Semaphores: []Semaphore{}}
	// Not blocking: the name may be a pipe's.
	fd, err := unix.Open(report.Path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("no channel named %q: %s does not exist%s", name, report.Path, hintV1(name))
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", report.Path, err)
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, fmt.Errorf("looking at %s: %w", report.Path, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fmt.Errorf("%s is %w: it is no regular file", report.Path, ErrForeign)
	}
	report.Length = uint64(stat.Size)
	if err := report.readObject(fd); err != nil {
		return nil, fmt.Errorf("%s: %w", report.Path, err)
	}
	if report.V2 != nil {
		if report.V2.Alive, err = readLocks(fd); err != nil {
			return nil, fmt.Errorf("looking at the locks of %s: %w", report.Path, err)
		}
	}
	report.readSemaphores()
	return report, nil
}

// hintV1 names the buffers of a v1 duplex channel, which are objects of their own.
func hintV1(name string) string {
	for _, buffer := range []string{name + "_request", name + "_response"} {
		if _, err := os.Stat(wire.ObjectPath(buffer)); err == nil {
			return fmt.Sprintf("; it is a channel of ZeroBuffer v1: look at %s_request and %s_response", name, name)
		}
	}
	return ""
}

// readObject maps the object and decodes it.
func (r *Report) readObject(fd int) (err error) {
	if r.Length == 0 {
		return r.decode(nil)
	}
	mapped, err := unix.Mmap(fd, 0, int(r.Length), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("mapping: %w", err)
	}
	defer func() { err = errors.Join(err, unix.Munmap(mapped)) }()
	// Somebody may truncate the object while it is read; the fault then becomes an error.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch caught := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = fmt.Errorf("the object shrank while it was read (fault at %#x)", caught.Addr())
		default:
			panic(caught)
		}
	}()
	return r.decode(mapped)
}

// readLocks asks who holds the lock bytes. Asking takes nothing.
func readLocks(fd int) (a Alive, err error) {
	if a.Server, err = lock.ByteHeld(fd, wire.LockByteServer); err != nil {
		return a, err
	}
	a.Client, err = lock.ByteHeld(fd, wire.LockByteClient)
	return a, err
}

func (r *Report) readSemaphores() {
	for _, info := range wire.Semaphores {
		if info.Protocol != r.Protocol {
			continue
		}
		s := Semaphore{Name: strings.ReplaceAll(info.Template, "{name}", r.Name)}
		s.Path = wire.SemaphorePath(s.Name)
		switch value, waiters, err := readSemaphore(s.Path); {
		case err == nil:
			s.Present, s.Value, s.Waiters = true, value, waiters
		case !errors.Is(err, os.ErrNotExist):
			r.problem("semaphore %s: %v", s.Name, err)
		}
		r.Semaphores = append(r.Semaphores, s)
	}
}
