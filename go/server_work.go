package zeroduplex

import (
	"errors"
	"fmt"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/ordered"
	"github.com/zeroduplex/zeroduplex/go/internal/ring"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// serve is one worker: it takes requests of its tenure until the server stops or gives the tenure up.
func (s *InPlaceDuplexServer) serve(t *tenure) {
	var w work
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if !s.next(t, &w) {
			return
		}
		s.perform(t, &w)
	}
}

// next waits for a request; mu is held on entry and return.
//
// One worker polls, the others wait for its signal. Looking and taking that role is one critical section, so no request falls
// between a look and a sleep; a worker that takes a request wakes another for the role.
func (s *InPlaceDuplexServer) next(t *tenure, w *work) bool {
	for s.phase == serving && s.current == t {
		if s.look(t, w) {
			t.running++
			t.references++
			if s.idle > 0 {
				s.work.Signal()
			}
			if s.resting {
				s.resting = false
				signal(s.busy)
			}
			return true
		}
		if len(s.reports) > 0 {
			s.deliverReports() // lets go of the lock, so everything must be looked at again
			continue
		}
		if s.current != t {
			break // given up in look
		}
		if s.polling {
			s.idle++
			s.work.Wait()
			s.idle--
			continue
		}
		s.polling = true
		t.references++ // stopping does not wait for ever
		s.poll(t)
		s.polling = false
		_ = t.unreference() // Stop has reported
	}
	s.work.Signal() // we may have been woken for a role that we do not take
	s.finished.Broadcast()
	s.deliverReports()
	return false
}

// look takes the next request, and does what a client that left makes necessary; mu is held all the time.
func (s *InPlaceDuplexServer) look(t *tenure, w *work) bool {
	// A client that left waits for nothing: of what it published only one-way requests still run. Pairs with the stores of the leaving
	// and the attaching client.
	if !t.resetting && t.seg.Request.WriterPid.Load() == wire.ResetWanted {
		s.beginReset(t)
	}
	if s.take(t, w) {
		return true
	}
	if !t.resetting && s.clientLeft(t) {
		s.beginReset(t)
		if s.take(t, w) {
			return true
		}
	}
	switch {
	case !t.resetting:
	case s.polling:
		s.kick() // a reset replaces the semaphore that the poller sleeps on, so the poller does it
	default:
		s.advanceReset(t)
	}
	return false
}

// take walks the cursor to the next request that is to be run; mu is held.
func (s *InPlaceDuplexServer) take(t *tenure, w *work) bool {
	if t.corrupt {
		return false
	}
	found, err := t.take(&w.frame, t.resetting)
	if err != nil {
		s.markCorrupted(t, err)
	}
	return found
}

// take walks the cursor to the next request that is to be run; when the client has left, only one-way requests are. The cursor is
// the caller's. An error is corruption.
func (t *tenure) take(f *ring.Claimed, left bool) (bool, error) {
	for {
		ok, err := t.ring.Next(f)
		switch {
		case err != nil || !ok:
			return false, err
		case f.Cancelled:
			t.ring.Skip(f)
			// Pairs with the client's sender, which takes its token and then looks at the state.
			ordered.Fence()
			t.seg.spaceAvailable.PostIfZero()
		case left && !f.OneWay:
			t.ring.Pass(f)
		case t.ring.Take(f):
			return true, nil
		default:
			// Cancelled since we looked: the next round skips it.
		}
	}
}

// markCorrupted stops taking and disowns the segment; the client sees it, detaches, and the ordinary reset follows.
func (s *InPlaceDuplexServer) markCorrupted(t *tenure, err error) {
	t.corrupt = true
	// Pairs with the client's acquire load in checkPeer.
	t.seg.Response.WriterPid.Store(wire.PidNone)
	t.seg.responseReady.PostIfZero()
	t.seg.spaceAvailable.PostIfZero()
	s.report(&Error{Code: ErrorCodeCorrupted, Op: "take request", Channel: s.name, Err: err})
}

