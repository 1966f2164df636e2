package process

import (
	"bytes"
	"errors"
	"math"
	"strconv"

	"golang.org/x/sys/unix"
)

// Alive reports whether a process of this id lives in our pid namespace. A zombie does not: it will never touch shared memory again.
// One that cannot be looked at counts as alive, since a living peer must never be declared dead.
func Alive(pid uint64) bool {
	if pid == 0 || pid > math.MaxInt32 {
		return false
	}
	if err := unix.Kill(int(pid), 0); err != nil && !errors.Is(err, unix.EPERM) {
		return false
	}
	var line [1024]byte
	n, err := readStart("/proc/"+strconv.FormatUint(pid, 10)+"/stat", line[:])
	return err != nil || !isZombie(line[:n])
}

// readStart fills a buffer with the beginning of a file of /proc. Idle waits look at their peer ten times a second: package os would make
// a buffer each time and ask whether the file can be polled.
func readStart(path string, into []byte) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, err
		}
		n, err := unix.Read(fd, into)
		unix.Close(fd)
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// isZombie reads a line of /proc/PID/stat. A process whose first thread has ended looks like a zombie while its other threads run.
func isZombie(stat []byte) bool {
	// The name in parentheses may contain anything, so what follows its end is counted: state is the first field, num_threads the 18th.
	const threads = 17
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= threads || !bytes.Equal(fields[0], []byte("Z")) && !bytes.Equal(fields[0], []byte("X")) {
		return false
	}
	n, err := strconv.Atoi(string(fields[threads]))
	return err == nil && n <= 1
}
