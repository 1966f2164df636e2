package zeroduplex

// turnQueue lets one sender at a time claim ring space, first come first served. Its methods are called with the channel's mu held.
type turnQueue struct {
	held   bool
	buffer bool // the holder is an acquired buffer in the application's hands
	queue  []*ticket
}

// ticket is a place in the queue. Wake has room for one signal, so that signalling never blocks.
type ticket struct {
	wake    chan struct{}
	granted bool
}

// tryTake takes the turn when nobody has it and nobody waits.
func (q *turnQueue) tryTake() bool {
	if !q.free() {
		return false
	}
	q.held = true
	return true
}

// free reports whether nobody has the turn and nobody waits.
func (q *turnQueue) free() bool { return !q.held && len(q.queue) == 0 }

func (q *turnQueue) enqueue() *ticket {
	t := &ticket{wake: make(chan struct{}, 1)}
	q.queue = append(q.queue, t)
	return t
}

// remove gives up a place that was not granted.
func (q *turnQueue) remove(t *ticket) {
	for i, other := range q.queue {
		if other == t {
			q.queue = append(q.queue[:i], q.queue[i+1:]...)
			return
		}
	}
}

// release hands the turn to the first in the queue.
func (q *turnQueue) release() {
	q.buffer = false
	if len(q.queue) == 0 {
		q.held = false
		return
	}
	t := q.queue[0]
	q.queue = q.queue[1:]
	t.granted = true
	signal(t.wake)
}

func (q *turnQueue) wakeAll() {
	for _, t := range q.queue {
		signal(t.wake)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default: // a signal is there already; its receiver will look
	}
}
