package layout

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
)

func run(args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = Run(args, &out, &err)
	return code, out.String(), err.String()
}

// The numbers are the protocol's, written out.
func TestJSON(t *testing.T) {
	code, stdout, _ := run("--json", "--metadata", "4096", "--payload", "1048576")
	require.Equal(t, flags.OK, code)
	var d document
	require.NoError(t, json.Unmarshal([]byte(stdout), &d))
	assert.Equal(t, 1, d.SchemaVersion)
	assert.Equal(t, segment{Length: 1056960, Regions: []region{
		{"oieb_request", 0, 88}, {"oieb_response", 0x58, 88}, {"metadata_request", 0xB0, 4112}, {"metadata_response", 0x10C0, 4096}, {"payload", 0x20C0, 1048576},
	}}, d.Segments["v2"])
	assert.Len(t, d.Structs, 4)
	for name, size := range map[string]uint64{"oieb_v1": 128, "oieb_v2": 88, "frame_header_v1": 16, "frame_header_v2": 64} {
		assert.Equal(t, size, d.Structs[name].Size, name)
	}
	assert.Equal(t, []field{
		{"oieb_size", 0, 4}, {"version", 4, 4}, {"metadata_size", 8, 8}, {"metadata_free_bytes", 0x10, 8}, {"metadata_written_bytes", 0x18, 8},
		{"payload_size", 0x20, 8}, {"payload_free_bytes", 0x28, 8}, {"payload_written_bytes", 0x30, 8}, {"payload_written_count", 0x38, 8},
		{"payload_read_count", 0x40, 8}, {"writer_pid", 0x48, 8}, {"reader_pid", 0x50, 8},
	}, d.Structs["oieb_v2"].Fields)
	assert.Contains(t, d.Structs["frame_header_v2"].Fields, field{"state", 0x18, 4})
	assert.Len(t, d.Semaphores, 6)
	assert.Equal(t, semaphore{"request_ready", "v2", "sem-request-ready-{name}", "client", "server"}, d.Semaphores[0])
}

func TestSmallSizesAreRounded(t *testing.T) {
	code, stdout, _ := run("--json", "--metadata=0", "--payload=1000")
	require.Equal(t, flags.OK, code)
	var d document
	require.NoError(t, json.Unmarshal([]byte(stdout), &d))
	assert.EqualValues(t, 1216, d.Segments["v2"].Length)
	assert.Equal(t, []region{{"oieb_request", 0, 88}, {"oieb_response", 0x58, 88}, {"metadata_request", 0xB0, 16}, {"metadata_response", 0xC0, 0}, {"payload", 0xC0, 1024}}, d.Segments["v2"].Regions)
}

func TestText(t *testing.T) {
	code, stdout, _ := run()
	require.Equal(t, flags.OK, code)
	for _, want := range []string{"0x0058 │ oieb_response", "0x20C0 │ payload", "16,777,216", "payload_written_count", "sem-space-available-{name}", "u8 × 16"} {
		assert.Contains(t, stdout, want)
	}
}

func TestImpossibleSizes(t *testing.T) {
	for _, args := range [][]string{{"--payload", "64"}, {"--metadata", "18446744073709551615"}, {"--payload", "-1"}, {"surplus"}} {
		code, stdout, stderr := run(args...)
		assert.Equal(t, flags.Usage, code, args)
		assert.Empty(t, stdout)
		assert.NotEmpty(t, stderr)
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestAFailedWriteIsReported(t *testing.T) {
	for _, args := range [][]string{{}, {"--json"}} {
		var stderr strings.Builder
		assert.Equal(t, flags.Failed, Run(args, brokenWriter{}, &stderr))
		assert.Contains(t, stderr.String(), "disk full")
	}
}
