package zeroduplex

import (
	"context"
	"runtime"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/spin"
)

// spinBatch is how many looks a spin takes between two readings of the clock.
const spinBatch = 128

// pause is the waiting of one call: first spinning, then sleeping, until its deadline. The clock is first read when the call
// really has to wait.
type pause struct {
	ctx     context.Context
	timeout time.Duration // when ctx has no deadline

	dated     bool // deadline is settled
	begun     bool // and spinning, too
	deadline  time.Time
	spinUntil time.Time // zero: no spinning
	forever   bool      // spin until the deadline
	looked    time.Time // at the clock, by spinning
	manners   manners
}

// date settles the deadline. It counts from the first wait of the call.
func (p *pause) date(now time.Time) {
	if p.dated {
		return
	}
	p.dated = true
	p.deadline = now.Add(p.timeout)
	if d, ok := p.ctx.Deadline(); ok {
		p.deadline = d
	}
}

// begin reads the clock and settles deadline and spin window.
func (p *pause) begin(o commonOptions) {
	if p.begun {
		return
	}
	p.begun = true
	now := time.Now()
	p.date(now)
	switch o.wait {
	case WaitSpin:
		p.forever = true
	case WaitHybrid:
		p.spinUntil = now.Add(o.spinWindow)
	case WaitBlock:
	}
}

// spinning reports whether to go on spinning.
func (p *pause) spinning() bool {
	if !p.forever && p.spinUntil.IsZero() {
		return false
	}
	now := time.Now()
	if !p.forever && !now.Before(p.spinUntil) {
		p.spinUntil = time.Time{}
		return false
	}
	p.looked = now
	return true
}

// letOthersRun comes before every batch of looks that spinning wants, with no lock held.
func (p *pause) letOthersRun() { p.manners.keep(p.looked) }

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
	p.date(time.Now())
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

// yieldEvery is how long a spinning goroutine keeps its processor to itself. Yielding costs microseconds when it makes the scheduler
// start another thread, so short waits never do.
const yieldEvery = 20 * time.Microsecond

// manners lets others run while one spins: processes, of which the peer may wait for this very processor, after every batch of looks, and
// other goroutines now and then.
type manners struct {
	last time.Time
}

func (m *manners) keep(now time.Time) {
	spin.Yield()
	switch {
	case m.last.IsZero():
		m.last = now
	case now.Sub(m.last) >= yieldEvery:
		runtime.Gosched()
		m.last = now
	}
}
