package zeroduplex

import (
	"context"
	"runtime"
	"time"
)

// spinBatch is how many looks a spin takes between two readings of the clock.
const spinBatch = 256

// pause is the waiting of one call: first spinning, then sleeping, until its deadline. The clock is first read when the call
// really has to wait.
type pause struct {
	ctx     context.Context
	timeout time.Duration // when ctx has no deadline

	begun     bool
	deadline  time.Time
	spinUntil time.Time // zero: no spinning
	forever   bool      // spin until the deadline
}

// begin reads the clock and settles deadline and spin window.
func (p *pause) begin(o commonOptions) {
	if p.begun {
		return
	}
	p.begun = true
	now := time.Now()
	p.deadline = now.Add(p.timeout)
	if d, ok := p.ctx.Deadline(); ok {
		p.deadline = d
	}
	switch o.wait {
	case WaitSpin:
		p.forever = true
	case WaitHybrid:
		p.spinUntil = now.Add(o.spinWindow)
	case WaitBlock:
	}
}

// spinning reports whether to go on spinning. It lets other goroutines run, since a spinning one holds its processor.
func (p *pause) spinning() bool {
	if !p.forever && (p.spinUntil.IsZero() || !time.Now().Before(p.spinUntil)) {
		p.spinUntil = time.Time{}
		return false
	}
	yield()
	return true
}

// expired is the context's error, or context.DeadlineExceeded when time is up.
func (p *pause) expired() error {
	if err := p.ctx.Err(); err != nil {
		return err
	}
	if !time.Now().Before(p.deadline) {
		return context.DeadlineExceeded
	}
	return nil
}

// receive waits in this process for a signal, the deadline or the context's end.
func (p *pause) receive(wake <-chan struct{}) error {
	if !p.begun {
		p.begin(commonOptions{wait: WaitBlock})
	}
	timer := time.NewTimer(time.Until(p.deadline))
	defer timer.Stop()
	select {
	case <-wake:
		return nil
	case <-timer.C:
		return context.DeadlineExceeded
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// yield lets other goroutines run on this processor.
func yield() { runtime.Gosched() }
