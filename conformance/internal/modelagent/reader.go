package modelagent

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
	"golang.org/x/sys/unix"
)

// reader is the reading end, which owns the buffer.
type reader struct {
	fault    Fault
	name     string
	raw      segment.RawBuffer
	mu       sync.Mutex // over everything below
	closed   bool
	broken   error // sticky
	payload  uint64
	position uint64
	count    uint64
	expected uint64
	seen     bool // a writer was attached
	held     []*received
	reads    int
}

// received is a frame that was read.
type received struct {
	r              *reader
	sequence, size uint64
	data           []byte
	released       bool
	waste          uint64 // of a tail, which is no frame
}

func create(fault Fault, name string, metadata, payload uint64, mode fs.FileMode) (*reader, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if metadata > 1<<30 || payload < 64 || payload > 1<<62 {
		return nil, fail("invalid_argument", "sizes")
	}
	var shm unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &shm); err != nil {
		return nil, err
	}
	if payload > shm.Bavail*uint64(shm.Bsize) {
		return nil, fail("out_of_memory", "%d", payload)
	}
	r := &reader{fault: fault, name: name, payload: up(payload), expected: 1}
	if err := r.create(up(metadata), mode); err != nil {
		var known *failure
		if !errors.As(err, &known) {
			// Half of it is there.
			err = fail("system", "%v", err)
			r.unlink(func(which string) bool {
				info, err := os.Lstat(segment.SemaphorePath(name, which))
				return err == nil && info.Mode().IsRegular()
			})
		}
		_ = r.raw.Crash() // the error is what matters
		if !is(err, "reader_already_connected") {
			_ = segment.Remove(name, "locks")
		}
		return nil, err
	}
	return r, nil
}

func (r *reader) create(metadata uint64, mode fs.FileMode) error {
	if r.fault == TakesOneLock {
		if err := r.raw.TakeLocks(r.name); err != nil {
			return fail("reader_already_connected", "%v", err)
		}
		_ = r.raw.Crash()
	} else if err := r.raw.TakeLocks(r.name); err != nil && r.fault != DeletesLiving {
		return fail("reader_already_connected", "%v", err)
	}
	if err := r.clearName(); err != nil {
		return err
	}
	how := segment.RawBuilding{Metadata: metadata, Payload: r.payload, Semaphores: true, Mode: mode}
	if r.fault == VisibleTooSoon {
		how.Semaphores = false
		if err := r.raw.Build(r.name, how); err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
		return segment.CreateSemaphores(r.name, mode)
	}
	return r.raw.Build(r.name, how)
}

// clearName removes what a dead reader left under the name.
func (r *reader) clearName() error {
	content := make([]byte, 128)
	info, err := os.Lstat(segment.Path(r.name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return fail("name_in_use", "it is no file")
	}
	f, err := os.OpenFile(segment.Path(r.name), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	n, _ := f.ReadAt(content, 0) // less than all of it is no buffer
	id, pid := word(content, 0), word(content, 88)
	lock := unix.Flock_t{Type: unix.F_WRLCK, Start: 0, Len: 1}
	switch {
	case n == 0 || id == 0:
	case id == identity && alive(pid) && r.fault != DeletesLiving:
		return fail("reader_already_connected", "%d", pid)
	case id == identity:
	case id == 0x0000000200000058 && unix.FcntlFlock(f.Fd(), unix.F_OFD_GETLK, &lock) == nil && lock.Type == unix.F_UNLCK:
	default:
		return fail("name_in_use", "%#x", id)
	}
	return os.Remove(segment.Path(r.name))
}

func word(content []byte, at int) uint64 { return binary.LittleEndian.Uint64(content[at:]) }

func putWord(content []byte, value uint64) { binary.LittleEndian.PutUint64(content, value) }

func (r *reader) get(field string) uint64 { v, _ := r.raw.Get("buffer."+field, 0); return v }

func (r *reader) set(field string, value uint64) { _ = r.raw.Set("buffer."+field, 0, value) }

func (r *reader) metadata() ([]byte, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, false, fail("closed", "the reader")
	}
	written := r.get("metadata_written_bytes")
	if written == 0 {
		return nil, false, nil
	}
	if written < 8 || written > r.get("metadata_size") {
		return nil, false, fail("corrupted", "%d bytes of metadata", written)
	}
	block, err := r.raw.Metadata(written)
	if err != nil {
		return nil, false, err
	}
	size := word(block, 0)
	if size > written-8 {
		return nil, false, fail("corrupted", "%d of %d bytes of metadata", size, written)
	}
	return block[8 : 8+size], true, nil
}

func (r *reader) connected() (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false, fail("closed", "the reader")
	}
	return alive(r.get("writer_pid")), nil
}

func (r *reader) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	r.set("reader_pid", 0)
	r.unlink(func(string) bool { return r.fault != LeavesSemaphores })
	_ = segment.Remove(r.name, "locks")
	r.raw.Unlock()
}

// unlink removes the object, if it is still ours, and the semaphores that are to go.
func (r *reader) unlink(semaphore func(which string) bool) {
	if !r.raw.Owns() {
		return
	}
	_ = os.Remove(segment.Path(r.name))
	for _, which := range []string{segment.DataWritten, segment.DataRead} {
		if semaphore(which) {
			_ = segment.Remove(r.name, which)
		}
	}
}
