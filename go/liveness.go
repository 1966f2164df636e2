package zeroduplex

import (
	"errors"

	"github.com/zeroduplex/zeroduplex/go/internal/lock"
	"github.com/zeroduplex/zeroduplex/go/internal/shm"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// liveness tells who lives, and says of its own side that it does not any more.
type liveness interface {
	serverAlive() bool
	clientAlive() bool
	// releaseServer and releaseClient end this side's claim to be alive, explicitly: a forked child may keep descriptors open.
	releaseServer() error
	releaseClient() error
	close() error
}

// lockLiveness is by open-file-description locks on bytes of the object, through a description that is never mapped: such a lock
// lives as long as a mapping of its description does.
type lockLiveness struct {
	fd int
}

func (l *lockLiveness) serverAlive() bool { return l.held(wire.LockByteServer) }
func (l *lockLiveness) clientAlive() bool { return l.held(wire.LockByteClient) }

// held takes a lock that cannot be asked about for a held one: a living peer must never be declared dead.
func (l *lockLiveness) held(offset uint64) bool {
	held, err := lock.ByteHeld(l.fd, offset)
	return held || err != nil
}

func (l *lockLiveness) releaseServer() error { return lock.UnlockByte(l.fd, wire.LockByteServer) }
func (l *lockLiveness) releaseClient() error { return lock.UnlockByte(l.fd, wire.LockByteClient) }

func (l *lockLiveness) close() error {
	if l.fd < 0 {
		return nil
	}
	fd := l.fd
	l.fd = -1
	return shm.CloseDescriptor(fd)
}

// viewLiveness is for existing memory, where no lock exists: it believes what the sides say of themselves.
type viewLiveness struct {
	request, response *wire.OiebV2
}

// Pairs with the stopping server's store (InPlaceDuplexServer.teardown).
func (l *viewLiveness) serverAlive() bool { return l.response.WriterPid.Load() != wire.PidNone }

// Pairs with the leaving client's store (InPlaceDuplexChannel.detach) and the attaching one's compare-and-swap (claimView).
func (l *viewLiveness) clientAlive() bool {
	pid := l.request.WriterPid.Load()
	return pid != wire.PidNone && pid != wire.ResetWanted
}

func (l *viewLiveness) releaseServer() error { return nil }
func (l *viewLiveness) releaseClient() error { return nil }
func (l *viewLiveness) close() error         { return nil }

// errLost says that the object is not, or no longer, a living server's.
var errLost = errors.New("no living server holds the object")
