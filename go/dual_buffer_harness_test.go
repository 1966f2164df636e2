//go:build linux

package zeroduplex

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// channel is the name of a v1 duplex channel and how large its buffers are.
type channel struct {
	t        testing.TB
	name     string
	requests BufferConfig
}

func newDual(t testing.TB) *channel {
	return &channel{t: t, name: newName(t), requests: NewBufferConfig(256, 4096)}
}

// create makes a server that has not started. It is closed at the end of the test.
func (c *channel) create(options ...ServerOption) *ImmutableDuplexServer {
	c.t.Helper()
	s, err := DefaultFactory().CreateImmutableServer(c.name, c.requests, options...)
	require.NoError(c.t, err)
	c.t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, ErrTimeout) {
			c.t.Errorf("close server: %v", err)
		}
	})
	return s
}

func (c *channel) serve(handler Handler, options ...ServerOption) *ImmutableDuplexServer {
	c.t.Helper()
	s := c.create(options...)
	require.NoError(c.t, s.Start(context.Background(), handler))
	return s
}

func (c *channel) serveImmutable(handler ImmutableHandler, options ...ServerOption) *ImmutableDuplexServer {
	c.t.Helper()
	s := c.create(options...)
	require.NoError(c.t, s.StartImmutable(context.Background(), handler))
	return s
}

// connect connects with a response buffer of 4096 bytes. The client is closed at the end of the test.
func (c *channel) connect(options ...ClientOption) *DualBufferDuplexChannel {
	c.t.Helper()
	client, err := DefaultFactory().CreateClient(context.Background(), c.name, append([]ClientOption{WithResponseConfig(NewBufferConfig(256, 4096))}, options...)...)
	require.NoError(c.t, err)
	c.t.Cleanup(func() { require.NoError(c.t, client.Close()) })
	dual, ok := client.(*DualBufferDuplexChannel)
	require.True(c.t, ok, "it recognised another protocol")
	require.Equal(c.t, c.name, dual.Name())
	return dual
}

func (c *channel) tryConnect(options ...ClientOption) error {
	c.t.Helper()
	client, err := DefaultFactory().CreateClient(context.Background(), c.name, options...)
	if err == nil {
		_ = client.Close()
	}
	require.Error(c.t, err)
	return err
}

// complaints collects what an error function is told.
type complaints struct {
	mu   sync.Mutex
	errs []error
}

func (c *complaints) option() ServerOption {
	return WithErrorFunc(func(err error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.errs = append(c.errs, err)
	})
}

// take returns what came since the last time.
func (c *complaints) take() []error {
	c.mu.Lock()
	defer c.mu.Unlock()
	errs := c.errs
	c.errs = nil
	return errs
}

// call makes a call that must succeed and returns a copy of its response.
func call(t testing.TB, c DuplexClient, data []byte) []byte {
	t.Helper()
	r, err := c.Call(until(t), data)
	require.NoError(t, err)
	defer r.Release()
	return append([]byte{}, r.Data()...)
}

// inverted is what invert makes of data.
func inverted(data []byte) []byte {
	result := make([]byte, len(data))
	for i, b := range data {
		result[i] = ^b
	}
	return result
}

// requestsOf is the request buffer of a server.
func requestsOf(s *ImmutableDuplexServer) *streamBuffer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests.buffer
}

// answerInverted is invert for handlers of two arguments.
func answerInverted(request ImmutableRequest, response *ImmutableResponse) error {
	return response.Write(inverted(request.Data()))
}
