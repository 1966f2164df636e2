package lock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// ErrHeld says that another process holds an owner lock.
var ErrHeld = errors.New("owner lock is held")

// sharedFolderMode lets every user keep locks in the folder and remove only his own.
const sharedFolderMode = 0o1777

// Owner is the pair of flock'ed files that ZeroBuffer v1 processes look at. It only keeps them away: where the files
// cannot be made, as with a read-only /tmp, the lock byte of the object decides alone.
type Owner struct {
	files []ownerFile
}

type ownerFile struct {
	path string
	fd   int
}

// AcquireOwner takes both owner locks of name, or fails with ErrHeld.
func AcquireOwner(name string) (*Owner, error) {
	tmp := os.Getenv("TMPDIR")
	if tmp == "" {
		tmp = "/tmp"
	}
	o := &Owner{}
	for _, path := range []string{wire.LockPath(name), wire.LockCsharpPath(tmp, name)} {
		fd, err := lockFile(path)
		switch {
		case err == nil:
			o.files = append(o.files, ownerFile{path, fd})
		case errors.Is(err, ErrHeld):
			return nil, errors.Join(fmt.Errorf("%s: %w", path, err), o.Release())
		case cannotExist(err):
			// No v1 process can lock there either.
		default:
			return nil, errors.Join(err, o.Release())
		}
	}
	return o, nil
}

func cannotExist(err error) bool {
	for _, errno := range []unix.Errno{unix.EROFS, unix.EACCES, unix.EPERM, unix.ENOENT, unix.ENOTDIR, unix.ENOSPC} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

func lockFile(path string) (int, error) {
	if err := makeFolders(filepath.Dir(path)); err != nil {
		return -1, err
	}
	for {
		fd, err := openOrCreate(path)
		if err != nil {
			return -1, err
		}
		if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
			unix.Close(fd)
			if errors.Is(err, unix.EWOULDBLOCK) {
				return -1, ErrHeld
			}
			return -1, fmt.Errorf("flock %s: %w", path, err)
		}
		// The previous holder unlinks the file while it holds the lock; what we locked may no longer be what the path names.
		var mine, named unix.Stat_t
		errMine, errNamed := unix.Fstat(fd, &mine), unix.Lstat(path, &named)
		if errMine == nil && errNamed == nil && mine.Dev == named.Dev && mine.Ino == named.Ino {
			return fd, nil
		}
		unix.Close(fd)
	}
}

// openOrCreate avoids O_CREAT on an existing file: in sticky folders the kernel may refuse that for files of other users.
func openOrCreate(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
		if errors.Is(err, unix.ENOENT) {
			fd, err = unix.Open(path, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o666)
			if errors.Is(err, unix.EEXIST) {
				continue
			}
		}
		if err != nil {
			return -1, fmt.Errorf("open %s: %w", path, err)
		}
		return fd, nil
	}
}

func makeFolders(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeFolders(parent); err != nil {
			return err
		}
	}
	if err := unix.Mkdir(dir, sharedFolderMode); err != nil {
		if errors.Is(err, unix.EEXIST) {
			return nil
		}
		return fmt.Errorf("create folder %s: %w", dir, err)
	}
	// The umask took bits away that the other users of the folder need.
	return unix.Chmod(dir, sharedFolderMode)
}

// Release unlinks the files while holding their locks, then releases them explicitly: a forked child may still hold the descriptors.
func (o *Owner) Release() error {
	if o == nil {
		return nil
	}
	var errs []error
	for _, f := range o.files {
		if err := unix.Unlink(f.path); err != nil && !errors.Is(err, unix.ENOENT) {
			errs = append(errs, fmt.Errorf("unlink %s: %w", f.path, err))
		}
		errs = append(errs, unix.Flock(f.fd, unix.LOCK_UN), unix.Close(f.fd))
	}
	o.files = nil
	return errors.Join(errs...)
}
