package segment

import (
	"fmt"
	"io/fs"
	"time"
)

// CreateSemaphores makes both semaphores anew.
func (b *RawBuffer) CreateSemaphores(mode fs.FileMode) error { return CreateSemaphores(b.name, mode) }

// semaphore opens a semaphore at its first use; it stays open, as those of a real peer do, when somebody takes its name away.
func (b *RawBuffer) semaphore(which string) (semaphore, error) {
	if s, ok := b.semaphores[which]; ok {
		return s, nil
	}
	s, err := openSemaphore(b.name, which)
	if err != nil {
		return nil, fmt.Errorf("semaphore %s: %w", which, err)
	}
	if b.semaphores == nil {
		b.semaphores = map[string]semaphore{}
	}
	b.semaphores[which] = s
	return s, nil
}

// Post posts a semaphore.
func (b *RawBuffer) Post(which string) error {
	s, err := b.semaphore(which)
	if err != nil {
		return err
	}
	return s.post()
}

// WaitToken takes a token of a semaphore, and waits for it if there is none.
func (b *RawBuffer) WaitToken(which string, patience time.Duration) (bool, error) {
	s, err := b.semaphore(which)
	if err != nil {
		return false, err
	}
	return s.wait(patience)
}

// Tokens is the value of a semaphore.
func (b *RawBuffer) Tokens(which string) (uint64, error) {
	s, err := b.semaphore(which)
	if err != nil {
		return 0, err
	}
	return uint64(s.value()), nil
}

// SetTokens makes the value of a semaphore what it is told.
func (b *RawBuffer) SetTokens(which string, value uint64) error {
	s, err := b.semaphore(which)
	if err == nil {
		s.set(uint32(value))
	}
	return err
}
