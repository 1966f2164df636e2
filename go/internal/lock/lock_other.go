//go:build !linux

package lock

import "errors"

// ErrHeld says that another process holds an owner lock.
var ErrHeld = errors.New("owner lock is held")

// Owner exists on Linux only.
type Owner struct{}

// AcquireOwner fails on this platform.
func AcquireOwner(string) (*Owner, error) { return nil, errors.ErrUnsupported }

// Release does nothing.
func (*Owner) Release() error { return nil }

// TryByte fails on this platform.
func TryByte(int, uint64) (bool, error) { return false, errors.ErrUnsupported }

// UnlockByte fails on this platform.
func UnlockByte(int, uint64) error { return errors.ErrUnsupported }

// ByteHeld fails on this platform.
func ByteHeld(int, uint64) (bool, error) { return false, errors.ErrUnsupported }
