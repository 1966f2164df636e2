package benchproto

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/ordered"
)

// looksPerClock is how many looks at the ball go between two looks at the clock: rare enough not to be measured.
const looksPerClock = 1 << 20

// Line is the mapped control file. Its two sides belong to one thread each.
type Line struct {
	file   []byte // mapped
	rounds *atomic.Uint64
	ball   *atomic.Uint64
	asked  *atomic.Uint64
	note   [noteWords]*atomic.Uint64
	memory *atomic.Uint64
	stall  time.Duration
}

// OpenLine maps the control file at path and checks that it is one.
func OpenLine(path string) (*Line, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the benchmark's control file: %w", err)
	}
	defer file.Close() // the mapping lives on without it
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("opening the benchmark's control file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() != FileSize {
		return nil, fmt.Errorf("%s is not a benchmark control file: want a regular file of %d bytes, found %s of %d", path, FileSize, info.Mode(), info.Size())
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, FileSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("mapping the benchmark's control file: %w", err)
	}
	if magic := binary.LittleEndian.Uint64(memory); magic != FileMagic {
		_ = unix.Munmap(memory)
		return nil, fmt.Errorf("%s is not a benchmark control file: its first eight bytes are %#x, not %#x", path, magic, FileMagic)
	}
	return NewLine(memory), nil
}

// NewLine makes a line of memory that the caller owns: FileSize bytes, aligned to 8.
func NewLine(memory []byte) *Line {
	_ = memory[FileSize-1]
	word := func(offset int) *atomic.Uint64 { return (*atomic.Uint64)(unsafe.Pointer(&memory[offset])) }
	l := &Line{file: memory, memory: word(MemoryOffset), rounds: word(RoundsOffset), ball: word(BallOffset), asked: word(AskedOffset), stall: StallLimit}
	for i := range l.note {
		l.note[i] = word(NoteOffset + 8*i)
	}
	return l
}

// Close unmaps a line that OpenLine gave.
func (l *Line) Close() error { return unix.Munmap(l.file) }

// Ask says what the handler of the next frame is to do. Publishing that frame makes it visible to the handler; ask for nothing again
// when it is answered.
func (l *Line) Ask(what uint64) { l.asked.Store(what) }

// Asked is what the handler of a frame is to do.
func (l *Line) Asked() uint64 { return l.asked.Load() }

// Prepare resets the ball and says how many rounds come; call it before a frame that asks for a limit batch is sent.
// Publishing that frame makes both visible to the handler.
func (l *Line) Prepare(rounds int) {
	l.ball.Store(0)
	l.rounds.Store(uint64(rounds))
}

// Serve is the client's side. It appends one sample per round to samples, the time between two returns of the ball,
// less the cost of the clock read, and without the first LimitWarmup.
func (l *Line) Serve(rounds int, clock Clock, samples []int64) ([]int64, error) {
	before := clock.Now()
	for i := 1; i <= rounds; i++ {
		ordered.Store64(l.ball, uint64(2*i-1)) // pairs with the acquire load in Return; an exchange, as Go's own stores are, would take longer
		if !l.await(uint64(2 * i)) {
			return samples, ErrStalled
		}
		now := clock.Now()
		if i > LimitWarmup {
			samples = append(samples, clock.Sample(before, now))
		}
		before = now
	}
	return samples, nil
}

// Return is the server's side, run by the handler of a frame that asks for AskLine.
func (l *Line) Return() error {
	rounds, err := l.askedFor()
	if err != nil {
		return err
	}
	for i := uint64(1); i <= rounds; i++ {
		if !l.await(2*i - 1) {
			return ErrStalled
		}
		ordered.Store64(l.ball, 2*i) // pairs with the acquire load in Serve
	}
	return nil
}

// askedFor is how many rounds the client wants, read once.
func (l *Line) askedFor() (uint64, error) {
	rounds := l.rounds.Load()
	if rounds < 1 || rounds > MaxRounds {
		return 0, fmt.Errorf("%d rounds asked for, want 1 to %d", rounds, MaxRounds)
	}
	return rounds, nil
}

// await spins until the ball has the value wanted.
func (l *Line) await(wanted uint64) bool {
	for looks := 1; l.ball.Load() != wanted; looks++ {
		if looks%looksPerClock == 0 && !l.awaitPatiently(wanted) {
			return false
		}
	}
	return true
}

// awaitPatiently goes on where await looked for a long time already, now with an eye on the clock.
func (l *Line) awaitPatiently(wanted uint64) bool {
	deadline := time.Now().Add(l.stall)
	for looks := 1; l.ball.Load() != wanted; looks++ {
		if looks%looksPerClock == 0 && time.Now().After(deadline) {
			return false
		}
	}
	return true
}
