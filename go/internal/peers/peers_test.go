package peers

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func script(t *testing.T, path, body string) string {
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	return path
}

func TestFind(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "peers")
	_, err := Find(folder, "a-server")
	assert.ErrorContains(t, err, "run `make peers`")

	script(t, filepath.Join(folder, "cpp", "a-server"), "")
	script(t, filepath.Join(folder, "go", "a-server"), "")
	found, err := Find(folder, "a-server")
	require.NoError(t, err)
	require.Len(t, found, 2)
	assert.Equal(t, "go", found[0].Name)
	assert.Equal(t, Command{filepath.Join(folder, "cpp", "a-server")}, found[1].Peer("a-server"))

	script(t, filepath.Join(folder, "go", "a-client"), "")
	_, err = Find(folder, "a-server", "a-client")
	assert.ErrorContains(t, err, "the cpp peers are incomplete")
	assert.ErrorIs(t, err, os.ErrNotExist)

	require.NoError(t, os.WriteFile(filepath.Join(folder, "cpp", "a-client"), nil, 0o644))
	_, err = Find(folder, "a-server", "a-client")
	assert.ErrorContains(t, err, "is no executable file")

	script(t, filepath.Join(folder, "c++", "a-server"), "")
	_, err = Find(folder, "a-server")
	assert.ErrorContains(t, err, "of no known language")
}

func TestAServerThatBehaves(t *testing.T) {
	path := script(t, filepath.Join(t.TempDir(), "x", "good"), `trap 'echo bye; exit 0' TERM
echo ready
while :; do sleep 0.02; done`)
	s, err := Command{path}.Start(context.Background(), "--flag")
	require.NoError(t, err)
	assert.Positive(t, s.Pid())
	rest, err := s.Stop()
	require.NoError(t, err)
	assert.Equal(t, "bye\n", rest)
	rest, err = s.Stop()
	assert.Empty(t, rest)
	assert.NoError(t, err)
}

func TestServersThatDoNot(t *testing.T) {
	folder := t.TempDir()
	for body, want := range map[string]string{
		"echo oops >&2; exit 3":     "x bad: it ended before it was ready: oops",
		"exit 4":                    "x bad: it ended before it was ready: exit status 4: (nothing on stderr)",
		"echo steady; exec sleep 9": `x bad: it printed "steady\n" instead of "ready"`,
	} {
		_, err := Command{script(t, filepath.Join(folder, "x", "bad"), body)}.Start(context.Background())
		assert.EqualError(t, err, want)
	}
	_, err := Command{filepath.Join(folder, "missing")}.Start(context.Background())
	assert.ErrorIs(t, err, os.ErrNotExist)

	s, err := Command{script(t, filepath.Join(folder, "x", "sore"), `trap 'echo sore >&2; exit 4' TERM
echo ready
while :; do sleep 0.02; done`)}.Start(context.Background())
	require.NoError(t, err)
	_, err = s.Stop()
	assert.EqualError(t, err, "x sore: exit status 4: sore")
}

func TestWaitForAnEndOfItsOwn(t *testing.T) {
	s, err := Command{script(t, filepath.Join(t.TempDir(), "x", "s"), "echo begun; echo done")}.StartUntil(context.Background(), "begun")
	require.NoError(t, err)
	rest, err := s.Wait()
	require.NoError(t, err)
	assert.Equal(t, "done\n", rest)
}

func TestKillIsNoFailure(t *testing.T) {
	s, err := Command{script(t, filepath.Join(t.TempDir(), "x", "s"), "echo ready; exec sleep 60")}.Start(context.Background())
	require.NoError(t, err)
	s.Kill()
	_, err = s.Stop()
	assert.NoError(t, err)
}

func TestRun(t *testing.T) {
	folder := t.TempDir()
	out, err := Command{script(t, filepath.Join(folder, "x", "c"), `echo "$@"`), "sub"}.Run(context.Background(), "--n", "1")
	require.NoError(t, err)
	assert.Equal(t, "sub --n 1\n", string(out))
	_, err = Command{script(t, filepath.Join(folder, "x", "f"), "exit 2"), "sub"}.Run(context.Background())
	assert.EqualError(t, err, "f sub: exit status 2: (nothing on stderr)")
}

func TestExitCodesAreKnown(t *testing.T) {
	folder := t.TempDir()
	refuse := Command{script(t, filepath.Join(folder, "x", "refuse"), "echo cannot >&2; exit 3")}
	_, ran := refuse.Run(context.Background())
	_, started := refuse.Start(context.Background())
	for _, err := range []error{ran, started} {
		var exit *ExitError
		require.ErrorAs(t, err, &exit)
		assert.Equal(t, 3, exit.Code)
		assert.Equal(t, "cannot", exit.Stderr)
	}
	_, err := Command{script(t, filepath.Join(folder, "x", "killed"), "kill -9 $$")}.Run(context.Background())
	var exit *ExitError
	assert.False(t, errors.As(err, &exit), err)
	_, err = Command{script(t, filepath.Join(folder, "x", "wrong"), "echo wrong; exit 3")}.Start(context.Background())
	assert.False(t, errors.As(err, &exit), err)
}

func TestPeersThatLieElsewhere(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "other")
	script(t, filepath.Join(folder, "a-server"), "")
	peer, err := At("other", folder, "a-server")
	require.NoError(t, err)
	assert.Equal(t, Command{filepath.Join(folder, "a-server")}, peer.Peer("a-server"))
	_, err = At("other", folder, "a-server", "a-client")
	assert.ErrorContains(t, err, "is no folder of a-server and a-client")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestLeftovers(t *testing.T) {
	const channel = "zd-peers-test-leftovers"
	assert.Empty(t, Leftovers(channel))
	for _, name := range []string{channel, "sem.sem-request-ready-" + channel, ".zd-" + channel + ".object", channel + "-other",
		channel + "_request", "sem.sem-w-" + channel + "_request", ".zd-" + channel + "_response.data-read", "sem.sem-r-" + channel, channel + "_requests"} {
		path := filepath.Join("/dev/shm", name)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		t.Cleanup(func() { assert.NoError(t, os.Remove(path)) })
	}
	assert.Len(t, Leftovers(channel), 7)
}
