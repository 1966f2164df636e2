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

// patience tries something again and again, with growing pauses, until a deadline or the context's end.
type patience struct {
	ctx      context.Context
	deadline time.Time
	pause    time.Duration
}

// newPatience lasts for a timeout, or until the context's deadline when that is earlier.
func newPatience(ctx context.Context, timeout time.Duration) patience {
	p := patience{ctx: ctx, deadline: time.Now().Add(timeout), pause: attachPauseMin}
	if d, ok := ctx.Deadline(); ok && d.Before(p.deadline) {
		p.deadline = d
	}
	return p
}

// wait pauses before the next look, false when there is no time left.
func (p *patience) wait() bool {
	left := time.Until(p.deadline)
	if left <= 0 || p.ctx.Err() != nil {
		return false
	}
	time.Sleep(min(p.pause, left))
	p.pause = min(2*p.pause, attachPauseMax)
	return true
}

// retry tries until it succeeds or fails with what time does not heal. Out of time, it prefers the reason why it took so long over the
// bare timeout.
func (p *patience) retry(op, name string, heals func(ErrorCode) bool, try func() error) error {
	for {
		err := try()
		var failed *Error
		if err == nil || errors.As(err, &failed) && !heals(failed.Code) {
			return err
		}
		if p.wait() {
			continue
		}
		if errors.Is(p.ctx.Err(), context.Canceled) {
			return &Error{Code: ErrorCodeCancelled, Op: op, Channel: name, Err: err}
		}
		return err
	}
}
