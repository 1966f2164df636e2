package bench

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
)

// threads does a frame's work without any library: two threads of one process, one buffer of shared memory as a channel's is, all of it
// there already, and one word that says whose turn it is. What it takes is the floor for the work itself.
type threads struct {
	memory []byte // the whole mapping
	buffer []byte
	filler filler
	turn   atomic.Uint64 // odd: the helper's; even: ours
	blocks chan int      // frames of the next block; the helper sleeps in between, or it would compete with the server
	ended  chan struct{}
}

// startThreads starts the helper on a CPU of its own.
func startThreads(size, cpu int, touch benchproto.Touch) (*threads, error) {
	// An empty mapping is refused.
	memory, err := unix.Mmap(-1, 0, max(1, size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("memory for two threads: %w", err)
	}
	t := &threads{memory: memory, buffer: memory[:size], filler: filler{touch: touch, size: size}, blocks: make(chan int), ended: make(chan struct{})}
	pinned := make(chan error)
	go func() {
		defer close(t.ended)
		// Never unlocked: the pinned thread ends with the goroutine.
		runtime.LockOSThread()
		err := pinThread(0, cpu)
		pinned <- err
		if err == nil {
			t.help()
		}
	}()
	if err := <-pinned; err != nil {
		return nil, errors.Join(err, t.stop())
	}
	return t, nil
}

// help is the helper's side.
func (t *threads) help() {
	for frames := range t.blocks {
		for turn := t.turn.Load() &^ 1; frames > 0; frames-- {
			for t.turn.Load() != turn+1 { // pairs with the release in block
			}
			invert(t.buffer, t.filler.touch)
			turn += 2
			t.turn.Store(turn) // pairs with the acquire in block
		}
	}
}

// block measures a block of frames and appends to samples.
func (t *threads) block(frames int, clock benchproto.Clock, samples []int64) ([]int64, error) {
	turn := t.turn.Load()
	t.blocks <- frames
	before := clock.Now()
	for i := range frames {
		n := turn/2 + 1
		t.filler.fill(t.buffer, n)
		t.turn.Store(turn + 1) // pairs with the acquire in help
		turn += 2
		for t.turn.Load() != turn { // pairs with the release in help
		}
		if err := t.filler.check(t.buffer, n); err != nil {
			return samples, err
		}
		now := clock.Now()
		if i > 0 { // the first one waits for the helper to wake
			samples = append(samples, clock.Sample(before, now))
		}
		before = now
	}
	return samples, nil
}

// stop ends the helper and gives the memory back.
func (t *threads) stop() error {
	close(t.blocks)
	<-t.ended
	return unix.Munmap(t.memory)
}
