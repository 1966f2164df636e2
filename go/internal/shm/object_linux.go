package shm

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/birth"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// reserveChunk bounds one fallocate call, which a signal would otherwise make start all over.
const reserveChunk = 16 << 20

// Object is a shared-memory object, mapped or not. It is not safe for concurrent use.
type Object struct {
	fd        int
	mem       []byte
	size      uint64
	dev, ino  uint64
	uid       uint32
	mode      os.FileMode
	temporary string // name to remove after Link, when the object could not be made without one
	wish      PageWish
	pages     PageReport
}

// Create makes an object of size bytes that has no name yet, reserves every page and maps it for a wish; one for huge pages prefaults as
// well. Reserving turns a full /dev/shm into ErrNoSpace here instead of a SIGBUS later.
func Create(name string, size uint64, mode os.FileMode, wish PageWish) (*Object, error) {
	fd, temporary, err := createNameless(name, mode)
	if err != nil {
		return nil, err
	}
	return complete(&Object{fd: fd, temporary: temporary}, size, mode, wish)
}

// complete gives a new file its size and its pages and maps it, or closes it.
func complete(o *Object, size uint64, mode os.FileMode, wish PageWish) (*Object, error) {
	err := o.extend(size, mode)
	if err == nil {
		err = o.stat()
	}
	if err == nil {
		err = o.MapFor(wish)
	}
	if err == nil {
		err = o.reservePages()
	}
	if err == nil {
		err = o.PreparePages()
	}
	if err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

func createNameless(name string, mode os.FileMode) (int, string, error) {
	temporary := wire.TemporaryPath(name, "object")
	// A crashed predecessor may have left one behind.
	if err := unix.Unlink(temporary); err != nil && !errors.Is(err, unix.ENOENT) {
		return -1, "", fmt.Errorf("remove leftover %s: %w", temporary, classify(err))
	}
	fd, err := unix.Open(filepath.Dir(temporary), unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, uint32(mode.Perm()))
	if err == nil && hasProc(fd) {
		return fd, "", nil
	}
	if err == nil {
		unix.Close(fd)
	}
	return createTemporary(temporary, mode)
}

// createTemporary is the way for file systems without O_TMPFILE and for processes without /proc, through which Link goes.
func createTemporary(temporary string, mode os.FileMode) (int, string, error) {
	fd, err := unix.Open(temporary, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC|unix.O_NOFOLLOW, uint32(mode.Perm()))
	if err != nil {
		return -1, "", fmt.Errorf("create %s: %w", temporary, classify(err))
	}
	return fd, temporary, nil
}

func hasProc(fd int) bool {
	var st unix.Stat_t
	return unix.Stat(procPath(fd), &st) == nil
}

func (o *Object) extend(size uint64, mode os.FileMode) error {
	if err := unix.Fchmod(o.fd, uint32(mode.Perm())); err != nil {
		return fmt.Errorf("set mode: %w", classify(err))
	}
	if err := checkFree(o.fd, size); err != nil {
		return err
	}
	if err := unix.Ftruncate(o.fd, int64(size)); err != nil {
		return fmt.Errorf("set size %d: %w", size, classify(err))
	}
	return nil
}

func reserve(fd int, size uint64) error {
	for done := uint64(0); done < size; {
		n := min(size-done, reserveChunk)
		err := unix.Fallocate(fd, 0, int64(done), int64(n))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reserve %d bytes: %w", size, classify(err))
		}
		done += n
	}
	return nil
}

// checkFree refuses what cannot fit before any page is reserved. Reserving in chunks until the file system is full would starve
// everybody else's objects meanwhile.
func checkFree(fd int, size uint64) error {
	var fs unix.Statfs_t
	err := unix.Fstatfs(fd, &fs)
	for errors.Is(err, unix.EINTR) {
		err = unix.Fstatfs(fd, &fs)
	}
	// A file system without a limit says that it has no blocks.
	if err != nil || fs.Blocks == 0 {
		return nil
	}
	if free := fs.Bavail * uint64(fs.Bsize); size > free {
		return fmt.Errorf("reserve %d bytes: %w: %d bytes are free", size, ErrNoSpace, free)
	}
	return nil
}

// Open opens an existing object without mapping it.
func Open(name string, writable bool) (*Object, error) {
	flags := unix.O_RDONLY
	if writable {
		flags = unix.O_RDWR
	}
	// O_NONBLOCK: a FIFO under that name must not make us wait.
	fd, err := unix.Open(wire.ObjectPath(name), flags|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", wire.ObjectPath(name), classify(err))
	}
	o := &Object{fd: fd}
	if err := o.stat(); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return o, nil
}

