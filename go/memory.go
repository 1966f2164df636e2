package zeroduplex

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/shm"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// MemoryProvider supplies the memory of a segment.
type MemoryProvider interface {
	// Allocate makes size bytes of new, zeroed memory under a name. A provider of existing memory refuses.
	Allocate(name string, size uint64, mode os.FileMode) error
	// Bytes is the memory, starting on a 64-byte boundary, nil before Allocate. The provider owns it until Close.
	Bytes() []byte
	// Close gives the memory back. Nobody may use Bytes afterwards.
	Close() error
}

var (
	_ MemoryProvider = (*SharedMemory)(nil)
	_ MemoryProvider = (*SharedMemoryView)(nil)
)

// SharedMemory is a POSIX shared-memory object: every page is reserved when it is allocated, so that a full /dev/shm is an error
// then and never a signal later. Not safe for concurrent use.
type SharedMemory struct {
	object *shm.Object
	wish   shm.PageWish // of the server or reader that allocates it
}

// Allocate makes and maps an object that has no name yet; the channel gives it its name when it is complete.
// Errors: ErrOutOfMemory, ErrPermissionDenied, ErrInvalidArgument when it holds memory already.
func (m *SharedMemory) Allocate(name string, size uint64, mode os.FileMode) error {
	if m.object != nil {
		return &Error{Code: ErrorCodeInvalidArgument, Op: "allocate shared memory", Channel: name, Detail: "it holds memory already"}
	}
	object, err := shm.Create(name, size, mode, m.wish)
	if err != nil {
		return systemError("allocate shared memory", name, err)
	}
	m.object = object
	return nil
}

// Bytes is the mapping.
func (m *SharedMemory) Bytes() []byte {
	if m.object == nil {
		return nil
	}
	return m.object.Bytes()
}

// Close unmaps the memory. It does not remove a name.
func (m *SharedMemory) Close() error {
	object := m.object
	m.object = nil
	return object.Close()
}

// SharedMemoryView is existing memory: a mapping of the caller's own, or heap memory for both ends in one process. It refuses to
// allocate and has no liveness: no lock tells whether the other side lives, so a peer that dies without closing is not noticed.
// The caller keeps the memory alive and unmoved until both ends are closed, and until then for nothing else, a next server
// included. A Stop that timed out has left handlers that write to it until they return.
type SharedMemoryView struct {
	mem []byte
}

// NewSharedMemoryView wraps memory that starts on a 64-byte boundary.
func NewSharedMemoryView(mem []byte) (*SharedMemoryView, error) {
	if len(mem) == 0 {
		return nil, &Error{Code: ErrorCodeInvalidArgument, Op: "view memory", Detail: "no memory given"}
	}
	if !aligned(mem) {
		return nil, &Error{Code: ErrorCodeInvalidArgument, Op: "view memory", Detail: misaligned}
	}
	return &SharedMemoryView{mem: mem}, nil
}

var misaligned = fmt.Sprintf("memory does not start on a %d-byte boundary", wire.BlockAlignment)

// aligned reports whether memory starts where a segment can: its words are accessed atomically.
func aligned(mem []byte) bool {
	return uintptr(unsafe.Pointer(unsafe.SliceData(mem)))%uintptr(wire.BlockAlignment) == 0
}

// Allocate refuses.
func (v *SharedMemoryView) Allocate(name string, _ uint64, _ os.FileMode) error {
	return &Error{Code: ErrorCodeInvalidArgument, Op: "allocate shared memory", Channel: name, Detail: "a view maps existing memory and cannot allocate"}
}

// Bytes is the memory.
func (v *SharedMemoryView) Bytes() []byte { return v.mem }

// Size is the length of the memory in bytes.
func (v *SharedMemoryView) Size() uint64 { return uint64(len(v.mem)) }

// Close does nothing: the memory is the caller's.
func (v *SharedMemoryView) Close() error { return nil }

// systemError gives an error of the platform layer its code.
func systemError(op, channel string, err error) error {
	code := ErrorCodeSystem
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		code = ErrorCodeUnsupportedPlatform
	case errors.Is(err, shm.ErrNoSpace), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.ENOMEM), errors.Is(err, syscall.EDQUOT):
		code = ErrorCodeOutOfMemory
	case errors.Is(err, shm.ErrPermission):
		code = ErrorCodePermissionDenied
	}
	return &Error{Code: code, Op: op, Channel: channel, Err: err}
}
