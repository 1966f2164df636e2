package inspect

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newFixtureV1 is a buffer of metadata 256 and payload 1024. The offsets are written out, as in newFixture.
func newFixtureV1() fixture {
	f := fixture{memory: make([]byte, 1408), payload: 384}
	f.put64(0, 128|1<<32)
	f.put64(8, 256)
	f.put64(16, 256)
	f.put64(32, 1024)
	f.put64(40, 1024)
	return f
}

func TestV1(t *testing.T) {
	f := newFixtureV1()
	f.put64(24, 13) // metadata: five bytes
	f.put64(128, 5)
	f.put64(40, 900)
	f.put64(48, 124)
	f.put64(64, 4711)
	f.put64(72, 4710)
	r := f.report(t)
	assert.Equal(t, ProtocolV1, r.Protocol)
	assert.Empty(t, r.Problems)
	assert.EqualValues(t, 4711, r.V1.Oieb.Get("payload_written_count"))
	require.NotNil(t, r.V1.Metadata)
	assert.EqualValues(t, 5, *r.V1.Metadata)
	var text strings.Builder
	require.NoError(t, r.Write(&text))
	for _, want := range []string{"ZeroBuffer v1 buffer 1.0.0", "reader  gone   no pid", "writer  gone   no pid", "orphaned: nobody reads this buffer", "4,711 written, 4,710 read",
		"5 bytes", "900 of 1,024 bytes free, written up to 124, read up to 0", "payload_read_pos"} {
		assert.Contains(t, text.String(), want)
	}
	encoded, err := json.Marshal(r)
	require.NoError(t, err)
	assert.Contains(t, string(encoded), `"v1":{"alive":{"writer":false,"reader":false},"oieb":{"oieb_size":128,"version":"1.0.0"`)
	assert.Contains(t, string(encoded), `"metadata_bytes":5`)
}

func TestWhatNoPeerOfV1WritesIsAProblem(t *testing.T) {
	for want, spoil := range map[string]func(fixture){
		"are not possible": func(f fixture) { f.put64(32, ^uint64(0)) },
		"metadata of 255 and payload of 1024 bytes are not rounded as the layout wants": func(f fixture) { f.put64(8, 255) },
		"the sizes in the info block need 4480 bytes, the object has 1408":              func(f fixture) { f.put64(32, 4096) },
		"payload_free_bytes is 1025 in a payload of 1024 bytes":                         func(f fixture) { f.put64(40, 1025) },
		"payload_write_pos is 1025 in a payload of 1024 bytes":                          func(f fixture) { f.put64(48, 1025) },
		"payload_read_pos is 18446744073709551615":                                      func(f fixture) { f.put64(56, ^uint64(0)) },
		"3 frames and markers were read, but only 2 written":                            func(f fixture) { f.put64(64, 2); f.put64(72, 3) },
		"metadata: 7 bytes written, room for 256":                                       func(f fixture) { f.put64(24, 7) },
		"metadata: 257 bytes written, room for 256":                                     func(f fixture) { f.put64(24, 257) },
		"metadata: 20 bytes written, length prefix 13":                                  func(f fixture) { f.put64(24, 20); f.put64(128, 13) },
	} {
		t.Run(want, func(t *testing.T) {
			f := newFixtureV1()
			spoil(f)
			r := f.report(t)
			require.Len(t, r.Problems, 1)
			assert.Contains(t, r.Problems[0], want)
			assert.NoError(t, r.Write(&strings.Builder{}))
		})
	}
	f := newFixtureV1()
	f.put64(48, 1024) // published writers leave it so after an exact fit
	assert.Empty(t, f.report(t).Problems)
}
