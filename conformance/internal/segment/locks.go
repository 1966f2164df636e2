package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lockFolder is where published implementations of v1 keep their owner locks.
type lockFolder struct{ who, path string }

// lockFolders are the two that there are, in the order in which whoever wants both must take them.
func lockFolders() []lockFolder {
	return []lockFolder{{"cpp_python", "/tmp/zerobuffer"}, {"csharp", filepath.Join(temporary(), "zerobuffer/locks")}}
}

func (f lockFolder) lock(name string) string { return filepath.Join(f.path, name+".lock") }

// ReadLocks says of both owner locks of a v1 buffer whether the file exists and whether somebody holds it.
func ReadLocks(name string) (map[string]any, error) {
	result := map[string]any{}
	for _, folder := range lockFolders() {
		held := false
		f, err := os.Open(folder.lock(name))
		exists := !errors.Is(err, fs.ErrNotExist)
		if exists {
			if err != nil {
				return nil, err
			}
			// Only a look: a lock that was free is given back at once.
			err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
			held = errors.Is(err, unix.EWOULDBLOCK)
			giveUp(f)
			if err != nil && !held {
				return nil, err
			}
		}
		result[folder.who+".exists"], result[folder.who+".held"] = exists, held
	}
	return result, nil
}

// Scan does to one buffer what a published reader does at the start to every one: a lock that nobody holds is removed, and with it the
// buffer if nobody lives in it. It says whether anything was removed.
func Scan(name string) (bool, error) {
	path := lockFolders()[0].lock(name)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer giveUp(f)
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := os.Remove(path); err != nil {
		return false, err
	}
	for _, field := range []string{"buffer.reader_pid", "buffer.writer_pid"} {
		pid, err := ReadField(name, field, 0)
		if err != nil {
			return true, nil // no buffer, nothing more to remove
		}
		if Alive(pid) {
			return true, nil
		}
	}
	return true, errors.Join(os.Remove(Path(name)), os.Remove(SemaphorePath(name, DataWritten)), os.Remove(SemaphorePath(name, DataRead)))
}

// Alive tells whether a process exists, as published implementations see it: a zombie does, too.
func Alive(pid uint64) bool {
	return pid != 0 && pid < 1<<31 && !errors.Is(unix.Kill(int(pid), 0), unix.ESRCH)
}

// takeLock takes an owner lock as every version does: an empty file, locked whole.
func takeLock(folder lockFolder, name string) (*os.File, error) {
	if err := os.MkdirAll(folder.path, 0o777); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(folder.lock(name), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("%s: %w", f.Name(), ErrHeld)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// giveUp closes a lock file. If its lock is ours, that does not wait for the last copy of the descriptor: an agent has one between its fork
// and its exec.
func giveUp(f *os.File) {
	_ = unix.Flock(int(f.Fd()), unix.LOCK_UN) // fails for bad descriptors only, which closing says
	f.Close()
}
