package segment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Peer is a client or server that does with a segment whatever it is told, right or wrong. Its lock bytes are on a description of its
// own that is never mapped, so that Crash ends them the way the kernel ends those of a dead process.
type Peer struct {
	name string
	mem  memory
	lock *os.File
}

// Building says what Build makes. Nil is what the protocol asks for.
type Building struct {
	MetadataRequest, MetadataResponse, Payload uint64
	PayloadResponse, Length                    *uint64
	Identity, IdentityResponse                 *uint64
	Lock, Semaphores                           bool
	Mode                                       fs.FileMode
}

func or(p *uint64, otherwise uint64) uint64 {
	if p == nil {
		return otherwise
	}
	return *p
}

// Build makes an object as a server would; sizes are stored as given, so they should be rounded ones unless a lie is wanted.
func (p *Peer) Build(name string, b Building) error {
	length := or(b.Length, metadataBlock+b.MetadataRequest+b.MetadataResponse+b.Payload)
	f, err := os.OpenFile(Path(name), os.O_RDWR|os.O_CREATE|os.O_EXCL, b.Mode)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := errors.Join(f.Chmod(b.Mode), f.Truncate(int64(length))); err != nil {
		return err
	}
	p.name = name
	if err := p.openLock(); err != nil {
		return err
	}
	if b.Lock {
		if err := p.Lock(LockByteServer, false); err != nil {
			return err
		}
	}
	if length < metadataBlock {
		return nil // too short for anything; that is what was asked for
	}
	if err := p.mapFile(f, int(length)); err != nil {
		return err
	}
	pid := uint64(os.Getpid())
	fields := []struct {
		path  string
		value uint64
	}{
		{"request.metadata_size", b.MetadataRequest}, {"request.metadata_free_bytes", b.MetadataRequest}, {"request.payload_size", b.Payload},
		{"request.payload_free_bytes", b.Payload}, {"request.reader_pid", pid},
		{"response.metadata_size", b.MetadataResponse}, {"response.metadata_free_bytes", b.MetadataResponse},
		{"response.payload_size", or(b.PayloadResponse, b.Payload)}, {"response.payload_free_bytes", b.Payload}, {"response.writer_pid", pid},
		{"response.identity", or(b.IdentityResponse, identityV2)},
	}
	for _, x := range fields {
		if err := p.mem.set(x.path, 0, x.value); err != nil {
			return err
		}
	}
	if b.Semaphores {
		for _, which := range semaphoreNames {
			if err := createSemaphore(name, which, b.Mode); err != nil {
				return err
			}
		}
	}
	return p.mem.set("request.identity", 0, or(b.Identity, identityV2))
}

