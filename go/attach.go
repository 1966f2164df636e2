package zeroduplex

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/lock"
	"github.com/zeroduplex/zeroduplex/go/internal/sem"
	"github.com/zeroduplex/zeroduplex/go/internal/shm"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

const opConnect = "connect to"

// attacher is one attempt to connect, with all its retries.
type attacher struct {
	attempts
	name    string
	options clientOptions
}

// healsForClient says what time may heal for a connecting client.
func healsForClient(c ErrorCode) bool {
	return c == ErrorCodeServerNotFound || c == ErrorCodeServerBusy || c == ErrorCodeWriterAlreadyConnected
}

func (a *attacher) fail(code ErrorCode, detail string, err error) error {
	return &Error{Code: code, Op: opConnect, Channel: a.name, Detail: detail, Err: err}
}

// missing is for a part of the channel that cannot be opened: its server may still be making it. A lack of descriptors is our own.
func (a *attacher) missing(detail string, err error) error {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		return systemError(opConnect, a.name, err)
	}
	return a.fail(ErrorCodeServerNotFound, detail, err)
}

func (a *attacher) try() (*segment, error) {
	if a.options.view != nil {
		return a.tryView()
	}
	object, err := shm.Open(a.name, true)
	switch {
	case errors.Is(err, shm.ErrNotExist):
		return nil, a.fail(ErrorCodeServerNotFound, "no object of that name", nil)
	case errors.Is(err, shm.ErrPermission):
		return nil, a.fail(ErrorCodePermissionDenied, "the object's mode does not let us in; the server can set it", err)
	case err != nil:
		return nil, systemError(opConnect, a.name, err)
	}
	own := &SharedMemory{object: object}
	s, err := a.tryObject(own)
	if err != nil {
		return nil, errors.Join(err, own.Close())
	}
	return s, nil
}

func (a *attacher) tryObject(own *SharedMemory) (_ *segment, err error) {
	if foreign(own.object.Owner()) && !a.options.otherUsers {
		return nil, a.fail(ErrorCodePermissionDenied, fmt.Sprintf("the object belongs to user %d; allow other users to connect to it", own.object.Owner()), nil)
	}
	if own.object.Size() < wire.OiebV1Size {
		if own.object.Size() == 0 {
			return nil, a.fail(ErrorCodeServerNotFound, "the object is still empty", nil)
		}
		return nil, a.fail(ErrorCodeCorrupted, fmt.Sprintf("the object has only %d bytes", own.object.Size()), nil)
	}
	if err := own.object.MapFor(a.options.pages); err != nil {
		return nil, systemError(opConnect, a.name, err)
	}
	l, err := a.validate(own.Bytes(), true)
	if err != nil {
		return nil, err
	}
	fd, err := own.object.Reopen(a.name, true)
	if err != nil {
		return nil, a.missing("the object is gone again", err)
	}
	life := &lockLiveness{fd: fd}
	s := overlay(a.name, own, l)
	s.life = life
	locked := false
	defer func() {
		if err != nil {
			if locked {
				err = errors.Join(err, life.releaseClient())
			}
			err = errors.Join(err, s.semaphores.close(), life.close())
		}
	}()
	if !life.serverAlive() {
		return nil, a.fail(ErrorCodeServerNotFound, "its server is dead", nil)
	}
	if locked, err = lock.TryByte(fd, wire.LockByteClient); err != nil {
		return nil, systemError(opConnect, a.name, err)
	}
	if !locked {
		return nil, a.fail(ErrorCodeWriterAlreadyConnected, "another client is attached", nil)
	}
	if err := a.awaitReset(s); err != nil {
		return nil, err
	}
	// Only now: whoever is refused has not paid for the pages.
	if err := own.object.PreparePages(); err != nil {
		return nil, systemError(opConnect, a.name, err)
	}
	if s.semaphores, err = openSemaphores(a.name); err != nil {
		return nil, a.missing("its semaphores cannot be opened", err)
	}
	// A living owner of a named object proves that the semaphores, which only go by the name, are this object's.
	if linked, err := own.object.Linked(); err != nil || !linked || !life.serverAlive() {
		return nil, a.fail(ErrorCodeServerNotFound, "", errors.Join(errLost, err))
	}
	pid := uint64(os.Getpid())
	s.Response.ReaderPid.Store(pid)
	// Pairs with the server's acquire load: from here on the fields are ours.
	s.Request.WriterPid.Store(pid)
	return s, nil
}

// tryView attaches to a segment in existing memory.
func (a *attacher) tryView() (*segment, error) {
	view := a.options.view
	if view.Size() < wire.OiebV1Size {
		return nil, a.fail(ErrorCodeInvalidArgument, fmt.Sprintf("the view has only %d bytes", view.Size()), nil)
	}
	l, err := a.validate(view.Bytes(), false)
	if err != nil {
		return nil, err
	}
	s := overlay(a.name, view, l)
	s.life = &viewLiveness{request: s.Request, response: s.Response}
	switch pid := s.Request.WriterPid.Load(); {
	case !s.life.serverAlive():
		return nil, a.fail(ErrorCodeServerNotFound, "its server has stopped", nil)
	case pid == wire.ResetWanted:
		return nil, a.fail(ErrorCodeServerBusy, stillBusy, nil)
	case pid != wire.PidNone:
		return nil, a.fail(ErrorCodeWriterAlreadyConnected, "another client is attached", nil)
	}
	// Claim first: without a lock this is what keeps a second client out. Pairs with the leaving client's and the resetting server's stores.
	if !s.Request.WriterPid.CompareAndSwap(wire.PidNone, uint64(os.Getpid())) {
		return nil, a.fail(ErrorCodeWriterAlreadyConnected, "another client is attaching", nil)
	}
	if s.semaphores, err = openSemaphores(a.name); err != nil {
		s.Request.WriterPid.Store(wire.ResetWanted)
		return nil, a.missing("its semaphores cannot be opened", err)
	}
	s.Response.ReaderPid.Store(uint64(os.Getpid()))
	return s, nil
}

