// Package interop runs the peers of every language against those of every other, as processes of their own.
// The peers must have been built (`make peers`); without them, or with a language missing, the tests fail.
package interop

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/stress"
	"github.com/zeroduplex/zeroduplex/go/internal/inspect"
	"github.com/zeroduplex/zeroduplex/go/internal/peers"
)

var (
	soak       = flag.Bool("soak", false, "run at full length")
	peerFolder = flag.String("peers", filepath.Join("..", "..", "..", "build", "peers"), "folder of the peers")
)

// required are the languages that must be there. A build that lost one must not pass.
var required = []string{"cpp", "csharp", "go", "python"}

var programs = []string{"filter-server", "filter-client", "stress-server", "stress-client", "bench-server", "bench-client"}

// pair is a client and a server, perhaps of different languages.
type pair struct{ client, server peers.Language }

func languages(t *testing.T) []peers.Language {
	folder, err := filepath.Abs(*peerFolder)
	require.NoError(t, err)
	found, err := peers.Find(folder, programs...)
	require.NoError(t, err)
	var names []string
	for _, l := range found {
		names = append(names, l.Name)
	}
	require.Subset(t, names, required, "a language is missing, run `make peers`")
	return found
}

// neighbours runs a test for every language as client and as server of the one before and the one behind it, as many at a time as there
// are processors. For what a side does by itself, whoever is opposite; the conformance suites run the rest for every pair.
// It comes last in a test, which it outlives.
func neighbours(t *testing.T, test func(t *testing.T, p pair)) {
	eachNeighbour(t, func(t *testing.T, p pair) {
		t.Parallel()
		test(t, p)
	})
}

// eachNeighbour does the same one after the other: for what is measured.
func eachNeighbour(t *testing.T, test func(t *testing.T, p pair)) {
	inCircle(t, test, true)
}

// circle runs a test for every language as client of the next and so as server of the one before, one after the other: for what takes all
// processors, or seconds for each pair.
func circle(t *testing.T, test func(t *testing.T, p pair)) { inCircle(t, test, false) }

func inCircle(t *testing.T, test func(t *testing.T, p pair), bothWays bool) {
	found := languages(t)
	// Go stands beside C++: the two that the other languages' ways of working follow.
	slices.SortStableFunc(found, func(a, b peers.Language) int { return rank(a) - rank(b) })
	steps := []int{1}
	if bothWays {
		steps = append(steps, len(found)-1)
	}
	for i, client := range found {
		for _, step := range steps {
			server := found[(i+step)%len(found)]
			t.Run(client.Name+"-"+server.Name, func(t *testing.T) { test(t, pair{client, server}) })
		}
	}
}

func rank(l peers.Language) int {
	if l.Name == "go" {
		return 0
	}
	return 1
}

// eachPair runs a test for every client language with every server language, as many pairs at a time as there are processors: most of
// their time goes into starting runtimes. It comes last in a test, which it outlives.
func eachPair(t *testing.T, test func(t *testing.T, p pair)) {
	found := languages(t)
	for _, client := range found {
		for _, server := range found {
			t.Run(client.Name+"-"+server.Name, func(t *testing.T) {
				if !*soak {
					t.Parallel()
				}
				test(t, pair{client, server})
			})
		}
	}
}

// count is a test's length: short, or full with -soak.
func count(short, full int) string {
	if *soak {
		return fmt.Sprint(full)
	}
	return fmt.Sprint(short)
}

var channels atomic.Int64

// newChannel is a name of its own, and the promise that nothing of it is left in shared memory at the end.
func newChannel(t *testing.T) string {
	name := fmt.Sprintf("zd-interop-%d-%d", os.Getpid(), channels.Add(1))
	t.Cleanup(func() { assert.Empty(t, peers.Leftovers(name), "left in shared memory") })
	return name
}

// start starts a server and makes sure that it ends with the test.
func start(t *testing.T, command peers.Command, args ...string) *peers.Server {
	s, err := command.Start(context.Background(), args...)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := s.Stop()
		assert.NoError(t, err)
	})
	return s
}

// stop stops a stress server and reads its result.
func stop(t *testing.T, s *peers.Server) (result stress.ServerResult) {
	printed, err := s.Stop()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(printed), &result), printed)
	return result
}

// runClient runs a stress client to its end and reads its result.
func runClient(t *testing.T, l peers.Language, channel string, args ...string) (result stress.ClientResult) {
	printed, err := l.Peer("stress-client").Run(context.Background(), append([]string{"--name", channel}, args...)...)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(printed, &result), string(printed))
	return result
}

// exchange runs a stress client against a fresh stress server and compares what both counted.
func exchange(t *testing.T, p pair, serverArgs, clientArgs string) stress.ClientResult {
	channel := newChannel(t)
	server := start(t, p.server.Peer("stress-server"), append([]string{"--name", channel}, strings.Fields(serverArgs)...)...)
	client := runClient(t, p.client, channel, strings.Fields(clientArgs)...)
	counted := stop(t, server)
	assert.Zero(t, client.Errors)
	assert.Zero(t, counted.Bad)
	assert.Equal(t, client.OneWay, counted.OneWay)
	assert.Equal(t, client.RoundTrips+client.Failed+client.OneWay, counted.Handled)
	return client
}

// eventually waits for something that another process does, and fails when it does not come.
func eventually(t *testing.T, what string, condition func() bool) {
	require.Eventually(t, condition, 10*time.Second, time.Millisecond, what)
}

// look inspects a channel that must be there.
func look(t *testing.T, channel string) *inspect.Report {
	report, err := inspect.Read(channel)
	require.NoError(t, err)
	return report
}
