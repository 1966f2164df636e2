package modelagent

import (
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

const (
	headerSize = 16
	slice      = 100 * time.Millisecond
	identity   = 0x0000000100000080
	tokenLimit = 64
)

// writer is the writing end.
type writer struct {
	fault    Fault
	raw      segment.RawBuffer
	mu       sync.Mutex
	turn     chan struct{} // holds a token while nobody has a frame out
	closed   bool
	payload  uint64
	position uint64 // of the next frame
	count    uint64 // of frames and markers
	sequence uint64 // of the last frame
	metadata bool   // written
	previous []byte
}

func attach(fault Fault, name string, patience time.Duration, otherUsers bool) (*writer, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	deadline := time.Now().Add(patience)
	for {
		w := &writer{fault: fault, turn: make(chan struct{}, 1)}
		w.turn <- struct{}{}
		err := w.tryAttach(name, otherUsers)
		if err == nil {
			return w, nil
		}
		_ = w.raw.Crash() // the error is what matters
		if time.Now().After(deadline) || !is(err, "buffer_not_found", "reader_dead", "writer_already_connected") {
			return nil, err
		}
		time.Sleep(time.Millisecond)
	}
}

func (w *writer) tryAttach(name string, otherUsers bool) error {
	info, err := os.Stat(segment.Path(name))
	if err != nil || info.Size() < 128 {
		return fail("buffer_not_found", "%q", name)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; !otherUsers && int(uid) != os.Geteuid() {
		return fail("permission_denied", "it belongs to %d", uid)
	}
	if err := w.raw.Open(name); err != nil {
		return err
	}
	get := w.get
	switch id := get("identity"); {
	case id == 0, id == 128: // a published reader stores size and version after each other
		return fail("buffer_not_found", "not complete")
	case uint32(id) != 128 || byte(id>>32) != 1:
		return fail("version_mismatch", "%#x", id)
	case w.fault == JudgesUnfinished && !w.fits():
		return fail("corrupted", "sizes")
	case get("reader_pid") == 0: // which a published reader stores last
		return fail("buffer_not_found", "no reader")
	case !alive(get("reader_pid")):
		return fail("reader_dead", "at attaching")
	}
	if !w.fits() {
		return fail("corrupted", "sizes")
	}
	w.payload = get("payload_size")
	if w.fault == KeepsPid {
		w.set("writer_pid", uint64(os.Getpid()))
	}
	for _, which := range []string{segment.DataWritten, segment.DataRead} {
		if _, err := w.raw.Tokens(which); err != nil {
			return fail("buffer_not_found", "%v", err)
		}
	}
	if pid := get("writer_pid"); pid != 0 && alive(pid) && w.fault != TakesOver && w.fault != KeepsPid {
		return fail("writer_already_connected", "%d", pid)
	} else if swapped, err := w.raw.Swap("buffer.writer_pid", pid, uint64(os.Getpid())); err != nil || !swapped {
		return fail("writer_already_connected", "just now")
	}
	if w.position = get("payload_write_pos"); w.position > w.payload {
		return fail("corrupted", "position %d", w.position)
	}
	w.position %= w.payload
	w.count = get("payload_written_count")
	w.metadata = get("metadata_written_bytes") > 0
	return nil
}

// fits says whether the sizes are a buffer's that fills the object.
func (w *writer) fits() bool {
	metadata, payload := w.get("metadata_size"), w.get("payload_size")
	return up(payload) == payload && payload <= 1<<62 && metadata <= 1<<62 && 128+metadata+payload == w.raw.Length()
}

func up(n uint64) uint64 { return (n + 63) &^ 63 }

// get loads a field of the info block; set stores one. The fields are there: their names are ours.
func (w *writer) get(field string) uint64 { v, _ := w.raw.Get("buffer."+field, 0); return v }

func (w *writer) set(field string, value uint64) { _ = w.raw.Set("buffer."+field, 0, value) }

// frame is one that was acquired.
type frame struct {
	w               *writer
	position, waste uint64
	data            []byte
	done            bool
}

// acquire waits for its turn and for room.
func (w *writer) acquire(size uint64, patience time.Duration) (*frame, error) {
	if err := w.open(); err != nil {
		return nil, err
	}
	total := headerSize + size
	switch {
	case size == 0:
		return nil, fail("invalid_frame_size", "0")
	case size > w.payload || total > w.payload || total >= w.payload-15 && total < w.payload:
		return nil, fail("frame_too_large", "%d", size)
	}
	deadline := time.Now().Add(patience)
	select {
	case <-w.turn: // also with no patience at all
	default:
		select {
		case <-w.turn:
		case <-time.After(patience):
			return nil, fail("acquisition_open", "%d", size)
		}
	}
	f, err := w.place(size, deadline, patience)
	if err != nil {
		w.turn <- struct{}{}
	}
	return f, err
}

func (w *writer) place(size uint64, deadline time.Time, patience time.Duration) (*frame, error) {
	total, end := headerSize+size, w.payload-w.position
	fits := end == total || end >= total+headerSize || w.fault == LeavesTails && end >= total
	f := &frame{w: w, position: w.position}
	if !fits {
		if total > w.position && w.fault != WaitsInVain {
			return nil, fail("frame_unplaceable", "%d at %d", size, w.position)
		}
		f.position, f.waste = 0, end
	}
	for w.get("payload_free_bytes") < f.waste+total || w.get("payload_free_bytes") > w.payload {
		if err := w.open(); err != nil {
			return nil, err
		}
		if w.get("payload_free_bytes") > w.payload {
			return nil, fail("corrupted", "free bytes")
		}
		pid := w.get("reader_pid")
		if pid == 0 || !alive(pid) && w.fault != TrustsDeadReader {
			return nil, fail("reader_dead", "%d", pid)
		}
		left := time.Until(deadline)
		if left <= 0 {
			return nil, fail("buffer_full", "%d", size)
		}
		got, err := w.raw.WaitToken(segment.DataRead, min(slice, left))
		if err != nil {
			return nil, err
		}
		if got && w.fault == RestartsDeadline {
			deadline = time.Now().Add(patience)
		}
	}
	if w.get("reader_pid") == 0 {
		return nil, fail("reader_dead", "it closed")
	}
	if w.fault == WrapsAtAcquire && f.waste > 0 {
		f.wrap()
		f.waste = 0
		w.set("payload_write_pos", 0)
	}
	var err error
	f.data, err = w.raw.Bytes(f.position, size)
	return f, err
}

// wrap leaves the tail behind.
func (f *frame) wrap() {
	w := f.w
	if f.waste >= headerSize {
		_ = w.raw.Header(w.payload-f.waste, 0, 0)
		w.count++
		w.set("payload_written_count", w.count)
	}
	_ = w.raw.Add("buffer.payload_free_bytes", -f.waste)
}

func (f *frame) commit() (uint64, error) {
	w := f.w
	if f.done {
		return 0, fail("frame_released", "committed or aborted")
	}
	f.done = true
	defer func() { w.turn <- struct{}{} }()
	if err := w.open(); err != nil {
		return 0, err
	}
	total := uint64(headerSize + len(f.data))
	w.sequence++
	if f.waste > 0 {
		f.wrap()
	}
	if w.fault == LosesWritten && w.sequence%50 == 0 {
		copy(f.data, w.previous)
	}
	w.previous = append(w.previous[:0], f.data...)
	if err := w.raw.Header(f.position, uint64(len(f.data)), w.sequence); err != nil {
		return 0, err
	}
	next := f.position + total
	w.position = next % w.payload
	w.count++
	switch {
	case next != w.payload || w.fault == LeavesEnd:
	case w.fault == CountsMarkers:
		w.count++
		fallthrough
	default:
		next = 0
	}
	w.set("payload_write_pos", next)
	_ = w.raw.Add("buffer.payload_free_bytes", -total)
	w.set("payload_written_count", w.count)
	if tokens, err := w.raw.Tokens(segment.DataWritten); err != nil || tokens == 1<<31-1 {
		return w.sequence, fail("system", "the semaphore is full")
	}
	if w.fault == ForgetsPost && w.sequence%2 == 0 {
		return w.sequence, nil
	}
	return w.sequence, w.raw.Post(segment.DataWritten)
}

func (f *frame) abort() {
	if f.done {
		return
	}
	f.done = true
	if f.w.fault == SkipsSequence {
		f.w.sequence++
	}
	f.w.turn <- struct{}{}
}

func (w *writer) open() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fail("closed", "the writer")
	}
	return nil
}

func (w *writer) setMetadata(content []byte) error {
	if err := w.open(); err != nil {
		return err
	}
	size := uint64(len(content))
	switch {
	case (w.metadata || w.get("metadata_written_bytes") > 0) && w.fault != WritesTwice:
		return fail("metadata_already_written", "")
	case size+8 > w.get("metadata_size"):
		return fail("metadata_too_large", "%d", size)
	}
	block, err := w.raw.Metadata(8 + size)
	if err != nil {
		return err
	}
	putWord(block, size)
	copy(block[8:], content)
	w.set("metadata_written_bytes", 8+size)
	w.set("metadata_free_bytes", w.get("metadata_size")-8-size)
	w.metadata = true
	return nil
}

func (w *writer) connected() (bool, error) {
	if err := w.open(); err != nil {
		return false, err
	}
	return alive(w.get("reader_pid")), nil
}

func (w *writer) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.closed {
		w.closed = true
		_, _ = w.raw.Swap("buffer.writer_pid", uint64(os.Getpid()), 0)
		// Whoever waits inside may still look at the memory: it is unmapped with the process or the next buffer.
	}
}
