package zeroduplex

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/spin"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// streamEnd is what Reader and Writer have in common: one caller at a time works, the others queue behind it; closing wakes all of them,
// and the last one who uses the memory unmaps it.
type streamEnd struct {
	patience spin.Patience // of whoever spins for the peer
	name     string
	use      string // for errors, such as "use reader"
	options  commonOptions
	buffer   *streamBuffer
	report   MemoryReport
	wake     func()       // wakes whoever sleeps on a semaphore; mu is held
	leave    func() error // ends the use of the memory; mu is held

	mu      sync.Mutex
	idle    sync.Cond // waits went down while closing
	turn    turnQueue
	failure error // why nothing works any more, nil while all is well
	peer    peer
	closing bool
	left    bool
	holds   int // running calls and what is out
	waits   int // calls that wait for something
}

// MemoryReport says what became of WithPrefault and WithHugePages, also after Close.
func (e *streamEnd) MemoryReport() MemoryReport { return e.report }

func (e *streamEnd) fail(code ErrorCode, op, detail string) error {
	return &Error{Code: code, Op: op, Channel: e.name, Detail: detail}
}

// broken makes every later call fail with an error of the ring; mu is held.
func (e *streamEnd) broken(op string, err error) error {
	e.failure = streamError(op, e.name, err)
	return e.failure
}

// enter begins a call and takes its turn; mu is held. After nil the call ends with finish, or hands its hold to what it gives out.
func (e *streamEnd) enter(p *pause) error {
	if e.failure != nil {
		return e.failure
	}
	e.holds++
	err := e.takeTurn(p)
	if err != nil {
		e.unhold()
	}
	return err
}

// takeTurn waits for the turn; mu is held on entry and return. Besides the failure it gives the context's errors.
func (e *streamEnd) takeTurn(p *pause) error {
	if e.turn.tryTake() {
		return nil
	}
	t := e.turn.enqueue()
	for {
		var err error
		e.unlocked(func() { err = p.receive(t.wake) })
		if e.failure != nil {
			err = e.failure
		}
		switch {
		case t.granted && e.failure == nil:
			return nil
		case t.granted:
			e.turn.release()
			return err
		case err != nil:
			e.turn.remove(t)
			return err
		}
	}
}

// finish gives back the turn and the hold of a call; mu is held.
func (e *streamEnd) finish() {
	e.turn.release()
	e.unhold()
}

// unhold ends a call, or what was out; mu is held.
func (e *streamEnd) unhold() {
	e.holds--
	if e.closing {
		_ = e.leaveIfIdle() // after Close has returned, a failing munmap has nobody to go to
	}
}

// unlocked runs one wait without the lock; mu is held on entry and return. Close waits for all of them.
func (e *streamEnd) unlocked(wait func()) {
	e.waits++
	e.mu.Unlock()
	wait()
	e.mu.Lock()
	e.waits--
	if e.closing {
		e.idle.Broadcast()
	}
}

// shut makes every call fail as closed and waits until those that wait have noticed; mu is held, and let go meanwhile. The memory is still
// there when it returns true: it was not closed before.
func (e *streamEnd) shut() bool {
	first := !e.closing
	e.closing = true
	e.failure = e.fail(ErrorCodeClosed, e.use, "")
	e.holds++ // else the last call that ends takes the memory along
	for e.waits > 0 {
		e.wake()
		e.turn.wakeAll()
		e.idle.Wait()
	}
	e.holds--
	return first
}

// leaveIfIdle gives the memory back when no call runs and nothing of it is out; mu is held.
func (e *streamEnd) leaveIfIdle() error {
	if e.left || e.holds > 0 {
		return nil
	}
	e.left = true
	if err := e.leave(); err != nil {
		return &Error{Code: ErrorCodeSystem, Op: "close", Channel: e.name, Err: err}
	}
	return nil
}

// lives reports whether the process at the other end, whose pid was read just now, lives; mu is held.
func (e *streamEnd) lives(pid uint64) bool {
	e.peer.checked = time.Time{} // the answer is wanted for now
	return pid != wire.PidNone && !e.peer.gone(pid, time.Now())
}

// expired is the error of a call that ran out of time, or whose context was cancelled.
func (e *streamEnd) expired(op string, err error, code ErrorCode, detail string) error {
	switch {
	case errors.Is(err, context.Canceled):
		return &Error{Code: ErrorCodeCancelled, Op: op, Channel: e.name, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return e.fail(code, op, detail)
	}
	return err
}
