package zeroduplex

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"github.com/zeroduplex/zeroduplex/go/internal/lock"
	"github.com/zeroduplex/zeroduplex/go/internal/shm"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

const opCreateReader = "create reader"

// createStream takes the owner locks of the name and makes a buffer for its reader.
func createStream(name string, config BufferConfig, options readerOptions) (*streamBuffer, *lock.Owner, error) {
	l, err := config.layoutV1()
	if err != nil {
		return nil, nil, &Error{Code: ErrorCodeInvalidArgument, Op: opCreateReader, Channel: name, Err: err}
	}
	owner, err := lock.AcquireOwner(name)
	if errors.Is(err, lock.ErrHeld) {
		return nil, nil, ownedBy(name, err)
	}
	if err != nil {
		return nil, nil, systemError(opCreateReader, name, err)
	}
	provider := config.Memory
	if provider == nil {
		provider = &SharedMemory{}
	}
	var b *streamBuffer
	if own, ok := provider.(*SharedMemory); ok {
		own.wish = options.pages
		b, err = buildNamed(opCreateReader, name, refuseLivingReader, func() (*streamBuffer, error) { return buildStream(name, own, l, options.mode) })
	} else {
		b, err = createStreamOver(name, provider, l, options.mode)
	}
	if err != nil {
		return nil, nil, errors.Join(err, owner.Release())
	}
	return b, owner, nil
}

// ownedBy tells who holds the owner locks: servers in place take them too.
func ownedBy(name string, held error) error {
	code := ErrorCodeReaderAlreadyConnected
	if object, err := shm.Open(name, false); err == nil {
		var word [8]byte
		if n, err := object.Read(word[:]); err == nil && n == len(word) && uint32(binary.LittleEndian.Uint64(word[:])) == wire.OiebV2Size {
			code = ErrorCodeNameInUse
		}
		_ = object.Close() // only looked at
	}
	return &Error{Code: code, Op: opCreateReader, Channel: name, Err: held}
}

// refuseLivingReader leaves a buffer alone whose reader lives. A writer alone does not keep it: it will find its reader dead.
func refuseLivingReader(op, name string, head *v1Head) error {
	if pid, ok := head.living(wire.OiebV1ReaderPidOffset); ok {
		return &Error{Code: ErrorCodeReaderAlreadyConnected, Op: op, Channel: name, Detail: fmt.Sprintf("its process has pid %d", pid)}
	}
	return nil
}

// buildStream makes a named object: all but pid and identity before it gets its name, the semaphores next, those two last.
func buildStream(name string, own *SharedMemory, l wire.SegmentV1, mode os.FileMode) (_ *streamBuffer, err error) {
	if err := own.Allocate(name, l.Length, mode); err != nil {
		return nil, err
	}
	b := overlayV1(name, own, l)
	linked := false
	defer func() {
		if err == nil {
			return
		}
		if linked {
			err = errors.Join(err, own.object.RemoveIfNamed(name))
		}
		err = errors.Join(err, b.unmap())
	}()
	b.initialise()
	if err := own.object.Link(name); err != nil {
		return nil, systemError(opCreateReader, name, err)
	}
	linked = true
	if err := b.open(name, mode); err != nil {
		return nil, err
	}
	return b, nil
}

// createStreamOver lays a buffer out in memory that somebody else provides.
func createStreamOver(name string, provider MemoryProvider, l wire.SegmentV1, mode os.FileMode) (*streamBuffer, error) {
	if err := borrow(opCreateReader, name, provider, l.Length, mode); err != nil {
		return nil, err
	}
	// The semaphores go by the name, so a living owner's must not be replaced.
	if err := clearName(opCreateReader, name, refuseLivingReader); err != nil {
		return nil, err
	}
	clear(provider.Bytes()[:l.Payload.Offset])
	b := overlayV1(name, provider, l)
	b.initialise()
	if err := b.open(name, mode); err != nil {
		return nil, err
	}
	return b, nil
}

// initialise stores everything but the reader's pid and the identity. What else there is, is zero.
func (b *streamBuffer) initialise() {
	metadata, payload := uint64(len(b.metadata)), uint64(len(b.Payload))
	b.Oieb.MetadataSize, b.Oieb.PayloadSize = metadata, payload
	b.Oieb.MetadataFreeBytes.Store(metadata)
	b.Oieb.PayloadFreeBytes.Store(payload)
}

// open lets writers in.
func (b *streamBuffer) open(name string, mode os.FileMode) (err error) {
	if b.tokens, err = streamSemaphores.replace(name, mode); err != nil {
		return systemError(opCreateReader, name, err)
	}
	b.Oieb.ReaderPid.Store(ownPid())
	// Pairs with the acquire load of an attaching writer: whoever sees the identity sees a whole buffer.
	b.Oieb.Identity().Store(wire.OiebV1IdentityWord)
	return nil
}

// withdraw says that the reader is gone and removes the names that are still ours. Writers that are attached keep their mappings.
func (b *streamBuffer) withdraw(owner *lock.Owner) error {
	// Pairs with the writer's acquire load: it looks before every frame and whenever it wakes.
	b.Oieb.ReaderPid.Store(wire.PidNone)
	if b.dataRead.Sleepers() > 0 {
		b.dataRead.PostIfZero() // one that is about to sleep finds out after a slice
	}
	errs := []error{streamSemaphores.remove(&b.tokens, b.name)}
	if own, ok := b.provider.(*SharedMemory); ok {
		errs = append(errs, own.object.RemoveIfNamed(b.name))
	}
	// The locks last: a successor must find the names free.
	return errors.Join(append(errs, owner.Release())...)
}
