package zeroduplex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/zeroduplex/zeroduplex/go/internal/lock"
	"github.com/zeroduplex/zeroduplex/go/internal/process"
	"github.com/zeroduplex/zeroduplex/go/internal/ring"
	"github.com/zeroduplex/zeroduplex/go/internal/shm"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

const opCreate = "create in-place duplex server"

// createAttempts bounds the races that creation may lose against other creators of the name.
const createAttempts = 100

// createSegment makes the segment of a server that holds the owner lock of the name. Metadata of the server that is known already
// is there before any client is.
func createSegment(name string, config BufferConfig, options serverOptions, metadata []byte) (*segment, error) {
	l, err := config.layout()
	if err != nil {
		return nil, &Error{Code: ErrorCodeInvalidArgument, Op: opCreate, Channel: name, Err: err}
	}
	provider := config.Memory
	if provider == nil {
		provider = &SharedMemory{}
	}
	if own, ok := provider.(*SharedMemory); ok {
		own.wish = options.pages
		return createObject(name, own, l, options.mode, metadata)
	}
	return createOver(name, provider, l, options.mode, metadata)
}

// createObject makes a named object: complete but for the first eight bytes before it gets its name, the semaphores next, those
// bytes last.
func createObject(name string, own *SharedMemory, l wire.SegmentV2, mode os.FileMode, metadata []byte) (*segment, error) {
	return buildNamed(opCreate, name, refuseLivingV1, func() (*segment, error) { return buildObject(name, own, l, mode, metadata) })
}

// buildNamed clears the name and builds an object that takes it, again when somebody else took the name meanwhile.
func buildNamed[S any](op, name string, v1 livingV1, build func() (*S, error)) (*S, error) {
	for range createAttempts {
		if err := clearName(op, name, v1); err != nil {
			return nil, err
		}
		s, err := build()
		if !errors.Is(err, shm.ErrExists) {
			return s, err
		}
	}
	return nil, &Error{Code: ErrorCodeNameInUse, Op: op, Channel: name, Detail: "others keep creating it"}
}

func buildObject(name string, own *SharedMemory, l wire.SegmentV2, mode os.FileMode, metadata []byte) (_ *segment, err error) {
	if err := own.Allocate(name, l.Length, mode); err != nil {
		return nil, err
	}
	s := overlay(name, own, l)
	s.life = &lockLiveness{fd: -1}
	linked := false
	defer func() {
		if err == nil {
			return
		}
		if linked {
			err = errors.Join(err, own.object.RemoveIfNamed(name), s.remove(name))
		}
		err = errors.Join(err, s.unmap())
	}()
	fd, err := own.object.Reopen(name, true)
	if err != nil {
		return nil, systemError(opCreate, name, err)
	}
	s.life = &lockLiveness{fd: fd}
	if ok, err := lock.TryByte(fd, wire.LockByteServer); err != nil || !ok {
		return nil, &Error{Code: ErrorCodeSystem, Op: opCreate, Channel: name, Detail: "cannot lock a new object", Err: err}
	}
	if err := s.initialise(l, metadata); err != nil {
		return nil, err
	}
	if err := own.object.Link(name); err != nil {
		return nil, systemError(opCreate, name, err)
	}
	linked = true
	if s.semaphores, err = replaceSemaphores(name, mode); err != nil {
		return nil, systemError(opCreate, name, err)
	}
	// Pairs with the acquire load of an attaching client: whoever sees the identity sees a whole segment.
	s.Request.Identity().Store(wire.OiebV2IdentityWord)
	return s, nil
}

// createOver initialises a segment in memory that somebody else provides.
func createOver(name string, provider MemoryProvider, l wire.SegmentV2, mode os.FileMode, metadata []byte) (*segment, error) {
	if err := borrow(opCreate, name, provider, l.Length, mode); err != nil {
		return nil, err
	}
	// The semaphores go by the name, so a living server's must not be replaced.
	if err := clearName(opCreate, name, refuseLivingV1); err != nil {
		return nil, err
	}
	clear(provider.Bytes()[:l.Payload.Offset])
	s := overlay(name, provider, l)
	s.life = &viewLiveness{request: s.Request, response: s.Response}
	var err error
	if s.semaphores, err = replaceSemaphores(name, mode); err != nil {
		return nil, systemError(opCreate, name, err)
	}
	if err := s.initialise(l, metadata); err != nil {
		return nil, errors.Join(err, s.semaphores.remove(name), s.semaphores.close())
	}
	// Pairs with the acquire load of an attaching client.
	s.Request.Identity().Store(wire.OiebV2IdentityWord)
	return s, nil
}

