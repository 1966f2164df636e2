package demo

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/picture"
)

// The tests of go/test/interop run the demo with real peers. These run it with peers that cheat: each must be found out.

const goodServer = `trap 'exit 0' TERM
echo ready
while :; do sleep 0.02; done`

// parse reads the flags that the fake client needs.
const parse = `while [ $# -gt 0 ]; do
case $1 in --input) input=$2;; --output) output=$2;; --count) count=$2;; --name) name=$2;; esac
case $1 in --json) shift;; *) shift 2;; esac
done
`

func fakePeers(t *testing.T, server, client string) string {
	folder := t.TempDir()
	for program, body := range map[string]string{"filter-server": server, "filter-client": parse + client} {
		path := filepath.Join(folder, "go", program)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	}
	return folder
}

func run(t *testing.T, peers string, args ...string) (code int, stdout, stderr string) {
	source := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	for i := range source.Pix {
		source.Pix[i] = 255
	}
	input := filepath.Join(t.TempDir(), "white.png")
	require.NoError(t, picture.Save(input, source))
	var out, err strings.Builder
	code = Run(context.Background(), append([]string{"--image", input, "--peers", peers, "--out", t.TempDir(), "--count", "4"}, args...), &out, &err)
	return code, out.String(), err.String()
}

func TestACheatIsFoundOut(t *testing.T) {
	report := func(frames, copied int) string {
		return fmt.Sprintf(`echo '{"frames":%d,"bytes":96,"median_ns":5,"p99_ns":9,"copied_by_sdk":%d,"shm_bytes":512}'`, frames, copied)
	}
	for want, client := range map[string]string{
		"go client, go server, invert: pixel (0, 0), channel R: 255 instead of 0": `cp "$input" "$output"; ` + report(4, 0),
		"the result has 0 bytes, the picture 24":                                  `: >"$output"; ` + report(4, 0),
		"the client reports 3 frames, it was to send 4":                           `cp "$input" "$output"; ` + report(3, 0),
		"24 bytes of responses did not stand where their requests stood":          `cp "$input" "$output"; ` + report(4, 24),
		`reading the client's report "four frames\n"`:                             `cp "$input" "$output"; echo four frames`,
		"after.rgba: no such file or directory":                                   report(4, 0),
		"exit status 1: out of luck":                                              `echo out of luck >&2; exit 1`,
	} {
		code, stdout, stderr := run(t, fakePeers(t, goodServer, client))
		assert.Equal(t, flags.Failed, code)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, want)
	}
}

func TestWhatAPeerLeavesBehindIsFoundOut(t *testing.T) {
	peers := fakePeers(t, goodServer, `: >/dev/shm/$name
printf '\000\000\000\377\000\000\000\377\000\000\000\377\000\000\000\377\000\000\000\377\000\000\000\377' >"$output"
echo '{"frames":4,"bytes":96,"median_ns":5,"p99_ns":9,"copied_by_sdk":0,"shm_bytes":512}'`)
	code, _, stderr := run(t, peers)
	assert.Equal(t, flags.Failed, code)
	left := fmt.Sprintf("/dev/shm/zd-demo-%d-go-go-invert", os.Getpid())
	assert.Contains(t, stderr, "left behind: "+left)
	require.NoError(t, os.Remove(left))
}

func TestAServerThatDoesNotStart(t *testing.T) {
	code, _, stderr := run(t, fakePeers(t, "echo no memory >&2; exit 1", ""))
	assert.Equal(t, flags.Failed, code)
	assert.Contains(t, stderr, "it ended before it was ready: no memory")
}

func TestWrongArguments(t *testing.T) {
	for _, args := range [][]string{{"--count", "-1"}, {"--inflight", "0"}, {"surplus"}} {
		code, _, _ := run(t, t.TempDir(), args...)
		assert.Equal(t, flags.Usage, code)
	}
}

func TestTheDefaultPictureIsThere(t *testing.T) {
	path, err := options{}.picture(context.Background())
	require.NoError(t, err)
	_, err = picture.Load(path)
	assert.NoError(t, err)

	t.Setenv("PATH", t.TempDir())
	_, err = options{}.picture(context.Background())
	assert.ErrorContains(t, err, "give one with --image")
}
