package zeroduplex

import (
	"context"
	"errors"
	"strconv"

	"github.com/zeroduplex/zeroduplex/go/internal/lock"
)

// DuplexChannelFactory makes both sides of channels. Its zero value is ready, and it is safe for concurrent use.
type DuplexChannelFactory struct{}

var defaultFactory DuplexChannelFactory

// DefaultFactory is a factory for everybody.
func DefaultFactory() *DuplexChannelFactory { return &defaultFactory }

// CreateInPlaceDuplexServer makes a channel whose server changes requests in place. A client can connect when it returns; its
// requests, and a second client after it, wait for Start. Errors: ErrInvalidName, ErrInvalidArgument, ErrNameInUse, ErrOutOfMemory, ErrPermissionDenied,
// ErrUnsupportedPlatform.
func (f *DuplexChannelFactory) CreateInPlaceDuplexServer(name string, config BufferConfig, opts ...ServerOption) (*InPlaceDuplexServer, error) {
	if err := checkUse(opCreate, name); err != nil {
		return nil, err
	}
	options, problem := newServerOptions(opts)
	if problem != "" {
		return nil, &Error{Code: ErrorCodeInvalidArgument, Op: opCreate, Channel: name, Detail: problem}
	}
	owner, err := lock.AcquireOwner(name)
	if errors.Is(err, lock.ErrHeld) {
		return nil, &Error{Code: ErrorCodeNameInUse, Op: opCreate, Channel: name, Err: err}
	}
	if err != nil {
		return nil, systemError(opCreate, name, err)
	}
	s, err := createSegment(name, config, options, nil)
	if err != nil {
		return nil, errors.Join(err, owner.Release())
	}
	return newServer(name, config, options, owner, s), nil
}

// CreateClient connects to a living server. It retries within the connect timeout what time may heal: no server yet, another client
// still attached, a reset under way. Errors: ErrServerNotFound, ErrWriterAlreadyConnected, ErrServerBusy, ErrVersionMismatch,
// ErrPermissionDenied, ErrCorrupted, ErrOutOfMemory (WithPrefault), ErrInvalidName, ErrInvalidArgument, ErrCancelled, ErrUnsupportedPlatform.
func (f *DuplexChannelFactory) CreateClient(ctx context.Context, name string, opts ...ClientOption) (DuplexClient, error) {
	if err := checkUse(opConnect, name); err != nil {
		return nil, err
	}
	options, problem := newClientOptions(opts)
	if problem != "" {
		return nil, &Error{Code: ErrorCodeInvalidArgument, Op: opConnect, Channel: name, Detail: problem}
	}
	return connect(ctx, name, options)
}

// checkUse applies the name rules, and refuses where the layout of glibc's semaphores is another one.
func checkUse(op, name string) error {
	if strconv.IntSize != 64 {
		return &Error{Code: ErrorCodeUnsupportedPlatform, Op: op, Channel: name, Detail: "32-bit process"}
	}
	return checkName(op, name)
}
