//go:build !linux

package sem

import (
	"errors"
	"os"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/birth"
)

// Semaphore exists on Linux only.
type Semaphore struct{}

// Replace fails: named semaphores of this layout exist on Linux only.
func Replace(_, _ string, _ os.FileMode) (*Semaphore, error) { return nil, errors.ErrUnsupported }

// Open fails: named semaphores of this layout exist on Linux only.
func Open(string) (*Semaphore, error) { return nil, errors.ErrUnsupported }

// Value is always 0.
func (*Semaphore) Value() uint32 { return 0 }

// Sleepers is always 0.
func (*Semaphore) Sleepers() uint32 { return 0 }

// Born says nothing.
func (*Semaphore) Born() birth.Time { return birth.Time{} }

// Inode is always 0.
func (*Semaphore) Inode() uint64 { return 0 }

// PostIfZero does nothing.
func (*Semaphore) PostIfZero() {}

// Post fails like Replace.
func (*Semaphore) Post() error { return errors.ErrUnsupported }

// PostBelow never posts.
func (*Semaphore) PostBelow(uint32) bool { return false }

// TryTake never gets a token.
func (*Semaphore) TryTake() bool { return false }

// Wait never gets a token.
func (*Semaphore) Wait(time.Duration) bool { return false }

// Close does nothing.
func (*Semaphore) Close() error { return nil }

// RemoveIfSame fails like Replace.
func (*Semaphore) RemoveIfSame(string) error { return errors.ErrUnsupported }