// report keeps an error for the error function; mu is held. The application is not called here: it may ask the server something, and
// whoever finds an error must go on without letting go of the lock.
func (s *InPlaceDuplexServer) report(err error) { s.reports = append(s.reports, err) }

// deliverReports lets go of the lock meanwhile; mu is held on entry and return.
func (s *InPlaceDuplexServer) deliverReports() {
	for len(s.reports) > 0 {
		reports := s.reports
		s.reports = nil
		s.mu.Unlock()
		for _, err := range reports {
			s.options.onError(err)
		}
		s.mu.Lock()
	}
}

// clientLeft reports whether a client was attached that is gone or wants a reset; mu is held.
func (s *InPlaceDuplexServer) clientLeft(t *tenure) bool {
	// Pairs with the stores of the attaching and the leaving client.
	switch t.seg.Request.WriterPid.Load() {
	case wire.PidNone:
		return t.corrupt && !t.seg.life.clientAlive()
	case wire.ResetWanted:
		return true
	}
	if !t.checkDue {
		return false
	}
	t.checkDue, t.checked = false, time.Now()
	return !t.seg.life.clientAlive()
}

// poll waits for something to look at; mu is held on entry and return, the polling role by the caller.
func (s *InPlaceDuplexServer) poll(t *tenure) {
	passed, kicks := t.ring.Passed(), s.kicks.Load()
	slice := wire.DefaultV2WaitSlice
	if t.resetting {
		if left := time.Until(t.deadline); left > 0 {
			slice = min(slice, left)
		}
	}
	// In a reset, or after corruption, what is published is no reason to stop waiting.
	quiet := t.resetting || t.corrupt
	spun := t.spun
	t.spun = false
	s.mu.Unlock()
	found, token := false, false
	// A hybrid server that slept a whole slice goes on sleeping: spinning pays only while requests come.
	if !quiet && !spun && (s.options.wait == WaitSpin || s.options.wait == WaitHybrid && !t.drowsy) {
		found = s.spinForRequest(t, passed, kicks)
	}
	if !found && (quiet || s.options.wait != WaitSpin) {
		token = t.seg.requestReady.Wait(slice)
	}
	s.mu.Lock()
	t.drowsy = !found && !token
	if found {
		return
	}
	age := time.Since(t.checked)
	t.checkDue = t.checkDue || age >= wire.DefaultV2WaitSlice || token && age >= time.Millisecond
}

// spinForRequest spins for the spin window, or for a slice when it never sleeps. True: there is something to look at.
func (s *InPlaceDuplexServer) spinForRequest(t *tenure, passed uint64, kicks uint32) bool {
	window := s.options.spinWindow
	if s.options.wait == WaitSpin {
		window = wire.DefaultV2WaitSlice
	}
	t.patience.Wait()
	found := t.ring.Published(passed)
	t.patience.Learn(found)
	if found {
		return true
	}
	if t.ring.SpinFor(passed, spinBatch) {
		return true
	}
	start := time.Now() // only when a whole batch was in vain
	var manners manners
	for now := start; now.Sub(start) < window; now = time.Now() {
		if s.kicks.Load() != kicks || t.seg.Request.WriterPid.Load() == wire.ResetWanted {
			return true
		}
		manners.keep(now)
		if t.ring.SpinFor(passed, spinBatch) {
			return true
		}
	}
	return false
}

// errGoexit answers for a handler that ended its goroutine, as the testing package's FailNow does.
var errGoexit = errors.New("the handler ended its goroutine (runtime.Goexit)")

