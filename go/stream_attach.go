package zeroduplex

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/process"
	"github.com/zeroduplex/zeroduplex/go/internal/shm"
	"github.com/zeroduplex/zeroduplex/go/internal/stream"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

const opConnectWriter = "connect writer to"

// healsForWriter says what time may heal for an attaching writer.
func healsForWriter(c ErrorCode) bool {
	return c == ErrorCodeBufferNotFound || c == ErrorCodeReaderDead || c == ErrorCodeWriterAlreadyConnected
}

// streamAttacher attaches a writer to the buffer of a living reader.
type streamAttacher struct {
	name       string
	otherUsers bool
	pages      shm.PageWish
	view       *SharedMemoryView
	caughtUp   bool // attach only when the reader has read everything that former writers left
}

func (a *streamAttacher) fail(code ErrorCode, detail string, err error) error {
	return &Error{Code: code, Op: opConnectWriter, Channel: a.name, Detail: detail, Err: err}
}

// attach retries within the connect timeout what time may heal.
func (a *streamAttacher) attach(p *attempts, options commonOptions, writeTimeout time.Duration) (w *Writer, err error) {
	err = p.repeat(opConnectWriter, a.name, healsForWriter, func() error {
		buffer, ring, err := a.try()
		if err == nil {
			w = newWriter(buffer, ring, options, writeTimeout)
		}
		return err
	})
	return w, err
}

// try attaches once.
func (a *streamAttacher) try() (*streamBuffer, *stream.Writer, error) {
	if a.view != nil {
		return a.tryMemory(a.view, false)
	}
	object, err := shm.Open(a.name, true)
	switch {
	case errors.Is(err, shm.ErrNotExist):
		return nil, nil, a.fail(ErrorCodeBufferNotFound, "no object of that name", nil)
	case errors.Is(err, shm.ErrPermission):
		return nil, nil, a.fail(ErrorCodePermissionDenied, "the object's mode does not let us in; the reader can set it", err)
	case err != nil:
		return nil, nil, systemError(opConnectWriter, a.name, err)
	}
	own := &SharedMemory{object: object}
	b, w, err := a.tryObject(own)
	if err != nil {
		return nil, nil, errors.Join(err, own.Close())
	}
	return b, w, nil
}

func (a *streamAttacher) tryObject(own *SharedMemory) (*streamBuffer, *stream.Writer, error) {
	switch object := own.object; {
	case foreign(object.Owner()) && !a.otherUsers:
		return nil, nil, a.fail(ErrorCodePermissionDenied, fmt.Sprintf("the object belongs to user %d; allow other users to connect to it", object.Owner()), nil)
	case object.Size() < wire.OiebV1Size:
		return nil, nil, a.fail(ErrorCodeBufferNotFound, fmt.Sprintf("the object has only %d bytes yet", object.Size()), nil)
	}
	if err := own.object.MapFor(a.pages); err != nil {
		return nil, nil, systemError(opConnectWriter, a.name, err)
	}
	return a.tryMemory(own, true)
}

// tryMemory attaches to a buffer that is mapped. exact: the buffer must fill the memory.
func (a *streamAttacher) tryMemory(provider MemoryProvider, exact bool) (_ *streamBuffer, _ *stream.Writer, err error) {
	mem := provider.Bytes()
	if uint64(len(mem)) < wire.OiebV1Size {
		return nil, nil, a.fail(ErrorCodeInvalidArgument, fmt.Sprintf("the view has only %d bytes", len(mem)), nil)
	}
	oieb := (*wire.OiebV1)(unsafe.Pointer(&mem[0]))
	if err := a.recognise(oieb); err != nil {
		return nil, nil, err
	}
	if err := a.checkReader(oieb); err != nil {
		return nil, nil, err
	}
	l, err := a.validate(oieb, uint64(len(mem)), exact)
	if err != nil {
		return nil, nil, err
	}
	b := overlayV1(a.name, provider, l)
	if b.tokens, err = streamSemaphores.open(a.name); err != nil {
		return nil, nil, a.fail(ErrorCodeBufferNotFound, "its semaphores cannot be opened", err)
	}
	w, err := a.claim(b)
	if err != nil {
		return nil, nil, errors.Join(err, streamSemaphores.close(&b.tokens))
	}
	return b, w, nil
}

// recognise says whether it is a v1 buffer.
func (a *streamAttacher) recognise(oieb *wire.OiebV1) error {
	// Pairs with the creating reader's last store.
	identity := oieb.Identity().Load()
	size, major := uint32(identity), byte(identity>>32)
	switch {
	case identity == wire.IdentityNotReady, size == wire.OiebV1Size && major == 0: // published readers store the two after each other
		return a.fail(ErrorCodeBufferNotFound, "the buffer is not ready yet", nil)
	case size != wire.OiebV1Size || major != wire.ProtocolV1Major:
		return a.fail(ErrorCodeVersionMismatch, fmt.Sprintf("the object is v%s with an info block of %d bytes, this writer speaks v%s with %d",
			versionOf(identity), size, versionOf(wire.OiebV1IdentityWord), wire.OiebV1Size), nil)
	}
	return nil
}

