package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/peers"
)

// streamPrograms are the peers of ZeroBuffer v1's streams.
var streamPrograms = []string{"stream-writer", "stream-reader"}

// streamReport is what both sides print; each leaves out what only the other knows.
type streamReport struct {
	Role             string
	Frames, Bytes    uint64
	Seconds          float64
	Mismatches       uint64
	PayloadSize      uint64 `json:"payload_size"`
	PayloadFreeBytes uint64 `json:"payload_free_bytes"`
	WrittenCount     uint64 `json:"written_count"`
	ReadCount        uint64 `json:"read_count"`
	MetadataBytes    int    `json:"metadata_bytes"`
}

// stream runs a writer against a reader and checks that nothing was lost, changed or left over.
func stream(t *testing.T, p pair, frames, size, payload string, readerArgs, writerArgs string) (reader, writer streamReport) {
	for _, l := range []peers.Language{p.client, p.server} {
		require.NoError(t, l.Has(streamPrograms...))
	}
	channel := newChannel(t)
	common := []string{"--name", channel, "--frames", frames, "--size", size, "--seed", "7", "--json"}
	server, err := p.server.Peer("stream-reader").Start(context.Background(), append(append([]string{"--payload-size", payload, "--verify"}, common...), strings.Fields(readerArgs)...)...)
	require.NoError(t, err)
	defer server.Kill()
	printed, err := p.client.Peer("stream-writer").Run(context.Background(), append(common, strings.Fields(writerArgs)...)...)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(printed, &writer), string(printed))
	rest, err := server.Wait()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal([]byte(rest), &reader), rest)

	assert.Equal(t, "writer", writer.Role)
	assert.Equal(t, "reader", reader.Role)
	assert.Equal(t, frames, fmt.Sprint(writer.Frames))
	assert.Equal(t, frames, fmt.Sprint(reader.Frames))
	assert.Equal(t, writer.Bytes, reader.Bytes)
	assert.Zero(t, reader.Mismatches)
	assert.Equal(t, payload, fmt.Sprint(reader.PayloadSize))
	assert.Equal(t, reader.PayloadSize, reader.PayloadFreeBytes, "everything is free again")
	assert.Equal(t, reader.WrittenCount, reader.ReadCount, "everything that was written was read")
	assert.Equal(t, writer.WrittenCount, reader.WrittenCount)
	assert.GreaterOrEqual(t, reader.WrittenCount, reader.Frames, "frames and markers")
	return reader, writer
}

// The ring holds about thirty frames, so it wraps all the time, at every position.
func TestStreamsOfRandomSizesThroughASmallRing(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		reader, _ := stream(t, p, count(20_000, 200_000), "1-300", "4096", "", "")
		assert.Greater(t, reader.WrittenCount, reader.Frames, "not one marker was written")
	})
}

// Frames of 1 to 40 per cent of the ring, filled where they stand.
func TestStreamsOfLargeFrames(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		stream(t, p, count(24, 2_000), "671089-26843545", "67108864", "", "--zero-copy --timeout 60000")
	})
}

// Frames that are kept and released newest first must stay as they are until then.
func TestStreamsWhoseFramesAreKept(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		stream(t, p, count(5_000, 50_000), "1-700", "4096", "--hold 4", "--zero-copy")
	})
}

func TestMetadataOfAStream(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		path := filepath.Join(t.TempDir(), "metadata")
		require.NoError(t, os.WriteFile(path, make([]byte, 1000), 0o600))
		reader, _ := stream(t, p, "10", "100", "4096", "--metadata-size 1024", "--metadata-file "+path)
		assert.Equal(t, 1000, reader.MetadataBytes)
		reader, _ = stream(t, p, "10", "100", "4096", "--metadata-size 64", "")
		assert.Zero(t, reader.MetadataBytes)
	})
}

func TestErrorsOfStreamPeers(t *testing.T) {
	for _, l := range languages(t) {
		t.Run(l.Name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, l.Has(streamPrograms...))
			for _, c := range []struct {
				program string
				args    string
				want    string
			}{
				{"stream-writer", "--name x --frames 1", "exit status 2"},
				{"stream-writer", "--name x --frames 1 --size 0", "exit status 2"},
				{"stream-writer", "--name x --frames 1 --size 9-5", "exit status 2"},
				{"stream-writer", "--name x --frames 1 --size 1 --colour", "exit status 2"},
				{"stream-reader", "--name x --frames 1 --sizes 1,x", "exit status 2"},
				{"stream-reader", "--name a/b --frames 1", "invalid_name"},
				{"stream-writer", "--name a/b --frames 1 --size 1", "invalid_name"},
				{"stream-writer", "--name zd-interop-nobody --frames 1 --size 1 --timeout 100", "buffer_not_found"},
			} {
				_, err := l.Peer(c.program).Run(context.Background(), strings.Fields(c.args)...)
				assert.ErrorContains(t, err, c.want, "%s %s", c.program, c.args)
			}
			channel := newChannel(t)
			reader, err := l.Peer("stream-reader").Start(context.Background(), "--name", channel, "--frames", "1000", "--payload-size", "1024")
			require.NoError(t, err)
			_, err = l.Peer("stream-reader").Run(context.Background(), "--name", channel, "--frames", "1")
			assert.ErrorContains(t, err, "reader_already_connected")
			_, err = l.Peer("stream-writer").Run(context.Background(), "--name", channel, "--frames", "3", "--sizes", "10,10,1009")
			assert.ErrorContains(t, err, "frame_too_large")
			_, err = reader.Wait()
			assert.ErrorContains(t, err, "writer_dead", "its writer left without having written all")
		})
	}
}
