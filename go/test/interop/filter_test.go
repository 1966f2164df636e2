package interop

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/filter"
)

// rawPicture makes a file of random pixels.
func rawPicture(t *testing.T, width, height int) string {
	random := rand.New(rand.NewPCG(uint64(width), uint64(height)))
	pixels := make([]byte, width*height*4)
	for i := range pixels {
		pixels[i] = byte(random.Uint32())
	}
	path := filepath.Join(t.TempDir(), "in.rgba")
	require.NoError(t, os.WriteFile(path, pixels, 0o600))
	return path
}

func TestFiltersGiveIdenticalBytesInEveryLanguage(t *testing.T) {
	nothing := func([]byte, filter.Geometry) error { return nil }
	type size [2]int
	filters := []struct {
		name  string
		apply func([]byte, filter.Geometry) error
		sizes []size
	}{
		{"blur", filter.Blur, []size{{1, 1}, {1, 7}, {2, 1}, {33, 17}, {641, 479}}}, // whose edges are what is hard
		{"invert", filter.Invert, []size{{1, 1}, {641, 479}}},
		{"echo", nothing, []size{{33, 17}}},
		{"sleep", nothing, []size{{33, 17}}},
	}
	// The server's language does the work; the demo has every pair.
	neighbours(t, func(t *testing.T, p pair) {
		for _, f := range filters {
			channel := newChannel(t)
			server := start(t, p.server.Peer("filter-server"), "--name", channel, "--filter", f.name, "--workers", "2", "--payload-size", "8000000")
			for _, size := range f.sizes {
				input := rawPicture(t, size[0], size[1])
				output := filepath.Join(t.TempDir(), "out.rgba")
				printed, err := p.client.Peer("filter-client").Run(context.Background(), "--name", channel, "--input", input, "--output", output,
					"--width", strconv.Itoa(size[0]), "--height", strconv.Itoa(size[1]), "--count", "5", "--inflight", "3", "--json")
				require.NoError(t, err)
				var report map[string]int64
				require.NoError(t, json.Unmarshal(printed, &report), string(printed))
				assert.EqualValues(t, 5, report["frames"])
				assert.EqualValues(t, 5*4*size[0]*size[1], report["bytes"])
				assert.Zero(t, report["copied_by_sdk"])
				assert.Greater(t, report["shm_bytes"], int64(8_000_000))
				assert.Positive(t, report["median_ns"])
				assert.GreaterOrEqual(t, report["p99_ns"], report["median_ns"])

				want, err := os.ReadFile(input)
				require.NoError(t, err)
				require.NoError(t, f.apply(want, filter.Packed(size[0], size[1])))
				got, err := os.ReadFile(output)
				require.NoError(t, err)
				require.Equal(t, want, got, "%s of %v", f.name, size)
			}
			_, err := server.Stop()
			require.NoError(t, err)
		}
	})
}

func TestFailuresOfAServerReachTheClient(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		start(t, p.server.Peer("filter-server"), "--name", channel, "--filter", "fail")
		_, err := p.client.Peer("filter-client").Run(context.Background(), "--name", channel, "--input", rawPicture(t, 5, 5), "--width", "5", "--height", "5")
		assert.ErrorContains(t, err, "exit status 1")
		assert.ErrorContains(t, err, "handler_failed")
		assert.ErrorContains(t, err, "asked to fail")
	})
}

func TestWrongArgumentsOfThePeers(t *testing.T) {
	for _, l := range languages(t) {
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			input := rawPicture(t, 2, 2)
			for _, c := range []struct {
				program string
				args    []string
				want    string
			}{
				{"filter-server", []string{"--name", "x", "--filter", "sharpen"}, "exit status 2"},
				{"filter-server", []string{"--name", "x", "--filter", "echo", "--wait", "doze"}, "exit status 2"},
				{"filter-server", []string{"--colour"}, "exit status 2"},
				{"filter-server", []string{"--name", "a/b", "--filter", "echo"}, "invalid_name"},
				{"filter-client", []string{"--name", "x", "--width", "2", "--height", "2"}, "exit status 2"},
				{"filter-client", []string{"--name", "x", "--input", input, "--width", "0", "--height", "2"}, "exit status 2"},
				{"filter-client", []string{"--name", "x", "--input", input, "--width", "3", "--height", "2"}, "exit status 1"},
				{"filter-client", []string{"--name", "zd-interop-nobody", "--input", input, "--width", "2", "--height", "2"}, "server_not_found"},
				{"stress-client", []string{"--name", "x", "--inflight", "0"}, "exit status 2"},
				{"stress-server", []string{"--name", "x", "--wait", "doze"}, "exit status 2"},
			} {
				_, err := l.Peer(c.program).Run(context.Background(), c.args...)
				assert.ErrorContains(t, err, c.want, "%s %v", c.program, c.args)
			}
		})
	}
}
