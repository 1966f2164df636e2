package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// RawBuffer is a reader or a writer of a v1 buffer that does whatever it is told, right or wrong.
type RawBuffer struct {
	name     string
	mem      memory
	locks    []*os.File
	sequence uint64 // of the last frame it published
	frames   []rawFrame
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
		for _, folder := range lockFolders() {
			lock, err := takeLock(folder, name)
			if err != nil {
				return err
			}
			b.locks = append(b.locks, lock)
		}
	}
	f, err := os.OpenFile(Path(name), os.O_RDWR|os.O_CREATE|os.O_EXCL, how.Mode)
	if err != nil {
		return err
	}
	defer f.Close()
	length := or(how.Length, bufferMetadata+how.Metadata+how.Payload)
	if err := errors.Join(f.Chmod(how.Mode), f.Truncate(int64(length))); err != nil {
		return err
	}
	if length < bufferMetadata {
		return nil // too short for anything; that is what was asked for
	}
	if err := b.mapFile(f, length); err != nil {
		return err
	}
	if how.Semaphores {
		if err := errors.Join(createSemaphore(name, DataWritten, how.Mode), createSemaphore(name, DataRead, how.Mode)); err != nil {
			return err
		}
	}
	for _, x := range []struct {
		path  string
		value uint64
	}{
		{"buffer.metadata_size", how.Metadata}, {"buffer.metadata_free_bytes", how.Metadata}, {"buffer.payload_size", how.Payload},
		{"buffer.payload_free_bytes", or(how.Free, how.Payload)}, {"buffer.writer_pid", or(how.Writer, 0)},
		{"buffer.reader_pid", or(how.Reader, uint64(os.Getpid()))}, {"buffer.identity", or(how.Identity, identityV1)},
	} {
		if err := b.mem.set(x.path, 0, x.value); err != nil {
			return err
		}
	}
	return nil
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
	b.name, b.sequence, b.frames = name, 0, nil
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
	b.mem = mem
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
	offset, width, err := b.mem.place(path, 0)
	if err != nil {
		return err
	}
	if width != 8 {
		return fmt.Errorf("%s has %d bytes, not 8", path, width)
	}
	atomic.AddUint64((*uint64)(unsafe.Pointer(&b.mem[offset])), delta)
	return nil
}

// Until waits until a field has a value.
func (b *RawBuffer) Until(path string, position, value uint64, patience time.Duration) error {
	var last uint64
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); runtime.Gosched() {
		var err error
		if last, err = b.mem.get(path, position); err != nil || last == value {
			return err
		}
	}
	return fmt.Errorf("%s is %d after %v, not %d", path, last, patience, value)
}

// data is the data behind the header at a position.
func (b *RawBuffer) data(position, size uint64) ([]byte, error) {
	start := b.mem.bufferPayload() + position + bufferHeaderSize
	if end := uint64(len(b.mem)); start > end || size > end-start {
		return nil, fmt.Errorf("%d bytes at position %d reach behind the end of the buffer", size, position)
	}
	return b.mem[start : start+size], nil
}

// Header writes the two fields of a header.
func (b *RawBuffer) Header(position, size, sequence uint64) error {
	return errors.Join(b.Set("buffer_frame.payload_size", position, size), b.Set("buffer_frame.sequence_number", position, sequence))
}

// Data writes the pattern behind the header at a position.
func (b *RawBuffer) Data(position, size, seed uint64) error {
	data, err := b.data(position, size)
	fillPattern(data, seed)
	return err
}

// Check compares the data behind the header at a position with the pattern.
func (b *RawBuffer) Check(position, size, seed uint64) error {
	data, err := b.data(position, size)
	if err != nil {
		return err
	}
	return checkPattern(data, seed, false)
}

// RawFrame is what Publish publishes. Nil is what a writer does.
type RawFrame struct {
	Size, Seed                      uint64
	Position, PayloadSize, Sequence *uint64
	// MarkerCount is how much a wrap adds to written_count; nil: 1 if a marker is written.
	MarkerCount *uint64
	// Marker is whether a wrap writes a marker where there is room for one.
	Marker, Post bool
}