// checkReader refuses a buffer that nobody reads. Published readers store their pid last: what is behind it holds only now.
func (a *streamAttacher) checkReader(oieb *wire.OiebV1) error {
	// Pairs with the reader's stores when it creates and when it closes the buffer.
	switch pid := oieb.ReaderPid.Load(); {
	case pid == wire.PidNone:
		return a.fail(ErrorCodeBufferNotFound, "its reader has closed it, or is not ready yet", nil)
	case !process.Alive(pid):
		return a.fail(ErrorCodeReaderDead, fmt.Sprintf("its reader had pid %d", pid), nil)
	}
	return nil
}

// claim makes the buffer ours. Its semaphores are open.
func (a *streamAttacher) claim(b *streamBuffer) (*stream.Writer, error) {
	// The semaphores only go by the name. An object that still has a name and a reader proves that they are its own: whoever takes the name
	// over removes the old object first, and one that is new has its identity after its semaphores. Readers of the
	// published packages make them last of all, and Python's leaves them behind when it closes: a former reader's are older than the object.
	if own, ok := b.provider.(*SharedMemory); ok {
		if linked, err := own.object.Linked(); err != nil || !linked {
			return nil, a.fail(ErrorCodeBufferNotFound, "the object is gone again", err)
		}
		if born := own.object.Born(); b.dataWritten.Born().Before(born) || b.dataRead.Born().Before(born) {
			return nil, a.fail(ErrorCodeBufferNotFound, "the semaphores of its name are older than it; its reader has not made its own yet", nil)
		}
	}
	pid := b.Oieb.WriterPid.Load()
	if process.Alive(pid) {
		return nil, a.fail(ErrorCodeWriterAlreadyConnected, fmt.Sprintf("its process has pid %d", pid), nil)
	}
	if err := a.checkLeftovers(b); err != nil {
		return nil, err // and while we wait the reader sees that who wrote them is gone
	}
	// Pairs with the leaving writer's compare-and-swap and with another one that attaches at the same time: exactly one of them wins.
	if !b.Oieb.WriterPid.CompareAndSwap(pid, ownPid()) {
		return nil, a.fail(ErrorCodeWriterAlreadyConnected, "another writer is attaching", nil)
	}
	err := a.checkLeftovers(b) // others may have come and gone meanwhile
	if own, ok := b.provider.(*SharedMemory); ok && err == nil {
		if err = own.object.PreparePages(); err != nil { // only now: whoever is refused has not paid for the pages
			err = systemError(opConnectWriter, a.name, err)
		}
	}
	var w *stream.Writer
	if err == nil {
		if w, err = stream.NewWriter(b.Memory); err != nil {
			err = a.fail(ErrorCodeCorrupted, "", err)
		}
	}
	if err != nil {
		b.Oieb.WriterPid.CompareAndSwap(ownPid(), wire.PidNone)
		return nil, err
	}
	return w, nil
}

// checkLeftovers refuses a buffer in which something is not read yet, where that is wanted. A published writer may have counted what it did
// not write; then it counts that everything was released.
func (a *streamAttacher) checkLeftovers(b *streamBuffer) error {
	// Pairs with the reader's stores in Next and its addition in Release.
	if !a.caughtUp || b.Oieb.PayloadReadCount.Load() == b.Oieb.PayloadWrittenCount.Load() || b.Oieb.PayloadFreeBytes.Load() == uint64(len(b.Payload)) {
		return nil
	}
	return a.fail(ErrorCodeServerBusy, "it has not read all that a former client left", nil)
}

// validate derives the layout from what is stored and checks it against the bytes that there are.
func (a *streamAttacher) validate(oieb *wire.OiebV1, length uint64, exact bool) (wire.SegmentV1, error) {
	metadata, payload := oieb.MetadataSize, oieb.PayloadSize
	l, ok := wire.ResolveSegmentV1(metadata, payload)
	switch {
	case !ok || l.Metadata.Size != metadata || l.Payload.Size != payload:
		return l, a.fail(ErrorCodeCorrupted, fmt.Sprintf("sizes %d and %d make no buffer", metadata, payload), nil)
	case l.Length > length || exact && l.Length != length:
		return l, a.fail(ErrorCodeCorrupted, fmt.Sprintf("the buffer says %d bytes, the object has %d", l.Length, length), nil)
	}
	return l, nil
}
