package zeroduplex

import "github.com/zeroduplex/zeroduplex/go/internal/ring"

// waiter is a receiver that waits in this process while another one sleeps on response-ready.
type waiter struct {
	frame *ring.Frame // nil: any response
	wake  chan struct{}
}

// waiterList has the receivers that do not sleep on the semaphore. Its methods are called with the channel's mu held.
type waiterList struct {
	items []*waiter
}

func (l *waiterList) add(f *ring.Frame) *waiter {
	w := &waiter{frame: f, wake: make(chan struct{}, 1)}
	l.items = append(l.items, w)
	return w
}

func (l *waiterList) remove(w *waiter) {
	for i, other := range l.items {
		if other == w {
			l.items = append(l.items[:i], l.items[i+1:]...)
			return
		}
	}
}

// wakeAnswered wakes those whose response is there; any tells whether one is there for those that take any.
func (l *waiterList) wakeAnswered(any bool) {
	for _, w := range l.items {
		if w.frame == nil && any || w.frame != nil && (w.frame.Answered() || w.frame.Cancelled) {
			signal(w.wake)
		}
	}
}

// wakeOne wakes the one that has waited longest, to take a role that was left.
func (l *waiterList) wakeOne() {
	if len(l.items) > 0 {
		signal(l.items[0].wake)
	}
}

func (l *waiterList) wakeAll() {
	for _, w := range l.items {
		signal(w.wake)
	}
}
