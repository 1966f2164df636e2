package zeroduplex

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// forever is the timeout of what only the context ends.
const forever = time.Duration(math.MaxInt64)

// serve answers requests until the server stops.
func (s *ImmutableDuplexServer) serve() {
	returned := false
	defer func() {
		if !returned {
			go s.serve() // the handler ended its goroutine, and was answered for
		}
	}()
	for s.step() {
	}
	returned = true
	close(s.ended)
}

// step takes one request and answers it. False: the server stops.
func (s *ImmutableDuplexServer) step() bool {
	p := pause{ctx: s.stopping, timeout: forever}
	f, err := s.requests.next(&p, s.lookAtClient, s.welcome)
	switch {
	case s.stopping.Err() != nil:
		f.Release()
		return false
	case err != nil:
		return s.renew(err)
	}
	defer f.Release()
	s.mu.Lock()
	responses := s.responses
	s.mu.Unlock()
	// What a client that is gone has left is only read. The answers to all others go where their requests came from.
	if responses != nil && responses.checkAlive() == nil {
		s.perform(f, responses)
	}
	return true
}

// lookAtClient lets go of the response buffer of a client that is gone. It never ends the wait for requests.
func (s *ImmutableDuplexServer) lookAtClient() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.responses != nil && s.responses.checkAlive() != nil {
		s.let()
	}
	return nil
}

// dismiss is let for whoever does not hold mu.
func (s *ImmutableDuplexServer) dismiss() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.let()
}

// let leaves the response buffer of a client; mu is held.
func (s *ImmutableDuplexServer) let() {
	if s.responses != nil {
		_ = s.responses.Close() // a failing munmap of what is the client's
		s.responses = nil
	}
}

// responsePatience is how long a client's first request waits for its response buffer. Published clients and ours make it before they send
// anything, so what is not there belongs to a client that is gone; its successor may wait for us to find that out.
const responsePatience = time.Second

// welcome opens the response buffer of the client whose first request lies there and is not read yet. Until it is read, no other client makes
// a response buffer: clients wait until what their predecessor left is read. So whatever is found now is of the request's own sender.
func (s *ImmutableDuplexServer) welcome() {
	s.dismiss()
	a := streamAttacher{name: s.name + responseSuffix, otherUsers: s.options.otherUsers, pages: s.options.pages}
	tries := newAttempts(s.stopping, responsePatience)
	var client peer
	for {
		buffer, ring, err := a.try()
		if err == nil {
			s.adopt(newWriter(buffer, ring, s.options.commonOptions, forever))
			return
		}
		var failed *Error
		heals := errors.As(err, &failed) && healsForWriter(failed.Code)
		client.known = true
		switch {
		case client.gone(s.requests.buffer.Oieb.WriterPid.Load(), time.Now()):
			return // its requests are dropped
		case !heals, !tries.wait():
			if s.stopping.Err() == nil {
				s.report(&Error{Code: ErrorCodeBufferNotFound, Op: "answer", Channel: s.name, Detail: "the client has no response buffer; its requests are dropped", Err: err})
			}
			return
		}
	}
}

// adopt takes over a client's response buffer.
func (s *ImmutableDuplexServer) adopt(responses *Writer) {
	s.mu.Lock()
	s.responses = responses
	var err error
	if s.metadata != nil {
		err = responses.SetMetadata(s.metadata)
	}
	s.mu.Unlock()
	if err != nil && !errors.Is(err, ErrReaderDead) {
		s.report(err)
	}
}

// perform runs the handler and answers, whatever becomes of it.
func (s *ImmutableDuplexServer) perform(f ReceivedFrame, responses *Writer) {
	d := draft{writer: responses, ctx: s.leaving}
	err := errGoexit
	defer func() { s.settle(f.Sequence(), &d, err) }()
	err = guarded(func() error { return s.answer(f, &d) })
}

// guarded runs code of the application's; a panic of it becomes its error.
func guarded(run func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("handler panicked: %v", p)
		}
	}()
	return run()
}

// settle sends the one response that every request gets.
func (s *ImmutableDuplexServer) settle(sequence uint64, d *draft, err error) {
	if err == nil {
		err = d.commit()
	} else {
		d.abort()
	}
	if err == nil || s.left(d.writer) {
		return
	}
	s.report(&Error{Code: ErrorCodeHandlerFailed, Op: "handle request", Channel: s.name, Detail: fmt.Sprintf("request %d", sequence), Err: err})
	if err := d.apologise(err); err != nil && !s.left(d.writer) {
		s.report(&Error{Code: ErrorCodeHandlerFailed, Op: "answer", Channel: s.name, Detail: fmt.Sprintf("request %d stays without a response", sequence), Err: err})
	}
}

// left reports whether nobody is there any more to be answered.
func (s *ImmutableDuplexServer) left(responses *Writer) bool {
	err := responses.checkAlive()
	return s.leaving.Err() != nil || errors.Is(err, ErrReaderDead) || errors.Is(err, ErrClosed)
}
