package benchproto

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func semaphores(t *testing.T) (*Semaphores, string) {
	control := filepath.Join(t.TempDir(), fmt.Sprintf("zd-benchproto-%d", os.Getpid()))
	remove, err := CreateSemaphores(control)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, remove())
		_, err := OpenSemaphores(control)
		assert.ErrorIs(t, err, os.ErrNotExist)
	})
	s, err := OpenSemaphores(control)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s, control
}

func TestSemaphoresArePostedInTurn(t *testing.T) {
	s, _ := semaphores(t)
	line := NewLine(make([]byte, FileSize))
	const rounds = SemaphoreWarmup + 50
	line.Prepare(rounds)
	served := make(chan error, 1)
	go func() { served <- s.Return(line) }()
	samples, err := s.Serve(rounds, NewClock(), nil)
	require.NoError(t, err)
	require.NoError(t, <-served)
	assert.Len(t, samples, rounds-SemaphoreWarmup)
	assert.Zero(t, s.ping.Value()+s.pong.Value())
}

func TestSemaphoresGiveUpOnADeadPeer(t *testing.T) {
	s, _ := semaphores(t)
	s.stall = time.Millisecond
	line := NewLine(make([]byte, FileSize))
	assert.ErrorContains(t, s.Return(line), "0 rounds asked for")
	line.Prepare(1)
	assert.ErrorIs(t, s.Return(line), ErrStalled)
	_, err := s.Serve(1, NewClock(), nil)
	assert.ErrorIs(t, err, ErrStalled)
}

func TestSemaphoresThatCannotBeMadeOrOpened(t *testing.T) {
	_, control := semaphores(t)
	require.NoError(t, os.Remove(semaphorePath(control, "pong")))
	_, err := OpenSemaphores(control)
	assert.ErrorContains(t, err, "opening the benchmark's semaphores")
	assert.ErrorIs(t, err, os.ErrNotExist)
	_, err = CreateSemaphores("a/" + string(make([]byte, 300)))
	assert.ErrorContains(t, err, "making the benchmark's semaphores")
}
