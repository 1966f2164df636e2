package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// RawBuffer is a reader or a writer of a v1 buffer that does whatever it is told, right or wrong.
type RawBuffer struct {
	name       string
	mem        memory
	file       fs.FileInfo
	locks      []*os.File
	semaphores map[string]semaphore
	sequence   uint64 // of the last frame it published
	frames     []rawFrame
}

// rawFrame is a frame that was read and not released.
type rawFrame struct{ position, size uint64 }

// RawBuilding says what Build makes. Nil is what a reader does.
type RawBuilding struct {
	Metadata, Payload                uint64
	Length, Identity, Reader, Writer *uint64
	Free                             *uint64
	Locks, Semaphores                bool
	Mode                             fs.FileMode
}

// Build makes a buffer as its reader would; sizes are stored as given, so they should be rounded ones unless a lie is wanted.
func (b *RawBuffer) Build(name string, how RawBuilding) error {
	b.name = name
	if how.Locks {
		if err := b.TakeLocks(name); err != nil {
			return err
		}
	}
	temporary := Path(".zd-" + name + ".object")
	f, err := os.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL, how.Mode)
	if err != nil {
		return err
	}
	defer f.Close()
	defer os.Remove(temporary)
	length := or(how.Length, bufferMetadata+how.Metadata+how.Payload)
	if err := errors.Join(f.Chmod(how.Mode), f.Truncate(int64(length))); err != nil {
		return err
	}
	if length < bufferMetadata { // too short for anything; that is what was asked for
		return os.Link(temporary, Path(name))
	}
	err = errors.Join(b.mapFile(f, length), b.store([]field{
		{"metadata_size", how.Metadata}, {"metadata_free_bytes", how.Metadata}, {"payload_size", how.Payload},
		{"payload_free_bytes", or(how.Free, how.Payload)}, {"writer_pid", or(how.Writer, 0)},
	}))
	if err != nil {
		return err
	}
	if err := os.Link(temporary, Path(name)); err != nil {
		return err
	}
	if how.Semaphores {
		if err := CreateSemaphores(name, how.Mode); err != nil {
			return err
		}
	}
	return b.store([]field{{"reader_pid", or(how.Reader, uint64(os.Getpid()))}, {"identity", or(how.Identity, identityV1)}})
}

type field struct {
	name  string
	value uint64
}

// store stores fields of the info block, one after the other.
func (b *RawBuffer) store(fields []field) error {
	for _, f := range fields {
		if err := b.mem.set("buffer."+f.name, 0, f.value); err != nil {
			return err
		}
	}
	return nil
}

// TakeLocks takes both owner locks, or those named.
func (b *RawBuffer) TakeLocks(name string, only ...string) error {
	for _, folder := range lockFolders() {
		if len(only) > 0 && !slices.Contains(only, folder.who) {
			continue
		}
		lock, err := takeLock(folder, name)
		if err != nil {
			return err
		}
		b.locks = append(b.locks, lock)
	}
	return nil
}

// WriteMetadata writes a length and a content behind it, which need not agree.
func (b *RawBuffer) WriteMetadata(length, size, seed uint64) error {
	block, err := b.Metadata(8 + size)
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(block, length)
	fillPattern(block[8:], seed)
	return nil
}

// CheckMetadata compares what is in the metadata block with a pattern.
func (b *RawBuffer) CheckMetadata(size, seed uint64) error {
	block, err := b.Metadata(8 + size)
	if err != nil {
		return err
	}
	if length := binary.LittleEndian.Uint64(block); length != size {
		return fmt.Errorf("the length is %d, not %d", length, size)
	}
	return checkPattern(block[8:], seed, false)
}

// Open maps an existing buffer and changes nothing.
func (b *RawBuffer) Open(name string) error {
	f, err := os.OpenFile(Path(name), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	b.name, b.sequence, b.frames, b.semaphores = name, 0, nil, nil
	return b.mapFile(f, uint64(info.Size()))
}

// Attach does what a writer does: opens the buffer and stores its pid.
func (b *RawBuffer) Attach(name string) error {
	if err := b.Open(name); err != nil {
		return err
	}
	return b.Set("buffer.writer_pid", 0, uint64(os.Getpid()))
}

func (b *RawBuffer) mapFile(f *os.File, length uint64) error {
	mem, err := unix.Mmap(int(f.Fd()), 0, int(length), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	b.mem = mem
	b.file, err = f.Stat()
	return err
}

// Get loads a field, buffer.X or buffer_frame.X.
func (b *RawBuffer) Get(path string, position uint64) (uint64, error) {
	return b.mem.get(path, position)
}

// Set stores a field.
func (b *RawBuffer) Set(path string, position, value uint64) error {
	return b.mem.set(path, position, value)
}

// Add adds to a field, atomically.
func (b *RawBuffer) Add(path string, delta uint64) error {
	word, err := b.mem.words(path)
	if err == nil {
		atomic.AddUint64(word, delta)
	}
	return err
}

// Swap changes a field from one value to another, atomically, and says whether it had the first.
func (b *RawBuffer) Swap(path string, from, to uint64) (bool, error) {
	word, err := b.mem.words(path)
	return err == nil && atomic.CompareAndSwapUint64(word, from, to), err
}

// Length is the object's.
func (b *RawBuffer) Length() uint64 { return uint64(len(b.mem)) }

// Metadata is the first bytes of the metadata block.
func (b *RawBuffer) Metadata(size uint64) ([]byte, error) {
	if size > uint64(len(b.mem))-bufferMetadata {
		return nil, errReachesBehind
	}
	return b.mem[bufferMetadata : bufferMetadata+size], nil
}

// Until waits until a field has a value.
func (b *RawBuffer) Until(path string, position, value uint64, patience time.Duration) error {
	return b.mem.until(path, position, value, patience)
}

// Fuzz fills a part of the payload with bytes made from a number.
func (b *RawBuffer) Fuzz(position, size, number uint64) error {
	start := b.mem.bufferPayload() + position
	if end := uint64(len(b.mem)); start > end || size > end-start {
		return errReachesBehind
	}
	fuzz(b.mem[start:start+size], number)
	return nil
}

// Owns tells whether the object under the name is still the one that is mapped.
func (b *RawBuffer) Owns() bool {
	info, err := os.Stat(Path(b.name))
	return err == nil && b.file != nil && os.SameFile(info, b.file)
}

// Unlock gives the owner locks back.
func (b *RawBuffer) Unlock() {
	for _, lock := range b.locks {
		giveUp(lock)
	}
	b.locks = nil
}

// Unmap lets go of the memory.
func (b *RawBuffer) Unmap() error {
	var errs []error
	if b.mem != nil {
		errs = append(errs, unix.Munmap(b.mem))
	}
	for _, s := range b.semaphores {
		errs = append(errs, s.close())
	}
	b.mem, b.semaphores = nil, nil
	return errors.Join(errs...)
}

// Crash lets go of everything as the kernel does for a dead process: nothing is stored, nothing posted, nothing unlinked.
func (b *RawBuffer) Crash() error {
	b.Unlock()
	err := b.Unmap()
	*b = RawBuffer{}
	return err
}