// Open maps an existing object.
func (p *Peer) Open(name string) error {
	f, err := os.OpenFile(Path(name), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p.name = name
	return errors.Join(p.openLock(), p.mapFile(f, int(info.Size())))
}

func (p *Peer) openLock() (err error) {
	p.lock, err = os.OpenFile(Path(p.name), os.O_RDWR, 0)
	return err
}

func (p *Peer) mapFile(f *os.File, length int) error {
	mem, err := unix.Mmap(int(f.Fd()), 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	p.mem = mem
	return err
}

// ErrHeld means that somebody else has the lock.
var ErrHeld = errors.New("it is locked by somebody else")

// Lock takes a lock byte. With expectHeld somebody else must have it.
func (p *Peer) Lock(offset uint64, expectHeld bool) error {
	l := unix.Flock_t{Type: unix.F_WRLCK, Start: int64(offset), Len: 1}
	err := unix.FcntlFlock(p.lock.Fd(), unix.F_OFD_SETLK, &l)
	held := errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES)
	switch {
	case held && expectHeld:
		return nil
	case held:
		return fmt.Errorf("byte %d: %w", offset, ErrHeld)
	case err == nil && expectHeld:
		return fmt.Errorf("byte %d was free, it should have been locked", offset)
	default:
		return err
	}
}

// Unlock gives a lock byte back.
func (p *Peer) Unlock(offset uint64) error {
	l := unix.Flock_t{Type: unix.F_UNLCK, Start: int64(offset), Len: 1}
	return unix.FcntlFlock(p.lock.Fd(), unix.F_OFD_SETLK, &l)
}

// Get loads a field.
func (p *Peer) Get(path string, position uint64) (uint64, error) { return p.mem.get(path, position) }

// Set stores a field.
func (p *Peer) Set(path string, position, value uint64) error {
	return p.mem.set(path, position, value)
}

// Until waits until a field has a value.
func (p *Peer) Until(path string, position, value uint64, patience time.Duration) error {
	return p.mem.until(path, position, value, patience)
}

// Attach does what a client does: takes byte 1, gets the segment reset when it has to, stores both pids.
func (p *Peer) Attach(name string, patience time.Duration) error {
	if err := p.Open(name); err != nil {
		return err
	}
	if err := p.Lock(LockByteClient, false); err != nil {
		return err
	}
	if pid, err := p.Get("request.writer_pid", 0); err != nil || pid != 0 {
		err = errors.Join(err, p.Set("request.writer_pid", 0, ResetWanted), p.Post(name, "request-ready"))
		if err = errors.Join(err, p.Until("request.writer_pid", 0, 0, patience)); err != nil {
			return err
		}
	}
	pid := uint64(os.Getpid())
	return errors.Join(p.Set("response.reader_pid", 0, pid), p.Set("request.writer_pid", 0, pid))
}

// Header is a frame's header but for the state.
type Header map[string]uint64

// Header writes a header; what is missing is what a request of that size would have. The state is stored last.
func (p *Peer) Header(position uint64, h Header) error {
	size := h["payload_size"]
	all := Header{"capacity": up(size), "request_size": size, "sequence_number": 1, "status": 0, "opcode": 0, "flags": 0, "payload_size": size}
	state := uint64(StateRequest)
	for field, value := range h {
		if field == "state" {
			state = value
		} else {
			all[field] = value
		}
	}
	for field, value := range all {
		if err := p.mem.set("frame."+field, position, value); err != nil {
			return err
		}
	}
	return p.mem.set("frame.state", position, state)
}

// bytes is the data of a frame.
func (p *Peer) bytes(position, size uint64) ([]byte, error) {
	start := p.mem.payload() + position + headerSize
	if start+size > uint64(len(p.mem)) {
		return nil, fmt.Errorf("%d bytes at position %d reach behind the end of the segment", size, position)
	}
	return p.mem[start : start+size], nil
}

// Data writes the pattern behind the header at a position.
func (p *Peer) Data(position, size, seed uint64) error {
	data, err := p.bytes(position, size)
	fillPattern(data, seed)
	return err
}

// Check compares the data behind the header at a position with the pattern, or with its complement.
func (p *Peer) Check(position, size, seed uint64, xor bool) error {
	data, err := p.bytes(position, size)
	if err != nil {
		return err
	}
	return checkPattern(data, seed, xor)
}

// Publish does what a client does: header, data, state, written_bytes, free_bytes, written_count, post. The counters grow by one frame.
func (p *Peer) Publish(position, size, seed uint64, h Header) error {
	h["payload_size"] = or(pointer(h, "payload_size"), size)
	count, err := p.Get("request.payload_written_count", 0)
	if err != nil {
		return err
	}
	if _, given := h["sequence_number"]; !given {
		h["sequence_number"] = count + 1
	}
	capacity := or(pointer(h, "capacity"), up(h["payload_size"]))
	payload, err := p.Get("request.payload_size", 0)
	if err != nil {
		return err
	}
	written, err := p.Get("request.payload_written_bytes", 0)
	if err != nil {
		return err
	}
	// The cumulative offset behind the frame: the first one at or above the head's that stands at the frame's position.
	at := written - written%payload + position
	if at < written {
		at += payload
	}
	free, err := p.Get("request.payload_free_bytes", 0)
	if err != nil {
		return err
	}
	end := at + headerSize + capacity
	return errors.Join(
		p.Data(position, min(size, h["payload_size"]), seed), p.Header(position, h),
		p.Set("request.payload_written_bytes", 0, end),
		p.Set("request.payload_free_bytes", 0, free-(end-written)), p.Set("response.payload_free_bytes", 0, free-(end-written)),
		p.Set("request.payload_written_count", 0, count+1), p.Post(p.name, "request-ready"))
}

func pointer(h Header, field string) *uint64 {
	if v, ok := h[field]; ok {
		return &v
	}
	return nil
}

// Take does what a server does: REQUEST becomes PROCESSING, read_count grows.
func (p *Peer) Take(position uint64) error {
	took, err := p.mem.swap("frame.state", position, StateRequest, StateProcessing)
	if err != nil {
		return err
	}
	if !took {
		state, _ := p.Get("frame.state", position) // place was found a line above
		return fmt.Errorf("the frame at %d has state %d, not REQUEST", position, state)
	}
	count, err := p.Get("request.payload_read_count", 0)
	return errors.Join(err, p.Set("request.payload_read_count", 0, count+1))
}

// Answer does what a server does: size and status, state, counters, post.
func (p *Peer) Answer(position uint64, state, status, size *uint64) error {
	if size == nil {
		n, err := p.Get("frame.payload_size", position)
		if err != nil {
			return err
		}
		size = &n
	}
	bytes, err := p.Get("response.payload_written_bytes", 0)
	if err != nil {
		return err
	}
	count, err := p.Get("response.payload_written_count", 0)
	return errors.Join(err,
		p.Set("frame.payload_size", position, *size), p.Set("frame.status", position, or(status, 0)),
		p.Set("frame.state", position, or(state, StateResponse)),
		p.Set("response.payload_written_bytes", 0, bytes+*size), p.Set("response.payload_written_count", 0, count+1),
		p.Post(p.name, "response-ready"))
}

// Fuzz fills the header at a position, and size bytes behind it, with bytes made from a number.
func (p *Peer) Fuzz(position, size, number uint64) error {
	start := p.mem.payload() + position
	if start+headerSize+size > uint64(len(p.mem)) {
		return errReachesBehind
	}
	fuzz(p.mem[start:start+headerSize+size], number)
	return nil
}

// Post posts a semaphore if it reads 0, as everybody does.
func (p *Peer) Post(name, which string) error {
	if !slices.Contains(semaphoreNames, which) {
		return fmt.Errorf("unknown semaphore %q", which)
	}
	return withSemaphore(name, which, func(sem semaphore) error {
		if sem.value() != 0 {
			return nil
		}
		return sem.post()
	})
}

// Crash lets go of everything as the kernel does for a dead process: nothing is stored, nothing posted, nothing unlinked.
func (p *Peer) Crash() error {
	var errs []error
	if p.mem != nil {
		errs = append(errs, unix.Munmap(p.mem))
	}
	if p.lock != nil {
		// Each by itself: closing leaves them with the copies of the descriptor that an agent has between its fork and its exec.
		everything := unix.Flock_t{Type: unix.F_UNLCK}
		errs = append(errs, unix.FcntlFlock(p.lock.Fd(), unix.F_OFD_SETLK, &everything), p.lock.Close())
	}
	*p = Peer{}
	return errors.Join(errs...)
}
