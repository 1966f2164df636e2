package stress

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/peers"
)

var channels atomic.Int64

func newChannel(t *testing.T) string {
	name := fmt.Sprintf("zd-stress-%d-%d", os.Getpid(), channels.Add(1))
	t.Cleanup(func() { assert.Empty(t, peers.Leftovers(name)) })
	return name
}

// serve runs a server; the returned function stops it and gives its result.
func serve(t *testing.T, channel string, args ...string) func() ServerResult {
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	reader, writer := io.Pipe()
	ended := make(chan int, 1)
	var stderr strings.Builder
	go func() {
		code := RunServer(ctx, append([]string{"--name", channel}, args...), writer, &stderr)
		writer.Close()
		ended <- code
	}()
	output := bufio.NewReader(reader)
	line, err := output.ReadString('\n')
	require.NoError(t, err, "%s", &stderr)
	require.Equal(t, "ready\n", line)
	return func() (result ServerResult) {
		stop()
		require.NoError(t, json.NewDecoder(output).Decode(&result))
		require.Equal(t, flags.OK, <-ended, "%s", &stderr)
		return result
	}
}

func client(t *testing.T, args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = RunClient(context.Background(), args, &out, &err)
	return code, out.String(), err.String()
}

func TestBothSidesCountTheSame(t *testing.T) {
	channel := newChannel(t)
	stop := serve(t, channel, "--workers", "4", "--payload-size", "8192")
	code, stdout, stderr := client(t, "--name", channel, "--count", "300", "--inflight", "8", "--min", "0", "--max", "700", "--delay-max", "100",
		"--grow-max", "100", "--fail-every", "10", "--one-way-every", "6", "--reconnects", "2", "--idle", "1")
	require.Equal(t, flags.OK, code, stderr)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	require.Equal(t, "idle", lines[0])
	var result ClientResult
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &result))
	assert.Equal(t, ClientResult{RoundTrips: 460, Failed: 60, OneWay: 80, OutOfOrder: result.OutOfOrder, Attachments: 2}, result)
	assert.Equal(t, ServerResult{Handled: 600, OneWay: 80}, stop())
}

func TestTheSameClientAgainstV1(t *testing.T) {
	channel := newChannel(t)
	stop := serve(t, channel, "--protocol", "v1", "--payload-size", "8192")
	code, stdout, stderr := client(t, "--name", channel, "--count", "300", "--inflight", "8", "--min", "1", "--max", "700", "--reconnects", "2")
	require.Equal(t, flags.OK, code, stderr)
	var result ClientResult
	require.NoError(t, json.Unmarshal([]byte(stdout), &result))
	assert.Equal(t, ClientResult{RoundTrips: 600, Attachments: 2}, result)
	assert.Equal(t, ServerResult{Handled: 600}, stop())
}

// A server that spoils something must be found out, or the tests across languages prove nothing.
func TestAClientFindsOutAWrongServer(t *testing.T) {
	for want, handle := range map[string]zeroduplex.Handler{
		"byte 3 of response 1 is wrong": func(f zeroduplex.Frame) error {
			fill(f.Data(), f.Sequence(), 0, answerMask)
			f.Data()[3]++
			return nil
		},
		"response 1 has 63 bytes, expected 64":           func(f zeroduplex.Frame) error { return f.Resize(63) },
		"frame 1 failed with status 8: no":               func(zeroduplex.Frame) error { return zeroduplex.Failure(8, "no") },
		"byte 0 of response 1 is wrong":                  func(zeroduplex.Frame) error { return nil },
		`frame 1 failed with status -1 and message "no"`: nil,
		"frame 1 was answered, it should have failed":    nil,
	} {
		t.Run(want, func(t *testing.T) {
			var extra []string
			switch {
			case strings.Contains(want, "status -1"):
				extra, handle = []string{"--fail-every", "1"}, func(zeroduplex.Frame) error { return fmt.Errorf("no") }
			case strings.Contains(want, "should have"):
				extra, handle = []string{"--fail-every", "1"}, func(zeroduplex.Frame) error { return nil }
			}
			channel := newChannel(t)
			server, err := zeroduplex.DefaultFactory().CreateInPlaceDuplexServer(channel, zeroduplex.DefaultBufferConfig())
			require.NoError(t, err)
			defer func() { assert.NoError(t, server.Close()) }()
			require.NoError(t, server.Start(context.Background(), handle))
			code, stdout, stderr := client(t, append([]string{"--name", channel, "--count", "3"}, extra...)...)
			assert.Equal(t, flags.Failed, code)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, want)
		})
	}
}

func TestAServerFindsOutAWrongClient(t *testing.T) {
	channel := newChannel(t)
	stop := serve(t, channel)
	c, err := zeroduplex.DefaultFactory().CreateClient(context.Background(), channel)
	require.NoError(t, err)
	_, err = c.CallRequest(context.Background(), zeroduplex.Request{Data: []byte{1, 2, 9}, Capacity: 64})
	var failure *zeroduplex.HandlerError
	require.ErrorAs(t, err, &failure)
	assert.EqualValues(t, statusWrong, failure.Status)
	assert.Equal(t, "byte 2 of frame 1 is wrong", failure.Message)
	require.NoError(t, c.Close())
	assert.Equal(t, ServerResult{Handled: 1, Bad: 1}, stop())
}

func TestWrongArguments(t *testing.T) {
	for _, args := range [][]string{{"--inflight", "0"}, {"--min", "2", "--max", "1"}, {"--min", "-1"}, {"--delay-max", "65536"}, {"--wait", "doze"}, {"--reconnects", "0"}, {"--connect-timeout", "-1"}, {"surplus"}} {
		code, _, stderr := client(t, append([]string{"--name", "x"}, args...)...)
		assert.Equal(t, flags.Usage, code, args)
		assert.NotEmpty(t, stderr)
	}
	var stderr strings.Builder
	assert.Equal(t, flags.Usage, RunServer(context.Background(), []string{"--wait", "doze"}, io.Discard, &stderr))
	assert.Equal(t, flags.Usage, RunServer(context.Background(), []string{"--protocol", "v3"}, io.Discard, &stderr))
	assert.Equal(t, flags.Failed, RunServer(context.Background(), []string{"--name", "x", "--protocol", "v1", "--workers", "2"}, io.Discard, &stderr))
	assert.Contains(t, stderr.String(), `--protocol "v3" is neither v1 nor v2`)
	assert.Contains(t, stderr.String(), "there is one")
	assert.Equal(t, flags.Failed, RunServer(context.Background(), []string{"--name", "a/b"}, io.Discard, &stderr))
	code, _, text := client(t, "--name", "a/b")
	assert.Equal(t, flags.Failed, code)
	assert.Contains(t, text, "invalid_name")
}

func TestPattern(t *testing.T) {
	data := make([]byte, 300)
	fill(data, 250, 0, 0)
	assert.Equal(t, []byte{250, 251, 252, 253, 254, 255, 0, 1}, data[:8])
	assert.Equal(t, -1, mismatch(data, 250, 0))
	data[299]++
	assert.Equal(t, 299, mismatch(data, 250, 0))
	fill(data, 1, 100, answerMask)
	assert.Equal(t, byte(101)^0xFF, data[100])
	assert.Equal(t, byte(250+99-256), data[99])
}
