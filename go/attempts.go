package zeroduplex

import (
	"context"
	"errors"
	"time"
)

// attachPause bounds how long whoever connects waits between two looks. Names and lock bytes cannot be waited for.
const (
	attachPauseMin = 20 * time.Microsecond
	attachPauseMax = 2 * time.Millisecond
)

// attempts tries something again and again, with growing pauses, until a deadline or the context's end.
type attempts struct {
	ctx      context.Context
	deadline time.Time
	pause    time.Duration
}

// newAttempts lasts for a timeout, or until the context's deadline when that is earlier.
func newAttempts(ctx context.Context, timeout time.Duration) attempts {
	a := attempts{ctx: ctx, deadline: time.Now().Add(timeout), pause: attachPauseMin}
	if d, ok := ctx.Deadline(); ok && d.Before(a.deadline) {
		a.deadline = d
	}
	return a
}

// wait pauses before the next look, false when there is no time left.
func (a *attempts) wait() bool {
	left := time.Until(a.deadline)
	if left <= 0 || a.ctx.Err() != nil {
		return false
	}
	time.Sleep(min(a.pause, left))
	a.pause = min(2*a.pause, attachPauseMax)
	return true
}

// repeat tries until it succeeds or fails with what time does not heal. Out of time, it prefers the reason why it took so long over the
// bare timeout.
func (a *attempts) repeat(op, name string, heals func(ErrorCode) bool, try func() error) error {
	for {
		err := try()
		var failed *Error
		if err == nil || errors.As(err, &failed) && !heals(failed.Code) {
			return err
		}
		if a.wait() {
			continue
		}
		if errors.Is(a.ctx.Err(), context.Canceled) {
			return &Error{Code: ErrorCodeCancelled, Op: op, Channel: name, Err: err}
		}
		return err
	}
}
