package hostile

import (
	"runtime"
	"sync/atomic"
)

// Flipper is a peer that changes a word again and again while operations read it. It needs a second processor to be of use: with one it
// changes the word only between operations.
type Flipper struct {
	begin chan flip
	ended chan struct{}
	stop  atomic.Bool
	on    bool
	flips atomic.Uint64
}

type flip struct {
	word    Word
	between [2]uint64
}

// NewFlipper starts one.
func NewFlipper() *Flipper {
	f := &Flipper{begin: make(chan flip), ended: make(chan struct{})}
	go f.run()
	return f
}

// Start makes the word change between two values until Stop.
func (f *Flipper) Start(word Word, one, other uint64) {
	f.Stop()
	f.stop.Store(false)
	f.on = true
	f.begin <- flip{word, [2]uint64{one, other}}
}

// Stop returns when nothing is written any more.
func (f *Flipper) Stop() {
	if !f.on {
		return
	}
	f.stop.Store(true)
	<-f.ended
	f.on = false
}

// Flips is how often a word was changed so far.
func (f *Flipper) Flips() uint64 { return f.flips.Load() }

// Close ends it.
func (f *Flipper) Close() {
	f.Stop()
	close(f.begin)
}

func (f *Flipper) run() {
	for b := range f.begin {
		for i := uint64(0); ; i++ {
			b.word.Store(b.between[i%2])
			if f.stop.Load() {
				f.flips.Add(i + 1)
				break
			}
			if i%64 == 63 {
				runtime.Gosched()
			}
		}
		f.ended <- struct{}{}
	}
}