// borrow makes sure that a provider of the application's has memory in which a segment of length bytes can be laid out.
func borrow(op, name string, provider MemoryProvider, length uint64, mode os.FileMode) error {
	if provider.Bytes() == nil {
		if err := provider.Allocate(name, length, mode); err != nil {
			return err
		}
	}
	if !aligned(provider.Bytes()) {
		return &Error{Code: ErrorCodeInvalidArgument, Op: op, Channel: name, Detail: misaligned}
	}
	if have := uint64(len(provider.Bytes())); have < length {
		return &Error{Code: ErrorCodeInvalidArgument, Op: op, Channel: name, Detail: fmt.Sprintf("the memory has %d bytes, the segment takes %d", have, length)}
	}
	return nil
}

// initialise stores everything but the first eight bytes.
func (s *segment) initialise(l wire.SegmentV2, metadata []byte) error {
	for _, b := range []struct {
		block    *wire.OiebV2
		metadata uint64
	}{{s.Request, l.MetadataRequest.Size}, {s.Response, l.MetadataResponse.Size}} {
		b.block.MetadataSize = b.metadata
		b.block.MetadataFreeBytes.Store(b.metadata)
		b.block.PayloadSize = l.Payload.Size
	}
	ring.NewServer(s.Memory).Reset()
	pid := uint64(os.Getpid())
	s.Request.ReaderPid.Store(pid)
	s.Response.WriterPid.Store(pid)
	s.Response.Identity().Store(wire.OiebV2IdentityWord)
	if metadata == nil {
		return nil
	}
	return writeMetadata(s.Response, s.metadataResponse, metadata)
}

// v1Head is the info block of a v1 buffer as it was found under a name.
type v1Head [wire.OiebV1Size]byte

// living is the pid that stands at an offset, when its process lives.
func (h *v1Head) living(offset int) (uint64, bool) {
	pid := binary.LittleEndian.Uint64(h[offset:])
	return pid, process.Alive(pid)
}

// livingV1 says why a v1 buffer must not be removed, or nil. Pids are the only sign of life that it has.
type livingV1 func(op, name string, head *v1Head) error

// refuseLivingV1 leaves a v1 buffer alone in which anybody lives.
func refuseLivingV1(op, name string, head *v1Head) error {
	for _, offset := range []int{wire.OiebV1WriterPidOffset, wire.OiebV1ReaderPidOffset} {
		if pid, ok := head.living(offset); ok {
			return &Error{Code: ErrorCodeNameInUse, Op: op, Channel: name, Detail: fmt.Sprintf("a ZeroBuffer v1 process lives there (pid %d)", pid)}
		}
	}
	return nil
}

// clearName removes what a dead owner left under the name, and refuses when the owner lives or the object is not ours.
func clearName(op, name string, v1 livingV1) error {
	inUse := func(detail string, err error) error {
		return &Error{Code: ErrorCodeNameInUse, Op: op, Channel: name, Detail: detail, Err: err}
	}
	old, err := shm.Open(name, true)
	switch {
	case errors.Is(err, shm.ErrNotExist):
		return nil
	case errors.Is(err, shm.ErrNotRegular):
		return inUse("something that is no shared-memory object has this name", nil)
	case errors.Is(err, shm.ErrPermission):
		return inUse("another user's object has this name", err)
	case err != nil:
		return systemError(op, name, err)
	}
	defer old.Close()

	var head v1Head
	n, err := old.Read(head[:])
	if err != nil {
		return systemError(op, name, err)
	}
	identity := binary.LittleEndian.Uint64(head[:])
	switch {
	case identity == wire.IdentityNotReady && (n == 0 || n >= wire.OiebV2Size):
	case uint32(identity) == wire.OiebV2Size && byte(identity>>32) == wire.ProtocolV2Major:
	case uint32(identity) == wire.OiebV1Size:
		if err := v1(op, name, &head); err != nil {
			return err
		}
	default:
		return inUse("a file that is not ours has this name", nil)
	}
	// The truth about a v2 owner. We keep the byte until the name is gone, so that no two creators remove each other's objects.
	free, err := lock.TryByte(old.Descriptor(), wire.LockByteServer)
	if err != nil {
		return systemError(op, name, err)
	}
	if !free {
		return inUse("a living server has this name", nil)
	}
	if err := old.RemoveIfNamed(name); err != nil {
		return systemError(op, name, err)
	}
	return nil
}
