package zeroduplex

import (
	"context"
	"fmt"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// await waits until the next frame is there; mu and the turn are held. Whenever it is not, check looks at the other end; its error counts
// once everything that was written has been read. Running out of time gives the context's errors.
func (r *Reader) await(p *pause, check func() error) error {
	token := false
	for {
		switch {
		case r.failure != nil:
			return r.failure
		case token && !r.nudged() && r.ring.Published(), r.announced():
			return nil
		}
		p.begin(r.options)
		if err := check(); err != nil {
			// The other end was looked at after the token: once more, for what came between. A writer that died between publishing and posting
			// left a frame without one.
			if r.announced() || r.ring.Recoverable() {
				return nil
			}
			return err
		}
		if err := p.expired(); err != nil {
			return err
		}
		token = r.rest(p)
	}
}

// announced takes a token that tells of a frame, if there is one; mu and the turn are held. Of those that tell of nothing it takes one and
// what we posted ourselves: however many somebody stores, every look ends, and the caller looks at the clock.
func (r *Reader) announced() bool {
	for r.buffer.dataWritten.TryTake() {
		if !r.nudged() {
			return r.ring.Published()
		}
	}
	return false
}

// nudged reports whether the token that was taken is one of our own. Tokens cannot be told from each other, so what counts is their number.
func (r *Reader) nudged() bool {
	if r.nudges.Load() == 0 {
		return false
	}
	r.nudges.Add(-1)
	return true
}

// nudge wakes our own sleeper.
func (r *Reader) nudge() {
	r.nudges.Add(1) // first: whoever takes a token must know how many are ours
	if r.buffer.dataWritten.Post() != nil {
		r.nudges.Add(-1) // so many tokens that nobody sleeps
	}
}

// rest waits a little for a token and reports whether it took one; mu is held on entry and return.
func (r *Reader) rest(p *pause) (token bool) {
	r.unlocked(func() {
		if !p.spinning() {
			token = r.sleep(p)
			return
		}
		p.letOthersRun()
		r.patience.Spin(spinBatch, func() bool { return r.buffer.dataWritten.Value() != 0 })
	})
	return token
}

// sleep waits for a token until the deadline, but no longer than a slice. Cancelling the context wakes it.
func (r *Reader) sleep(p *pause) bool {
	if ctx := p.ctx; ctx.Done() != nil { // not p, which would escape
		nudged := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			if !wakesItself(ctx) {
				r.nudge()
			}
			close(nudged)
		})
		defer func() {
			if !stop() {
				<-nudged // the next look takes it away again
			}
		}()
	}
	return r.buffer.dataWritten.Wait(min(wire.DefaultV2WaitSlice, time.Until(p.deadline)))
}

// checkWriter says that nobody writes any more; mu is held. A buffer that nobody ever wrote to waits for its first writer.
func (r *Reader) checkWriter() error {
	oieb := r.buffer.Oieb
	// Pairs with the attaching and the leaving writer's compare-and-swap. Who came and went between two looks has left something.
	pid := oieb.WriterPid.Load()
	if !r.peer.known && pid == wire.PidNone {
		r.peer.known = oieb.MetadataWrittenBytes.Load() > 0
	}
	if !r.peer.gone(pid, time.Now()) {
		return nil
	}
	if pid == wire.PidNone {
		return r.fail(ErrorCodeWriterDead, opRead, "it has closed")
	}
	return r.fail(ErrorCodeWriterDead, opRead, fmt.Sprintf("its process %d is dead", pid))
}
