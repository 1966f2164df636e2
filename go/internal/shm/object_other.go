//go:build !linux

package shm

import (
	"errors"
	"os"

	"github.com/zeroduplex/zeroduplex/go/internal/birth"
)

// Object exists on Linux only.
type Object struct{}

// Create fails on this platform.
func Create(string, uint64, os.FileMode, PageWish) (*Object, error) {
	return nil, errors.ErrUnsupported
}

// Open fails on this platform.
func Open(string, bool) (*Object, error) { return nil, errors.ErrUnsupported }

// Map fails on this platform.
func (*Object) Map(bool) error { return errors.ErrUnsupported }

// MapFor fails on this platform.
func (*Object) MapFor(PageWish) error { return errors.ErrUnsupported }

// PreparePages fails on this platform.
func (*Object) PreparePages() error { return errors.ErrUnsupported }

// Pages is always empty.
func (*Object) Pages() PageReport { return PageReport{} }

// Bytes is always nil.
func (*Object) Bytes() []byte { return nil }

// Size is always 0.
func (*Object) Size() uint64 { return 0 }

// Owner is always 0.
func (*Object) Owner() uint32 { return 0 }

// Mode is always 0.
func (*Object) Mode() os.FileMode { return 0 }

// Link fails on this platform.
func (*Object) Link(string) error { return errors.ErrUnsupported }

// Reopen fails on this platform.
func (*Object) Reopen(string, bool) (int, error) { return -1, errors.ErrUnsupported }

// Linked fails on this platform.
func (*Object) Linked() (bool, error) { return false, errors.ErrUnsupported }

// Born says nothing.
func (*Object) Born() birth.Time { return birth.Time{} }

// IsNamed is always false.
func (*Object) IsNamed(string) bool { return false }

// RemoveIfNamed fails on this platform.
func (*Object) RemoveIfNamed(string) error { return errors.ErrUnsupported }

// Read fails on this platform.
func (*Object) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

// Descriptor is always -1.
func (*Object) Descriptor() int { return -1 }

// Close does nothing.
func (*Object) Close() error { return nil }

// CloseDescriptor fails on this platform.
func CloseDescriptor(int) error { return errors.ErrUnsupported }