func (o *Object) stat() error {
	var st unix.Stat_t
	if err := unix.Fstat(o.fd, &st); err != nil {
		return fmt.Errorf("stat object: %w", err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return ErrNotRegular
	}
	o.size, o.dev, o.ino, o.uid, o.mode = uint64(st.Size), st.Dev, st.Ino, st.Uid, os.FileMode(st.Mode).Perm()
	return nil
}

// Map maps the whole object.
func (o *Object) Map(writable bool) error {
	prot := unix.PROT_READ
	if writable {
		prot |= unix.PROT_WRITE
	}
	if o.size == 0 || o.size > uint64(^uint(0)>>1) {
		return fmt.Errorf("cannot map %d bytes", o.size)
	}
	mem, err := unix.Mmap(o.fd, 0, int(o.size), prot, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map object: %w", classify(err))
	}
	o.mem = mem
	return nil
}

// Bytes is the mapping, nil before Map.
func (o *Object) Bytes() []byte { return o.mem }

// Size is the object's length in bytes when it was opened or created.
func (o *Object) Size() uint64 { return o.size }

// Owner is the user id of the object's owner.
func (o *Object) Owner() uint32 { return o.uid }

// Mode is the object's permission bits.
func (o *Object) Mode() os.FileMode { return o.mode }

// Link gives the object its name, ErrExists when the name is taken.
func (o *Object) Link(name string) error {
	source := o.temporary
	if source == "" {
		source = procPath(o.fd)
	}
	if err := unix.Linkat(unix.AT_FDCWD, source, unix.AT_FDCWD, wire.ObjectPath(name), unix.AT_SYMLINK_FOLLOW); err != nil {
		return fmt.Errorf("link %s: %w", wire.ObjectPath(name), classify(err))
	}
	if o.temporary == "" {
		return nil
	}
	temporary := o.temporary
	o.temporary = ""
	return unix.Unlink(temporary)
}

// Reopen opens a second open file description of the object. A lock taken through it lives exactly as long as that description,
// while one taken through a mapped description would live as long as the mapping. The caller closes it.
func (o *Object) Reopen(name string, writable bool) (int, error) {
	flags := unix.O_RDONLY
	if writable {
		flags = unix.O_RDWR
	}
	path := procPath(o.fd)
	if !hasProc(o.fd) {
		path = wire.ObjectPath(name)
		if o.temporary != "" {
			path = o.temporary
		}
	}
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open object again: %w", classify(err))
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Ino != o.ino || st.Dev != o.dev {
		unix.Close(fd)
		return -1, ErrNotExist // the name means another object by now
	}
	return fd, nil
}

// Linked reports whether any name still leads to the object.
func (o *Object) Linked() (bool, error) {
	var st unix.Stat_t
	if err := unix.Fstat(o.fd, &st); err != nil {
		return false, fmt.Errorf("stat object: %w", err)
	}
	return st.Nlink > 0, nil
}

// Born tells when the object was made.
func (o *Object) Born() birth.Time { return birth.Of(o.fd) }

// IsNamed reports whether name leads to this very object.
func (o *Object) IsNamed(name string) bool {
	var st unix.Stat_t
	return unix.Lstat(wire.ObjectPath(name), &st) == nil && st.Dev == o.dev && st.Ino == o.ino
}

// RemoveIfNamed unlinks name when it still leads to this object.
func (o *Object) RemoveIfNamed(name string) error {
	if !o.IsNamed(name) {
		return nil
	}
	if err := unix.Unlink(wire.ObjectPath(name)); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unlink %s: %w", wire.ObjectPath(name), err)
	}
	return nil
}

// Read copies from the object without mapping it, for objects that may be too short to map safely. It returns the bytes read.
func (o *Object) Read(p []byte) (int, error) { return unix.Pread(o.fd, p, 0) }

// Descriptor is the object's file descriptor, owned by the object.
func (o *Object) Descriptor() int { return o.fd }

// Close unmaps and closes. A temporary name that was never linked is removed.
func (o *Object) Close() error {
	if o == nil || o.fd < 0 {
		return nil
	}
	var errs []error
	if o.temporary != "" {
		errs = append(errs, unix.Unlink(o.temporary))
	}
	if o.mem != nil {
		errs = append(errs, unix.Munmap(o.mem))
	}
	errs = append(errs, unix.Close(o.fd))
	o.fd, o.mem, o.temporary = -1, nil, ""
	return errors.Join(errs...)
}

// CloseDescriptor closes a descriptor that Reopen gave.
func CloseDescriptor(fd int) error { return unix.Close(fd) }

func procPath(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// classify adds the error that callers tell apart to a system error.
func classify(err error) error {
	for errno, class := range map[unix.Errno]error{
		unix.ENOENT: ErrNotExist, unix.EEXIST: ErrExists, unix.ELOOP: ErrNotRegular, unix.EISDIR: ErrNotRegular, unix.ENXIO: ErrNotRegular,
		unix.ENOSPC: ErrNoSpace, unix.ENOMEM: ErrNoSpace, unix.EDQUOT: ErrNoSpace, unix.EFBIG: ErrNoSpace, unix.EACCES: ErrPermission, unix.EPERM: ErrPermission,
	} {
		if errors.Is(err, errno) {
			return errors.Join(class, err)
		}
	}
	return err
}