// validate derives the layout from what is stored and checks it. exact: the segment must fill the memory.
func (a *attacher) validate(mem []byte, exact bool) (wire.SegmentV2, error) {
	request := (*wire.OiebV2)(unsafe.Pointer(&mem[0]))
	// Pairs with the creating server's last store.
	identity := request.Identity().Load()
	switch {
	case identity == wire.IdentityNotReady:
		return wire.SegmentV2{}, a.fail(ErrorCodeServerNotFound, "the segment is not ready yet", nil)
	case uint32(identity) == wire.OiebV1Size:
		return wire.SegmentV2{}, a.fail(ErrorCodeVersionMismatch, fmt.Sprintf("the segment is ZeroBuffer v%s, this client speaks v%s", versionOf(identity), versionOf(wire.OiebV2IdentityWord)), nil)
	case uint32(identity) == wire.OiebV2Size && byte(identity>>32) != wire.ProtocolV2Major:
		return wire.SegmentV2{}, a.fail(ErrorCodeVersionMismatch, fmt.Sprintf("the segment is v%s, this client speaks v%s", versionOf(identity), versionOf(wire.OiebV2IdentityWord)), nil)
	case uint32(identity) != wire.OiebV2Size:
		return wire.SegmentV2{}, a.fail(ErrorCodeCorrupted, fmt.Sprintf("oieb_size %d is none we know", uint32(identity)), nil)
	}
	smallest, _ := wire.ResolveSegmentV2(0, 0, wire.MinPayloadSize)
	if uint64(len(mem)) < smallest.Length {
		return wire.SegmentV2{}, a.fail(ErrorCodeCorrupted, fmt.Sprintf("the memory has only %d bytes", len(mem)), nil)
	}
	metadataRequest, payload := request.MetadataSize, request.PayloadSize
	response := (*wire.OiebV2)(unsafe.Pointer(&mem[smallest.OiebResponse.Offset]))
	metadataResponse, payloadAgain, identityAgain := response.MetadataSize, response.PayloadSize, response.Identity().Load()
	l, ok := wire.ResolveSegmentV2(metadataRequest, metadataResponse, payload)
	switch {
	case identityAgain != identity:
		return l, a.fail(ErrorCodeCorrupted, fmt.Sprintf("the two blocks are v%s and v%s", versionOf(identity), versionOf(identityAgain)), nil)
	case payload != payloadAgain:
		return l, a.fail(ErrorCodeCorrupted, fmt.Sprintf("the two blocks say %d and %d bytes of payload", payload, payloadAgain), nil)
	case !ok || l.MetadataRequest.Size != metadataRequest || l.MetadataResponse.Size != metadataResponse || l.Payload.Size != payload:
		return l, a.fail(ErrorCodeCorrupted, fmt.Sprintf("sizes %d, %d, %d make no segment", metadataRequest, metadataResponse, payload), nil)
	case l.Length > uint64(len(mem)) || exact && l.Length != uint64(len(mem)):
		return l, a.fail(ErrorCodeCorrupted, fmt.Sprintf("the segment says %d bytes, the memory has %d", l.Length, len(mem)), nil)
	}
	return l, nil
}

func versionOf(identity uint64) string {
	return fmt.Sprintf("%d.%d.%d", byte(identity>>32), byte(identity>>40), byte(identity>>48))
}

const stillBusy = "the server has not let go of a client that is gone: a handler still works for it, or the server has not started"

// awaitReset gets the segment from the server that a former client has left in whatever state. Called with byte 1 held.
func (a *attacher) awaitReset(s *segment) error {
	// Pairs with the server's release store at the end of a reset.
	if s.Request.WriterPid.Load() == wire.PidNone {
		return nil
	}
	// Pairs with the server's acquire load.
	s.Request.WriterPid.Store(wire.ResetWanted)
	a.wakeServer()
	checked := time.Now()
	for s.Request.WriterPid.Load() != wire.PidNone {
		if !a.wait() {
			return a.fail(ErrorCodeServerBusy, stillBusy, nil)
		}
		if time.Since(checked) >= wire.DefaultV2WaitSlice {
			if !s.life.serverAlive() {
				return a.fail(ErrorCodeServerNotFound, "", errLost)
			}
			checked = time.Now()
		}
	}
	a.pause = attachPauseMin
	return nil
}

// wakeServer is only a hint: the semaphore may be an old one, and a sleeping server looks once a slice anyway.
func (a *attacher) wakeServer() {
	s, err := sem.Open(wire.SemaphorePath(wire.RequestReadySemaphore(a.name)))
	if err != nil {
		return
	}
	s.PostIfZero()
	_ = s.Close() // a failing munmap of a hint changes nothing
}
