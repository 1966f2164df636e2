//go:build linux

// Package isolation runs the agents of every language in namespaces, as other users, and where memory or descriptors run out.
// The agents must have been built (`make agents`); without them, or with a language missing, the tests fail. Most of the tests need
// root, and fail without it.
package isolation

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/inspect"
	"github.com/zeroduplex/zeroduplex/go/internal/peers"
)

var (
	soak   = flag.Bool("soak", false, "run at full length")
	agents = flag.String("agents", filepath.Join("..", "..", "..", "build", "agents"), "folder of the agents")
)

var languages = []string{"go", "cpp", "csharp", "python"}

// agentFolder is where the agents are. All languages must be there: a build that lost one must not pass.
func agentFolder(t *testing.T) string {
	folder, err := filepath.Abs(*agents)
	require.NoError(t, err)
	for _, language := range languages {
		require.FileExists(t, filepath.Join(folder, language, "agent"), "an agent is missing, run `make agents`")
	}
	return folder
}

// inTurn runs a test for each language as client with the next one as server, so that each is on both sides.
func inTurn(t *testing.T, test func(t *testing.T, client, server string)) {
	for i, client := range languages {
		server := languages[(i+1)%len(languages)]
		t.Run(client+"-"+server, func(t *testing.T) { test(t, client, server) })
	}
}

func eachLanguage(t *testing.T, test func(t *testing.T, language string)) {
	for _, language := range languages {
		t.Run(language, func(t *testing.T) { test(t, language) })
	}
}

// count is a test's length: short, or full with -soak.
func count(short, full int) int {
	if *soak {
		return full
	}
	return short
}

var channels atomic.Int64

// newChannel is a name of its own, and the promise that nothing of it is left in shared memory at the end.
func newChannel(t *testing.T) string {
	name := fmt.Sprintf("zd-isolation-%d-%d", os.Getpid(), channels.Add(1))
	t.Cleanup(func() { assert.Empty(t, peers.Leftovers(name), "left in shared memory") })
	return name
}

// serve starts a server agent in a room with a channel of 16 KiB.
func serve(t *testing.T, language, channel string, r room, options args) *agent {
	t.Helper()
	s := enlist(t, language, "server", r)
	with := args{"name": channel, "metadata_size": 64, "payload_size": 16384}
	for name, value := range options {
		with[name] = value
	}
	s.do("create", with)
	s.do("start", nil)
	return s
}

// exchange makes round trips and checks what came back.
func exchange(t *testing.T, client *agent) {
	t.Helper()
	const n = 300
	got := client.do("exchange", args{"count": n, "first_size": 1, "size_step": 97, "size_modulo": 3000, "seed": 1, "window": 4})
	require.EqualValues(t, n, got["count"])
	// One byte whose complement is known.
	require.Equal(t, "fa", client.do("call", args{"size": 1, "seed": 5})["head"])
}

// look inspects a channel that must be there.
func look(t *testing.T, channel string) *inspect.Report {
	t.Helper()
	report, err := inspect.Read(channel)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	return report
}

// eventually waits for something that another process does.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, time.Millisecond, what)
}

// leftIn lists what a channel has in a folder, which need not be the test's own /dev/shm.
func leftIn(t *testing.T, folder, channel string) (left []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, entry := range entries {
		if strings.Contains(entry.Name(), channel) {
			left = append(left, entry.Name())
		}
	}
	return left
}
