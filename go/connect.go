package zeroduplex

import (
	"context"
	"errors"
)

// connect connects to a living server of either protocol, retrying what time may heal.
func connect(ctx context.Context, name string, options clientOptions) (client DuplexClient, err error) {
	a := &attacher{attempts: newAttempts(ctx, options.connectTimeout), name: name, options: options}
	err = a.repeat(opConnect, name, healsForClient, func() (err error) {
		client, err = a.tryEither()
		return err
	})
	if err != nil {
		return nil, err
	}
	return client, nil
}

// tryEither looks for a server in place, and where none lives for one of v1.
func (a *attacher) tryEither() (DuplexClient, error) {
	s, err := a.try()
	if err == nil {
		return newChannel(a.name, a.options, s), nil
	}
	if a.options.view != nil || errors.Is(err, ErrServerBusy) || errors.Is(err, ErrWriterAlreadyConnected) {
		return nil, err // it lives, or can live nowhere else
	}
	c, other := a.tryDualBuffer()
	switch {
	case other == nil:
		return c, nil
	case errors.Is(err, ErrServerNotFound) && !errors.Is(other, ErrServerNotFound):
		return nil, other
	}
	return nil, err
}
