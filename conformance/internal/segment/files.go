package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Read returns every field of both blocks as request.X and response.X, and length, mode and uid of the object.
func Read(name string) (map[string]any, error) {
	result := map[string]any{}
	err := look(name, func(mem memory, info os.FileInfo) error {
		describe(result, info)
		result["payload_offset"] = mem.payload()
		for _, block := range []string{"request", "response"} {
			fields, err := mem.fields(block, 0)
			if err != nil {
				return err
			}
			for field, value := range fields {
				result[block+"."+field] = value
			}
			result[block+".identity"], _ = mem.get(block+".identity", 0) // cannot fail where the fields did not
		}
		return nil
	})
	return result, err
}

// describe adds what the kernel says of an object.
func describe(result map[string]any, info os.FileInfo) {
	stat := info.Sys().(*syscall.Stat_t)
	result["length"], result["mode"], result["uid"], result["inode"] = uint64(info.Size()), uint64(info.Mode().Perm()), uint64(stat.Uid), stat.Ino
}

// look looks at an object without copying it: it may be large.
func look(name string, at func(memory, os.FileInfo) error) error {
	f, err := os.Open(Path(name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return at(nil, info)
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	return errors.Join(at(mem, info), unix.Munmap(mem))
}

// ReadFrame returns the header at a position of the payload.
func ReadFrame(name string, position uint64) (map[string]any, error) {
	return readFields(name, "frame", position)
}

func readFields(name, block string, position uint64) (fields map[string]any, err error) {
	err = look(name, func(mem memory, _ os.FileInfo) (err error) {
		fields, err = mem.fields(block, position)
		return err
	})
	return fields, err
}

// ReadField returns one field.
func ReadField(name, path string, position uint64) (value uint64, err error) {
	err = look(name, func(mem memory, _ os.FileInfo) (err error) {
		value, err = mem.get(path, position)
		return err
	})
	return value, err
}

// ReadSemaphore returns what a semaphore's file says; exists is false when there is none.
func ReadSemaphore(name, which string) (map[string]any, error) {
	path := SemaphorePath(name, which)
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]any{"exists": false}, nil
	}
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(content) < 12 {
		return nil, fmt.Errorf("%s has only %d bytes", path, len(content))
	}
	value := memory(content).word(0)
	return map[string]any{
		"exists": true, "length": uint64(len(content)), "mode": uint64(info.Mode().Perm()),
		"value": value & 0xFFFFFFFF, "waiters": value >> 32, "shared": memory(content).word(8) & 0xFFFFFFFF,
	}, nil
}

// Leftovers lists every file that channels whose names begin with the prefix have left, wherever the protocol puts files.
func Leftovers(prefix string) ([]string, error) {
	patterns := []string{
		Path(prefix) + "*", Path("sem.sem-*-" + prefix + "*"), Path(".zd-" + prefix + "*"),
		"/tmp/zerobuffer/" + prefix + "*", filepath.Join(temporary(), "zerobuffer/locks", prefix+"*"),
	}
	var found []string
	for _, p := range patterns {
		matches, err := filepath.Glob(p)
		if err != nil {
			return nil, err
		}
		found = append(found, matches...)
	}
	return found, nil
}

func temporary() string {
	if t := os.Getenv("TMPDIR"); t != "" {
		return t
	}
	return "/tmp"
}

// MappedBy tells whether a process maps an object, or holds a descriptor of one, whose name begins with the prefix.
func MappedBy(pid int, prefix string) (string, error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, "/dev/shm/") && strings.Contains(line, prefix) {
			return "maps " + strings.TrimSpace(line), nil
		}
	}
	descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return "", err
	}
	for _, d := range descriptors {
		if target, err := os.Readlink(d); err == nil && strings.Contains(target, prefix) {
			return "has a descriptor of " + target, nil
		}
	}
	return "", nil
}

// Place puts something that is no channel under the name: file (size bytes of 0xAB), empty, zero (size bytes of 0), identity (size bytes,
// the first eight as given), v1 (a ZeroBuffer v1 header with that reader), directory, fifo, symlink (to a file of the caller's), and
// object-temporary (what a server leaves that died while it built the object). With what it stands in the place of that semaphore.
func Place(name, kind, what string, size, identity, pid, mode uint64) error {
	path := Path(name)
	if what != "" {
		path = SemaphorePath(name, what)
	}
	content := make([]byte, size)
	switch kind {
	case "empty":
		content = nil
	case "zero":
	case "file":
		for i := range content {
			content[i] = 0xAB
		}
	case "identity":
		put(content, 0, identity)
	case "v1":
		content = make([]byte, 128+max(size, 1024))
		put(content, 0, 0x0000000100000080)
		put(content, 32, max(size, 1024))
		put(content, 40, max(size, 1024))
		put(content, 88, pid) // reader_pid
	case "temporary":
		path = Path(".zd-" + name + ".object")
	case "directory":
		return os.Mkdir(path, 0o755)
	case "fifo":
		return unix.Mkfifo(path, 0o600)
	case "symlink":
		return os.Symlink("/nonexistent/zeroduplex", path)
	default:
		return fmt.Errorf("unknown kind %q", kind)
	}
	return os.WriteFile(path, content, fs.FileMode(mode))
}

// Remove takes away one of a name's files: the object, or what says (a semaphore, or locks: both owner locks of a v1 buffer).
func Remove(name, what string) error {
	switch what {
	case "":
		return os.Remove(Path(name))
	case "locks":
		var errs []error
		for _, folder := range lockFolders() {
			errs = append(errs, os.Remove(folder.lock(name)))
		}
		return errors.Join(errs...)
	default:
		return os.Remove(SemaphorePath(name, what))
	}
}

func put(content []byte, offset int, value uint64) {
	for i := range 8 {
		content[offset+i] = byte(value >> (8 * i))
	}
}
