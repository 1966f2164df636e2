package bench

import (
	"runtime"
	"sync/atomic"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
)

// threads does a frame's work without any library: two threads of one process, one buffer on the heap and one word that
// says whose turn it is. What it takes is the floor for the work itself.
type threads struct {
	buffer []byte
	filler filler
	turn   atomic.Uint64 // odd: the helper's; even: ours
	blocks chan int      // frames of the next block; the helper sleeps in between, or it would compete with the server
}

// startThreads starts the helper on a CPU of its own.
func startThreads(size, cpu int, touch benchproto.Touch) (*threads, error) {
	t := &threads{buffer: make([]byte, size), filler: filler{touch: touch}, blocks: make(chan int)}
	pinned := make(chan error)
	go func() {
		// Never unlocked: the pinned thread ends with the goroutine.
		runtime.LockOSThread()
		err := pinThread(0, cpu)
		pinned <- err
		if err == nil {
			t.help()
		}
	}()
	return t, <-pinned
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

func (t *threads) stop() { close(t.blocks) }
