package benchproto

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/sem"
)

// SemaphoreName is the name for sem_open, without its slash, of a control file's semaphore: "ping" or "pong".
func SemaphoreName(control, which string) string { return filepath.Base(control) + "-" + which }

func semaphorePath(control, which string) string {
	return filepath.Join("/dev/shm", "sem."+SemaphoreName(control, which))
}

// Semaphores are the two that client and server of one measurement post to each other.
type Semaphores struct {
	ping, pong *sem.Semaphore
	stall      time.Duration
}

// CreateSemaphores makes both for a control file; the driver does. remove takes them away again.
func CreateSemaphores(control string) (remove func() error, err error) {
	var made []*sem.Semaphore
	remove = func() (err error) {
		for i, s := range made {
			err = errors.Join(err, s.RemoveIfSame(semaphorePath(control, [...]string{"ping", "pong"}[i])), s.Close())
		}
		return err
	}
	for _, which := range []string{"ping", "pong"} {
		path := semaphorePath(control, which)
		s, err := sem.Replace(path, path+".new", 0o600)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("making the benchmark's semaphores: %w", err), remove())
		}
		made = append(made, s)
	}
	return remove, nil
}

// OpenSemaphores opens those of a control file.
func OpenSemaphores(control string) (*Semaphores, error) {
	ping, err := sem.Open(semaphorePath(control, "ping"))
	if err != nil {
		return nil, fmt.Errorf("opening the benchmark's semaphores: %w", err)
	}
	pong, err := sem.Open(semaphorePath(control, "pong"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("opening the benchmark's semaphores: %w", err), ping.Close())
	}
	return &Semaphores{ping: ping, pong: pong, stall: StallLimit}, nil
}

// Close closes both.
func (s *Semaphores) Close() error { return errors.Join(s.ping.Close(), s.pong.Close()) }

// Serve is the client's side, like Line.Serve.
func (s *Semaphores) Serve(rounds int, clock Clock, samples []int64) ([]int64, error) {
	before := clock.Now()
	for i := range rounds {
		if err := s.ping.Post(); err != nil {
			return samples, err
		}
		if !s.pong.Wait(s.stall) {
			return samples, ErrStalled
		}
		now := clock.Now()
		if i >= SemaphoreWarmup {
			samples = append(samples, clock.Sample(before, now))
		}
		before = now
	}
	return samples, nil
}

// Return is the server's side, run by the handler of a frame that asks for AskSemaphores; the line knows how many rounds.
func (s *Semaphores) Return(line *Line) error {
	rounds, err := line.askedFor()
	if err != nil {
		return err
	}
	for range rounds {
		if !s.ping.Wait(s.stall) {
			return ErrStalled
		}
		if err := s.pong.Post(); err != nil {
			return err
		}
	}
	return nil
}