// perform runs the handler without the lock, answers and settles; mu is held on entry and return. The only worker goes on with
// further requests while they come: every taking of the lock would be a good part of a round trip.
func (s *InPlaceDuplexServer) perform(t *tenure, w *work) {
	alone, kicks := s.options.workers == 1, s.kicks.Load()
	s.mu.Unlock()
	handling, settled := false, false
	var corruption error
	defer func() {
		if handling {
			// The handler did not return. One recover for all requests of the loop: one for each would be a good part of a round trip, too.
			if p := recover(); p != nil {
				s.answer(w, fmt.Errorf("handler panicked: %v", p))
			} else {
				s.answer(w, errGoexit)
				go s.serve(t) // this worker ends
			}
		}
		s.mu.Lock()
		if !settled {
			t.settle(w)
		}
		if corruption != nil {
			s.markCorrupted(t, corruption)
		}
		s.finish(t)
	}()
	for found := true; found; {
		handling, settled = true, false
		err := s.handler(w.begin())
		handling = false
		s.answer(w, err)
		if !alone {
			return
		}
		t.settle(w)
		settled = true
		found, corruption = s.nextAlone(t, w, kicks)
	}
}

// nextAlone waits for the only worker's next request as long as it spins, without the lock: while a handler counts as running nobody
// else touches the cursor. It gives up when somebody kicks.
func (s *InPlaceDuplexServer) nextAlone(t *tenure, w *work, kicks uint32) (bool, error) {
	for {
		// Waiting comes before looking: a look that is too early takes the counters' cache line away from the client.
		if s.options.wait != WaitBlock && !s.spinForRequest(t, t.ring.Passed(), kicks) {
			t.spun = true
			return false, nil
		}
		// Pairs with the client's store when it leaves.
		if s.kicks.Load() != kicks || t.seg.Request.WriterPid.Load() == wire.ResetWanted {
			return false, nil
		}
		if found, err := t.take(&w.frame, false); found || err != nil || s.options.wait == WaitBlock {
			return found, err
		}
	}
}

// answer publishes what the handler made of the frame.
func (s *InPlaceDuplexServer) answer(w *work, err error) {
	w.end()
	switch f := &w.frame; {
	case f.OneWay:
		if err != nil {
			s.options.onError(&Error{Code: ErrorCodeHandlerFailed, Op: "handle one-way request", Channel: s.name, Err: err})
		}
		f.Finish()
	case err == nil:
		f.Answer(w.size, int32(wire.FrameStatusOk), false)
	default:
		var status int32
		w.size, status = writeFailure(f.Data[:f.Capacity], err)
		f.Answer(w.size, status, true)
	}
}

// writeFailure puts an error's message into a frame, cut at a character's boundary.
func writeFailure(area []byte, err error) (size uint64, status int32) {
	status = int32(wire.FrameStatusHandlerFailed)
	var app *failure
	switch {
	case errors.As(err, &app):
		status = app.code
	case errors.Is(err, ErrResponseTooLarge):
		status = int32(wire.FrameStatusResponseTooLarge)
	}
	message := fmt.Sprint(err) // unlike err.Error it survives an Error method that panics
	return uint64(copy(area, cut(message, len(area)))), status
}

// settle counts an answer and wakes whom it concerns; the response counters are the caller's. The client may have read the answer
// already.
func (t *tenure) settle(w *work) {
	oneWay := w.frame.OneWay
	// Both are full fences. They pair with the client, which takes its token, or marks a frame abandoned, and then looks at the state.
	if oneWay {
		ordered.Fence()
	} else {
		t.ring.Count(w.size)
		t.seg.responseReady.PostIfZero()
	}
	// The value first: the frame's line is the client's by now, and costs a cache miss. Nothing of a one-way frame may be touched.
	if t.seg.spaceAvailable.Value() == 0 && (oneWay || w.frame.Abandoned()) {
		t.seg.spaceAvailable.PostIfZero()
	}
}

// finish ends the work that next began; mu is held.
func (s *InPlaceDuplexServer) finish(t *tenure) {
	t.running--
	if t.resetting {
		t.deadline = time.Now().Add(s.options.resetTimeout) // it gets on
		if t.running == 0 && s.current == t {
			s.kick()
		}
	}
	if s.phase != serving {
		s.finished.Broadcast()
	}
	_ = t.unreference() // only a tenure given up ends here; nobody is left to tell of a failing munmap
}
