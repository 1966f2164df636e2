// Package consumer is a module of its own: it sees of ZeroDuplex what any user of the library sees.
package consumer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeroduplex/zeroduplex/go"
)

func TestRoundTripFromAnotherModule(t *testing.T) {
	name := fmt.Sprintf("zd-consumer-%d", os.Getpid())
	factory := zeroduplex.DefaultFactory()
	server, err := factory.CreateInPlaceDuplexServer(name, zeroduplex.NewBufferConfig(4096, 1<<20))
	require.NoError(t, err)
	defer func() { assert.NoError(t, server.Close()) }()
	require.NoError(t, server.Start(context.Background(), func(f zeroduplex.Frame) error {
		copy(f.Data(), bytes.ToUpper(f.Data()))
		return nil
	}))

	client, err := factory.CreateClient(context.Background(), name)
	require.NoError(t, err)
	defer func() { assert.NoError(t, client.Close()) }()
	response, err := client.Call(context.Background(), []byte("in place"))
	require.NoError(t, err)
	assert.Equal(t, "IN PLACE", string(response.Data()))
	response.Release()
}

func TestErrorsCanBeTold(t *testing.T) {
	_, err := zeroduplex.DefaultFactory().CreateInPlaceDuplexServer("not/a/name", zeroduplex.DefaultBufferConfig())
	assert.ErrorIs(t, err, zeroduplex.ErrInvalidName)
	var typed *zeroduplex.Error
	require.True(t, errors.As(err, &typed))
	assert.Equal(t, zeroduplex.ErrorCodeInvalidName, typed.Code)
}
