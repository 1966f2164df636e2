package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/protocol"
)

func TestMemoryOfAChannelIsAllOfItsFiles(t *testing.T) {
	for protocolName, files := range map[string]int{protocol.InPlace: 5, protocol.Dual: 6} {
		channel := fmt.Sprintf("zd-bench-test-%d", os.Getpid())
		paths := protocol.Paths(protocolName, channel)
		require.Len(t, paths, files)
		for i, path := range paths {
			_, complete := channelBytes(channel, protocolName)
			assert.False(t, complete, "%d of %d files", i, files)
			require.NoError(t, os.WriteFile(path, make([]byte, 10), 0o600))
			t.Cleanup(func() { _ = os.Remove(path) })
		}
		bytes, complete := channelBytes(channel, protocolName)
		assert.True(t, complete)
		assert.EqualValues(t, 10*files, bytes)
		assert.EqualValues(t, 10*files, watchMemory(channel, protocolName)(), "it looks once more at the end")
	}
}

func TestThreadsDoTheSameWork(t *testing.T) {
	cpus, err := allowedCPUs()
	require.NoError(t, err)
	threads, err := startThreads(10_000, cpus[len(cpus)-1], benchproto.TouchPage)
	require.NoError(t, err)
	defer func() { require.NoError(t, threads.stop()) }()
	var samples []int64
	for range 3 {
		samples, err = threads.block(50, benchproto.NewClock(), samples)
		require.NoError(t, err)
	}
	assert.Len(t, samples, 3*49)

	_, err = startThreads(64, 1<<10-1, benchproto.TouchPage)
	assert.ErrorContains(t, err, "pinning to CPU 1023")
}

func TestPeersRefuseWrongArguments(t *testing.T) {
	for _, args := range [][]string{{"--wait", "doze"}, {"--touch", "some"}, {"--inflight", "0"}, {"--size", "-1"}, {"surplus"}} {
		var stderr strings.Builder
		assert.Equal(t, flags.Usage, RunServer(t.Context(), args, &stderr, &stderr), args)
		assert.Equal(t, flags.Usage, RunClient(t.Context(), args, &stderr, &stderr), args)
	}
	var stderr strings.Builder
	assert.Equal(t, flags.Usage, RunClient(t.Context(), []string{"--count", "0"}, &stderr, &stderr))
	assert.Equal(t, flags.Usage, RunClient(t.Context(), []string{"--limits", "light"}, &stderr, &stderr))
	assert.Contains(t, stderr.String(), `"light" is neither line nor semaphore`)
	assert.Equal(t, flags.Failed, RunServer(t.Context(), []string{"--name", "x", "--limit-object", "/missing"}, &stderr, &stderr))
	assert.Contains(t, stderr.String(), "opening the benchmark's control file")
}
