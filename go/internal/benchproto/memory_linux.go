package benchproto

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// SharedMemory is this process's share of a channel's memory in bytes: the proportional set size (Pss) of what it has mapped of the channel's
// objects and semaphores, in which a page counts half that both processes have touched. The control file, whose name begins with the
// channel's, does not count. The channel's names must still be there.
func SharedMemory(channel string) (bytes int64, err error) {
	inodes, err := inodesOf(channel)
	if err != nil {
		return 0, err
	}
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		return 0, fmt.Errorf("reading this process's memory: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read
	ours := false
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case !strings.HasSuffix(fields[0], ":"): // what a mapping begins with: addresses, rights, offset, device, inode, path
			ours = len(fields) > 5 && strings.HasPrefix(fields[5], sharedFolder) && inodes[fields[4]]
		case ours && fields[0] == "Pss:":
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading this process's memory: %q: %w", lines.Text(), err)
			}
			bytes += kilobytes << 10
		}
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("reading this process's memory: %w", err)
	}
	return bytes, nil
}

const sharedFolder = "/dev/shm/"

// inodesOf are those of a channel's objects and semaphores: a mapping does not know the name of what had none yet when it was mapped.
func inodesOf(channel string) (map[string]bool, error) {
	names, err := filepath.Glob(sharedFolder + "*" + channel + "*")
	if err != nil {
		return nil, fmt.Errorf("looking for what belongs to the channel: %w", err)
	}
	inodes := map[string]bool{}
	for _, name := range names {
		var st unix.Stat_t
		if strings.Contains(name, channel+".control") {
			continue
		}
		if err := unix.Stat(name, &st); err != nil {
			return nil, fmt.Errorf("looking at %s: %w", name, err)
		}
		inodes[strconv.FormatUint(st.Ino, 10)] = true
	}
	return inodes, nil
}

// WriteMemory is the server's side. Its answer to the frame makes it visible to the client.
func (l *Line) WriteMemory(bytes int64) { l.memory.Store(uint64(bytes) + 1) }

// ReadMemory is the client's side; nil: the server has not said.
func (l *Line) ReadMemory() *int64 {
	said := int64(l.memory.Load())
	if said == 0 {
		return nil
	}
	said--
	return &said
}
