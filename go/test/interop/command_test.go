package interop

import (
	"context"
	"encoding/json"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/cli"
	"github.com/zeroduplex/zeroduplex/go/internal/picture"
)

func zeroduplex(args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = cli.Run(context.Background(), args, &out, &err)
	return code, out.String(), err.String()
}

// onlyGo is a folder of peers with those of Go, where one language will do.
func onlyGo(t *testing.T) string {
	all, err := filepath.Abs(*peerFolder)
	require.NoError(t, err)
	one := t.TempDir()
	require.NoError(t, os.Symlink(filepath.Join(all, "go"), filepath.Join(one, "go")))
	return one
}

func TestDemoOfOddSizes(t *testing.T) {
	every := len(languages(t))
	runs := []struct {
		width, height, languages int
		peers                    string
	}{{641, 479, every, *peerFolder}, {1, 1, 1, onlyGo(t)}}
	if *soak {
		runs = append(runs, runs[0], runs[0])
		runs[2].width, runs[2].height = 1, 1
		runs[3].width, runs[3].height = 3840, 2160
	}
	for _, run := range runs {
		source := image.NewNRGBA(image.Rect(0, 0, run.width, run.height))
		random := rand.New(rand.NewPCG(1, 1))
		for i := range source.Pix {
			source.Pix[i] = byte(random.Uint32())
		}
		folder := t.TempDir()
		input := filepath.Join(folder, "in.png")
		require.NoError(t, picture.Save(input, source))
		out := filepath.Join(folder, "out")
		code, stdout, stderr := zeroduplex("demo", "--image", input, "--out", out, "--peers", run.peers, "--count", "2")
		require.Equal(t, 0, code, stderr)
		assert.Equal(t, 2*run.languages*run.languages, strings.Count(stdout, "identical │"))

		before, err := picture.Load(filepath.Join(out, "before.png"))
		require.NoError(t, err)
		assert.Equal(t, source.Pix, before.Pix)
		after, err := picture.Load(filepath.Join(out, "after.png"))
		require.NoError(t, err)
		assert.Equal(t, 255-source.Pix[0], after.Pix[0])
		for _, file := range []string{"after-blur.png", "contact-sheet.png"} {
			_, err := picture.Load(filepath.Join(out, file))
			assert.NoError(t, err)
		}
	}
}

func TestDemoTakesAJPEG(t *testing.T) {
	path := filepath.Join(t.TempDir(), "photo.jpg")
	file, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, jpeg.Encode(file, image.NewGray(image.Rect(0, 0, 33, 9)), nil))
	require.NoError(t, file.Close())
	code, _, stderr := zeroduplex("demo", "--image", path, "--out", t.TempDir(), "--peers", onlyGo(t), "--count", "1", "--inflight", "1")
	assert.Equal(t, 0, code, stderr)
}

func TestDemoFailsClearly(t *testing.T) {
	text := filepath.Join(t.TempDir(), "notes.txt")
	require.NoError(t, os.WriteFile(text, []byte("no picture"), 0o600))
	for want, args := range map[string][]string{
		"notes.txt is not a PNG or JPEG picture": {"--image", text},
		"no such file or directory":              {"--image", text + ".missing"},
		"run `make peers`":                       {"--image", text, "--peers", t.TempDir()},
	} {
		code, stdout, stderr := zeroduplex(append([]string{"demo", "--peers", *peerFolder, "--out", t.TempDir()}, args...)...)
		assert.Equal(t, 1, code)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, want)
	}
}

func TestInspectCommandOnALivingChannel(t *testing.T) {
	neighbours(t, func(t *testing.T, p pair) {
		channel := newChannel(t)
		start(t, p.server.Peer("stress-server"), "--name", channel, "--payload-size", "4096")
		client, err := p.client.Peer("stress-client").StartUntil(context.Background(), "idle", "--name", channel, "--count", "25", "--idle", "60000")
		require.NoError(t, err)
		defer client.Kill()
		code, stdout, stderr := zeroduplex("inspect", channel, "--json")
		require.Equal(t, 0, code, stderr)
		var report struct {
			V2 struct {
				Alive       map[string]bool   `json:"alive"`
				OiebRequest map[string]any    `json:"oieb_request"`
				Ring        map[string]uint64 `json:"ring"`
			} `json:"v2"`
			Semaphores []struct{ Present bool }
			Problems   []string
		}
		require.NoError(t, json.Unmarshal([]byte(stdout), &report))
		assert.Equal(t, map[string]bool{"server": true, "client": true}, report.V2.Alive)
		assert.EqualValues(t, 25, report.V2.OiebRequest["payload_written_count"])
		assert.EqualValues(t, 4096, report.V2.Ring["free"])
		assert.Empty(t, report.Problems)
		require.Len(t, report.Semaphores, 4)
		for _, s := range report.Semaphores {
			assert.True(t, s.Present)
		}
		code, stdout, _ = zeroduplex("inspect", channel)
		assert.Equal(t, 0, code)
		assert.Contains(t, stdout, "server  alive")
	})
}
