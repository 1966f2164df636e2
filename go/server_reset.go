package zeroduplex

import (
	"context"
	"os"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// watch notices clients that die while all workers are busy, and handlers that never end. It looks once a slice while requests are
// taken, and rests while there are none: every timer that ends wakes the scheduler's own thread for milliseconds. It also stops the
// server at the end of the context.
func (s *InPlaceDuplexServer) watch(ctx context.Context) {
	ticker := time.NewTicker(wire.DefaultV2WaitSlice)
	defer ticker.Stop()
	passed := uint64(0)
	for {
		select {
		case <-s.done:
			return
		case <-ctx.Done():
			_ = s.Close() // whoever wants the error calls Stop, which waits for this one
			return
		case <-s.busy:
			ticker.Reset(wire.DefaultV2WaitSlice)
			continue
		case <-ticker.C:
		}
		var rest bool
		passed, rest = s.supervise(passed)
		if rest {
			ticker.Stop()
		}
	}
}

// supervise does what the workers are too busy for. It is given the requests that had been passed when it last looked, and says how many
// there are now and whether the server may rest.
func (s *InPlaceDuplexServer) supervise(passed uint64) (uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != serving {
		return passed, false // Stop may have unmapped the segment already
	}
	// A polling worker does all of this itself.
	if t := s.current; !s.polling && t.running > 0 {
		t.checkDue = true
		if !t.resetting && s.clientLeft(t) {
			s.beginReset(t)
			s.kick() // the only worker goes on without looking
		}
		if t.resetting {
			s.advanceReset(t)
		}
	}
	now := s.current.seg.Request.PayloadReadCount.Load()
	s.resting = s.polling && now == passed
	rest := s.resting
	s.deliverReports()
	return now, rest
}

// beginReset starts to clean up after a client that left; mu is held.
func (s *InPlaceDuplexServer) beginReset(t *tenure) {
	t.resetting = true
	t.deadline = time.Now().Add(s.options.resetTimeout)
}

// advanceReset ends a reset when its handlers have ended, or gives the object up when they do not; mu is held and nobody polls.
func (s *InPlaceDuplexServer) advanceReset(t *tenure) {
	now := time.Now()
	switch {
	case now.Before(t.retry):
	case t.running == 0:
		t.retry = now.Add(wire.DefaultV2WaitSlice)
		if err := s.reset(t); err != nil {
			s.report(&Error{Code: ErrorCodeSystem, Op: "reset segment", Channel: s.name, Detail: "new clients must wait", Err: err})
		}
	case !now.Before(t.deadline):
		t.retry = now.Add(wire.DefaultV2WaitSlice)
		if err := s.giveUp(t); err != nil {
			s.report(&Error{Code: ErrorCodeSystem, Op: "give up segment", Channel: s.name, Detail: "no client can connect", Err: err})
		}
	}
}

// reset makes the segment what an attaching client expects. No handler runs and nobody sleeps on the semaphores.
func (s *InPlaceDuplexServer) reset(t *tenure) error {
	seg := t.seg
	fresh, err := replaceSemaphores(s.name, s.options.mode)
	if err != nil {
		// Retried after a slice; until then connecting says that the server is busy.
		return err
	}
	old := seg.semaphores
	seg.semaphores = fresh
	size := uint64(len(seg.metadataRequest))
	seg.Request.MetadataWrittenBytes.Store(0)
	seg.Request.MetadataFreeBytes.Store(size)
	t.ring.Reset()
	seg.Response.ReaderPid.Store(wire.PidNone)
	seg.Response.WriterPid.Store(uint64(os.Getpid()))
	t.resetting, t.corrupt, t.checkDue = false, false, false
	t.checked, t.retry = time.Now(), time.Time{}
	// Last: pairs with the acquire load of the attaching client, which waits for it.
	seg.Request.WriterPid.Store(wire.PidNone)
	return old.close()
}

// giveUp leaves the segment to handlers that do not end and starts anew under the same name. Their late answers go to the old
// mapping, where nobody sees them; their workers end with them.
func (s *InPlaceDuplexServer) giveUp(old *tenure) error {
	old.deadline = time.Now().Add(s.options.resetTimeout) // for the next try, should this one fail
	own, named := old.seg.provider.(*SharedMemory)
	if !named {
		// Existing memory cannot be replaced: the next client waits until the handlers end.
		return nil
	}
	if err := own.object.RemoveIfNamed(s.name); err != nil {
		return err
	}
	// Clients that wait on this object see byte 0 free and open the name again.
	if err := old.seg.life.releaseServer(); err != nil {
		return err
	}
	config := s.config
	config.Memory = nil
	seg, err := createSegment(s.name, config, s.options, s.metadata)
	if err != nil {
		// The server has no object any more and cannot get one.
		go func() { _ = s.Stop(0) }() // not under the lock that we hold; the error function is told why
		return err
	}
	s.current = newTenure(seg, s.options.pages)
	s.kicks.Add(1) // the only worker of the old tenure goes on until it hears of it
	// The old tenure's workers see that it is no longer current and end; new ones start.
	for range s.options.workers {
		go s.serve(s.current)
	}
	s.work.Broadcast()
	return old.unreference()
}
