package chaos

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
)

// batchSize is how many round trips one loop inside an agent makes. The pauses between loops are short beside it.
const batchSize = 200

// work is a load in numbers that fit the channel.
type work struct {
	load   Load
	window uint64
	modulo uint64 // sizes are below
	step   uint64
}

// work fits a round's load to the channel: all of the window must have room at once, with what laps waste.
func (s *session) work(r Round) work {
	return work{load: r.Load, window: r.Window, step: r.Step, modulo: s.payload/(4*r.Window) - 64}
}

// running is a load under way.
type running struct {
	stop    atomic.Bool
	workers sync.WaitGroup
	mu      sync.Mutex
	ends    []end
}

// end is how one of the load's threads ended.
type end struct {
	err error
	at  time.Time
}

// start begins a round's load on the client.
func (s *session) start(w work) *running {
	l := &running{}
	switch w.load {
	case Idle:
	case Calls:
		var lock sync.Mutex
		for n := range w.window {
			l.spawn(func(k uint64) error { return s.callAmong(&lock, (n*97+k*w.step)%w.modulo, n+k) })
		}
	case OneWay:
		l.spawn(func(k uint64) error { return s.oneWayAndCall(w, k) })
	default:
		l.spawn(func(uint64) error { return s.batch(w, batchSize) })
	}
	return l
}

// spawn repeats something until it fails or the load is stopped.
func (l *running) spawn(step func(k uint64) error) {
	l.workers.Add(1)
	go func() {
		defer l.workers.Done()
		var err error
		for k := uint64(0); err == nil && !l.stop.Load(); k++ {
			err = step(k)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.ends = append(l.ends, end{err, time.Now()})
	}()
}

// wait waits for the end of all threads, whatever it is.
func (l *running) wait() {
	l.stop.Store(true)
	l.workers.Wait()
}

// finish lets the load end by itself.
func (l *running) finish() error {
	l.wait()
	var errs []error
	for _, e := range l.ends {
		errs = append(errs, e.err)
	}
	return errors.Join(errs...)
}

// fail waits until every thread of the load has failed with one of the errors, and says when the last one did.
func (l *running) fail(names ...string) (time.Time, error) {
	l.workers.Wait()
	var last time.Time
	var errs []error
	for _, e := range l.ends {
		errs = append(errs, mustFail("the load", e.err, names...))
		if e.at.After(last) {
			last = e.at
		}
	}
	return last, errors.Join(errs...)
}

// lost waits for the load of a process that was ended. An answer may have come first, content that is wrong may not.
func (l *running) lost() error {
	l.wait()
	var errs []error
	for _, e := range l.ends {
		if e.err != nil && !errors.Is(e.err, agents.ErrGone) {
			errs = append(errs, e.err)
		}
	}
	return errors.Join(errs...)
}

// callAmong is a call beside others.
func (s *session) callAmong(lock *sync.Mutex, size, seed uint64) error {
	f, err := ask[agentproto.FrameReport](s.match, s.client, agentproto.OpCall, map[string]any{"size": size, "seed": seed})
	if err != nil {
		return err
	}
	s.match.stats.answers.Add(1)
	lock.Lock()
	defer lock.Unlock()
	return errors.Join(s.numbers.answered(f.Sequence), right(f, size, seed, true))
}

// oneWayAndCall sends some requests that nobody waits for, then calls.
func (s *session) oneWayAndCall(w work, k uint64) error {
	for i := range 1 + k%5 {
		sent, err := ask[agentproto.SentReport](s.match, s.client, agentproto.OpSend, map[string]any{"size": (k*w.step + i) % w.modulo, "seed": k, "one_way": true})
		if err != nil {
			return err
		}
		if err := s.numbers.alone(sent.Sequence, true); err != nil {
			return err
		}
	}
	return s.call((k*w.step)%w.modulo, k, true)
}