// Publish does what a published writer does: a marker if the frame goes to the beginning, header, data, write_pos, free, written_count,
// post. It never wraps early, so that it leaves tails in which no marker fits. It says where the frame is.
func (b *RawBuffer) Publish(f RawFrame) (position, sequence uint64, err error) {
	payload, err := b.Get("buffer.payload_size", 0)
	if err != nil {
		return 0, 0, err
	}
	at, err := b.Get("buffer.payload_write_pos", 0)
	if err != nil {
		return 0, 0, err
	}
	if at == payload {
		at = 0
	}
	total := bufferHeaderSize + f.Size
	position = at
	if total > payload-at {
		position = 0
	}
	position = or(f.Position, position)
	count := uint64(1)
	if position < at {
		marked := f.Marker && payload-at >= bufferHeaderSize
		if marked {
			if err := b.Header(at, 0, 0); err != nil {
				return 0, 0, err
			}
			count++
		}
		if f.MarkerCount != nil {
			count = 1 + *f.MarkerCount
		}
		if err := b.Add("buffer.payload_free_bytes", -(payload - at)); err != nil {
			return 0, 0, err
		}
	}
	b.sequence = or(f.Sequence, b.sequence+1)
	err = errors.Join(
		b.Data(position, f.Size, f.Seed), b.Header(position, or(f.PayloadSize, f.Size), b.sequence),
		b.Set("buffer.payload_write_pos", 0, position+total), b.Add("buffer.payload_free_bytes", -total), b.Add("buffer.payload_written_count", count))
	if err == nil && f.Post {
		err = b.Post(DataWritten)
	}
	return position, b.sequence, err
}

// Take does what a published reader does: waits for a token, follows a marker, reads a header, moves on. The frame is kept for Release.
func (b *RawBuffer) Take(patience time.Duration) (position, size, sequence uint64, err error) {
	taken := false
	err = withSemaphore(b.name, DataWritten, func(s semaphore) (err error) { taken, err = s.wait(patience); return err })
	if err == nil && !taken {
		err = fmt.Errorf("no frame within %v", patience)
	}
	if err != nil {
		return 0, 0, 0, err
	}
	payload, err := b.Get("buffer.payload_size", 0)
	if err != nil {
		return 0, 0, 0, err
	}
	for {
		if position, err = b.Get("buffer.payload_read_pos", 0); err != nil {
			return 0, 0, 0, err
		}
		size, err = b.Get("buffer_frame.payload_size", position)
		if err != nil {
			return 0, 0, 0, err
		}
		if sequence, err = b.Get("buffer_frame.sequence_number", position); err != nil {
			return 0, 0, 0, err
		}
		if size != 0 {
			break
		}
		if position == 0 {
			return 0, 0, 0, errors.New("there is a marker at position 0")
		}
		err = errors.Join(b.Add("buffer.payload_free_bytes", payload-position), b.Set("buffer.payload_read_pos", 0, 0), b.Add("buffer.payload_read_count", 1))
		if err != nil {
			return 0, 0, 0, err
		}
	}
	b.frames = append(b.frames, rawFrame{position, size})
	next := (position + bufferHeaderSize + size) % payload
	return position, size, sequence, errors.Join(b.Set("buffer.payload_read_pos", 0, next), b.Add("buffer.payload_read_count", 1))
}

// Release gives the oldest frame's space back, or another amount, and posts.
func (b *RawBuffer) Release(free *uint64) error {
	if len(b.frames) == 0 {
		return errors.New("no frame is held")
	}
	f := b.frames[0]
	b.frames = b.frames[1:]
	return errors.Join(b.Add("buffer.payload_free_bytes", or(free, bufferHeaderSize+f.size)), b.Post(DataRead))
}

// Post posts a semaphore.
func (b *RawBuffer) Post(which string) error { return withSemaphore(b.name, which, semaphore.post) }

// Tokens makes a semaphore's value what it is told.
func (b *RawBuffer) Tokens(which string, value uint64) error {
	return withSemaphore(b.name, which, func(s semaphore) error { s.set(uint32(value)); return nil })
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

// Crash lets go of everything as the kernel does for a dead process: nothing is stored, nothing posted, nothing unlinked.
func (b *RawBuffer) Crash() error {
	var errs []error
	if b.mem != nil {
		errs = append(errs, unix.Munmap(b.mem))
	}
	for _, lock := range b.locks {
		errs = append(errs, lock.Close())
	}
	*b = RawBuffer{}
	return errors.Join(errs...)
}
