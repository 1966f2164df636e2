package interop

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	sdk "github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/peers"
)

// control makes a control file and its semaphores.
func control(t *testing.T) string {
	path := filepath.Join(t.TempDir(), newChannel(t)+".control")
	require.NoError(t, benchproto.CreateControlFile(path))
	remove, err := benchproto.CreateSemaphores(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, remove()) })
	return path
}

// fails runs a program that must end with a code and say why.
func fails(t *testing.T, program peers.Command, code int, why string, args ...string) {
	t.Helper()
	_, err := program.Run(context.Background(), args...)
	var exit *peers.ExitError
	require.True(t, errors.As(err, &exit), "%v %v: %v", program, args, err)
	assert.Equal(t, code, exit.Code, exit.Stderr)
	assert.Contains(t, exit.Stderr, why)
}

func TestBenchPeersRefuseWhatTheyDoNotUnderstand(t *testing.T) {
	path := control(t)
	for _, l := range languages(t) {
		common := []string{"--name", newChannel(t), "--limit-object", path}
		fails(t, l.Peer("bench-client"), 2, "is neither line nor semaphore", append(common, "--limits", "light")...)
		for _, program := range []string{"bench-client", "bench-server"} {
			fails(t, l.Peer(program), 2, "some", append(common, "--touch", "some")...)
			fails(t, l.Peer(program), 1, "missing", "--name", newChannel(t), "--limit-object", path+".missing")
		}
	}
}

// TestBenchClientsNoticeEveryWrongAnswer has every client exchange frames with a server that answers a little wrongly.
func TestBenchClientsNoticeEveryWrongAnswer(t *testing.T) {
	path := control(t)
	for _, l := range languages(t) {
		t.Run(l.Name, func(t *testing.T) { noticesWrongAnswers(t, l.Peer("bench-client"), path) })
	}
}

func noticesWrongAnswers(t *testing.T, client peers.Command, path string) {
	const size = 9001
	for _, c := range []struct {
		touch string
		wrong func(data []byte) // what it does to a frame
	}{
		{"none", func(data []byte) { data[0] ^= 1 }},
		{"fill", func([]byte) {}},
		{"fill", func(data []byte) { invertAll(data[:7]) }},
		{"fill", func(data []byte) { invertAll(data[:8]); data[size-1]++ }},
		{"page", func(data []byte) { data[0] ^= 0xff; data[4096] ^= 0xff }},
		{"all", func(data []byte) { invertAll(data[:size-1]) }},
		{"all", func(data []byte) { invertAll(data); data[size/2] ^= 1 }},
	} {
		name := newChannel(t)
		server, err := sdk.DefaultFactory().CreateInPlaceDuplexServer(name, sdk.NewBufferConfig(0, benchproto.PayloadSize(size, 1)), sdk.WithWait(sdk.WaitBlock))
		require.NoError(t, err)
		require.NoError(t, server.Start(t.Context(), func(f sdk.Frame) error {
			c.wrong(f.Data())
			return nil
		}))
		fails(t, client, 1, "frame 1 ", "--name", name, "--wait", "block", "--limit-object", path, "--touch", c.touch, "--size", "9001", "--count", "1", "--warmup", "1")
		require.NoError(t, server.Close())
	}
}

func invertAll(data []byte) {
	for i := range data {
		data[i] ^= 0xff
	}
}
