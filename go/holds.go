package zeroduplex

import "sync/atomic"

// holdCount counts what keeps a segment mapped: running calls in the low half and views that are out (responses, an acquired buffer)
// in the high half, in one word so that a call that ends in a view never drops to nothing in between.
type holdCount struct {
	word atomic.Int64
}

const oneView = int64(1) << 32

func (h *holdCount) addCall(n int64) { h.word.Add(n) }
func (h *holdCount) addView(n int64) { h.word.Add(n * oneView) }

// callToView ends a call whose result is a view.
func (h *holdCount) callToView() { h.word.Add(oneView - 1) }

func (h *holdCount) calls() int64 { return h.word.Load() & (oneView - 1) }
func (h *holdCount) any() bool    { return h.word.Load() != 0 }
