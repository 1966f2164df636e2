package inspect

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// fixture builds segments byte by byte. The offsets are the protocol's, written out on purpose: a test that took them from
// the generated bindings could not find a mistake in them.
type fixture struct {
	memory
	payload uint64 // where it begins
}

const (
	request, response = 0x00, 0x58 // blocks
	payloadSize       = 1024
)

func newFixture() fixture {
	// Metadata 0 and 0: 16 bytes and none; the payload is at 0xC0.
	f := fixture{memory: make([]byte, 0xC0+payloadSize), payload: 0xC0}
	for _, block := range []uint64{request, response} {
		f.put64(block, 88|2<<32)
		f.put64(block+0x20, payloadSize)
		f.put64(block+0x28, payloadSize)
	}
	f.put64(request+0x08, 16)
	f.put64(request+0x10, 16)
	return f
}

func (f fixture) put64(offset, value uint64) { binary.LittleEndian.PutUint64(f.memory[offset:], value) }
func (f fixture) put32(offset uint64, value uint32) {
	binary.LittleEndian.PutUint32(f.memory[offset:], value)
}

func (f fixture) ring(head, free, count uint64) fixture {
	f.put64(request+0x30, head)
	f.put64(request+0x28, free)
	f.put64(response+0x28, free)
	f.put64(request+0x38, count)
	return f
}

func (f fixture) frame(position, sequence, capacity uint64, state int32) {
	at := f.payload + position
	f.put64(at, capacity)
	f.put64(at+0x08, sequence)
	f.put64(at+0x10, capacity)
	f.put32(at+0x18, uint32(state))
	f.put64(at+0x20, capacity)
	f.put32(at+0x28, uint32(sequence)+100)
}

func (f fixture) report(t *testing.T) *Report {
	r := &Report{SchemaVersion: SchemaVersion, Name: "test", Problems: []string{}, Semaphores: []Semaphore{}, Length: uint64(len(f.memory))}
	require.NoError(t, r.decode(f.memory))
	return r
}

func sequences(frames []Frame) (numbers []uint64) {
	for _, f := range frames {
		numbers = append(numbers, f.Sequence)
	}
	return numbers
}

func TestAnIdleSegment(t *testing.T) {
	r := newFixture().report(t)
	assert.Equal(t, ProtocolV2, r.Protocol)
	assert.Empty(t, r.Problems)
	assert.Empty(t, r.V2.Frames)
	assert.Equal(t, Ring{Size: 1024, Free: 1024}, r.V2.Ring)
	assert.Nil(t, r.V2.Metadata.Request)
	assert.EqualValues(t, 88, r.V2.OiebResponse.Get("oieb_size"))
	assert.Zero(t, r.V2.OiebResponse.Get("no_such_field"))
}

func TestFramesInRingOrderAcrossAWrap(t *testing.T) {
	f := newFixture().ring(1024+192, 1024-192-128-192, 9)
	// Tail at 704: frame 7 there, frame 8 behind it, a marker at 896 with 128 bytes of waste, frame 9 at 0.
	f.frame(704, 7, 0, 3)
	f.frame(768, 8, 64, 2)
	f.put32(f.payload+896+0x18, 7)
	f.frame(0, 9, 128, 1)
	f.put32(f.payload+768+0x2C, 3)

	r := f.report(t)
	assert.Empty(t, r.Problems)
	assert.Equal(t, Ring{Size: 1024, Head: 1216, Tail: 704, Used: 512, Free: 512}, r.V2.Ring)
	assert.Equal(t, []Frame{
		{Sequence: 7, State: "response", Position: 704, Opcode: 107},
		{Sequence: 8, State: "processing", Position: 768, PayloadSize: 64, RequestSize: 64, Capacity: 64, Opcode: 108, OneWay: true, Abandoned: true},
		{Sequence: 9, State: "request", Position: 0, PayloadSize: 128, RequestSize: 128, Capacity: 128, Opcode: 109},
	}, r.V2.Frames)
}

func TestAnUnmarkedLapClaimsNothingForWhatItSkips(t *testing.T) {
	// One frame of 256 bytes at the start of the fifth lap; the head had been at 192 of the third.
	f := newFixture().ring(4*1024+256, 1024-256, 12)
	f.frame(0, 12, 192, 2)
	r := f.report(t)
	assert.Empty(t, r.Problems)
	assert.Equal(t, []uint64{12}, sequences(r.V2.Frames))
	assert.EqualValues(t, 4096, r.V2.Ring.Tail)
}

func TestAFullRing(t *testing.T) {
	f := newFixture().ring(1024, 0, 1)
	f.frame(0, 1, 960, 1)
	r := f.report(t)
	assert.Empty(t, r.Problems)
	assert.Equal(t, []uint64{1}, sequences(r.V2.Frames))
	assert.Equal(t, strings.Repeat("█", 32), r.V2.Ring.bar())
}

func TestMetadataLengths(t *testing.T) {
	f := newFixture()
	f.put64(request+0x18, 8+5)
	f.put64(0xB0, 5)
	r := f.report(t)
	assert.Empty(t, r.Problems)
	require.NotNil(t, r.V2.Metadata.Request)
	assert.EqualValues(t, 5, *r.V2.Metadata.Request)

	f.put64(0xB0, 6)
	r = f.report(t)
	assert.Nil(t, r.V2.Metadata.Request)
	assert.Equal(t, []string{"request metadata: 13 bytes written, length prefix 6, room for 16"}, r.Problems)
}

func TestWhatNoCorrectPeerWritesIsAProblem(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(fixture)
		want  string
	}{
		"payload sizes differ":  {func(f fixture) { f.put64(response+0x20, 2048) }, "the blocks disagree on the payload's size: 1024 in the request block, 2048 in the response block"},
		"payload too small":     {func(f fixture) { f.put64(request+0x20, 64); f.put64(response+0x20, 64) }, "metadata of 16 and 0 and payload of 64 bytes are not possible"},
		"overflowing sizes":     {func(f fixture) { f.put64(request+0x08, ^uint64(0)) }, "are not possible"},
		"sizes not rounded":     {func(f fixture) { f.put64(request+0x08, 17) }, "metadata of 17 and 0 and payload of 1024 bytes are not rounded as the layout wants"},
		"object too short":      {func(f fixture) { f.put64(request+0x20, 2048); f.put64(response+0x20, 2048) }, "the sizes in the info blocks need 2240 bytes, the object has 1216"},
		"object too long":       {func(f fixture) { f.put64(request+0x20, 512); f.put64(response+0x20, 512); f.ring(0, 512, 0) }, "the object has 1216 bytes, the sizes in its info blocks make 704"},
		"free bytes differ":     {func(f fixture) { f.put64(response+0x28, 960) }, "the blocks disagree on the free bytes: 1024 in the request block, 960 in the response block"},
		"more free than there":  {func(f fixture) { f.ring(0, 2048, 0) }, "ring of 1024 bytes with 2048 free and the head at 0 is not possible"},
		"unaligned head":        {func(f fixture) { f.ring(100, 960, 1) }, "ring of 1024 bytes with 960 free and the head at 100 is not possible"},
		"more used than ever":   {func(f fixture) { f.ring(64, 512, 1) }, "512 bytes are in use but only 64 were ever written"},
		"marker at the start":   {func(f fixture) { f.ring(128, 1024-128, 1); f.put32(f.payload+0x18, 7) }, "wrap marker at position 0 has no frame behind it"},
		"marker at the head":    {func(f fixture) { f.ring(192, 1024-64, 1); f.put32(f.payload+128+0x18, 7) }, "wrap marker at position 128 has no frame behind it"},
		"capacity beyond head":  {func(f fixture) { f.ring(128, 1024-128, 1); f.frame(0, 1, 128, 1) }, "frame at position 0 has a capacity of 128 bytes, 64 are left"},
		"capacity beyond end":   {func(f fixture) { f.ring(1024+64, 1024-256, 1); f.frame(832, 1, 192, 1) }, "frame at position 832 has a capacity of 192 bytes, 128 are left"},
		"huge capacity":         {func(f fixture) { f.ring(128, 1024-128, 1); f.frame(0, 1, ^uint64(63), 1) }, "frame at position 0 has a capacity of 18446744073709551552 bytes, 64 are left"},
		"unaligned capacity":    {func(f fixture) { f.ring(128, 1024-128, 1); f.frame(0, 1, 63, 1) }, "frame at position 0 has a capacity of 63 bytes, 64 are left"},
		"size beyond capacity":  {func(f fixture) { f.ring(128, 1024-128, 1); f.frame(0, 1, 64, 1); f.put64(f.payload, 65) }, "frame 1 holds 65 bytes (request 64) in a capacity of 64"},
		"unknown state":         {func(f fixture) { f.ring(64, 1024-64, 1); f.frame(0, 1, 0, 77) }, "frame 1 at position 0 has the state"},
		"state free":            {func(f fixture) { f.ring(64, 1024-64, 1); f.frame(0, 1, 0, 0) }, "frame 1 at position 0 has the state free"},
		"wrong sequence number": {func(f fixture) { f.ring(64, 1024-64, 3); f.frame(0, 2, 0, 1) }, "frame at position 0 has the sequence number 2, expected 3"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			c.spoil(f)
			r := f.report(t)
			require.NotEmpty(t, r.Problems)
			assert.Contains(t, strings.Join(r.Problems, "\n"), c.want)
			assert.NoError(t, r.Write(&strings.Builder{}))
		})
	}
}

func TestOtherIdentities(t *testing.T) {
	for want, image := range map[string][]byte{
		"it has 3 bytes, the identity alone takes 8":                   {1, 2, 3},
		"its first eight bytes are 0x0000010000000064":                 {100, 0, 0, 0, 0, 1, 0, 0},
		"(size 88, version 3.1.0)":                                     {88, 0, 0, 0, 3, 1, 0, 0},
		"a v2 segment of 8 bytes lacks part of its info blocks of 176": {88, 0, 0, 0, 2, 0, 0, 0},
		"a v1 buffer of 8 bytes lacks part of its info block of 128":   {128, 0, 0, 0, 1, 0, 0, 0},
	} {
		err := new(Report).decode(image)
		assert.ErrorIs(t, err, ErrForeign)
		assert.ErrorContains(t, err, want)
	}
	for want, image := range map[string][]byte{
		"the first eight bytes are 0": make([]byte, 8),
		"a size, but no version yet":  {128, 0, 0, 0, 0, 0, 0, 0},
	} {
		r := &Report{Name: "test"}
		require.NoError(t, r.decode(image))
		assert.Equal(t, ProtocolNotReady, r.Protocol)
		require.Len(t, r.Problems, 1)
		assert.Contains(t, r.Problems[0], want)
	}
}

func TestTextAndJSON(t *testing.T) {
	f := newFixture().ring(640, 1024-640, 5)
	for i := range uint64(5) {
		f.frame(i*128, i+1, 64, int32(i+1))
	}
	f.put64(request+0x48, wire.ResetWanted)
	f.put64(response+0x48, 42)
	r := f.report(t)
	r.Semaphores = []Semaphore{{Name: "sem-a", Present: true, Value: 1}, {Name: "sem-b"}}
	var text strings.Builder
	require.NoError(t, r.Write(&text))
	for _, want := range []string{"in-place duplex 2.0.0", "pid 42", "a reset is wanted", "orphaned", "Frames in flight: 5, oldest first",
		"640 of 1,024 bytes in use", "████████████████████░░░░░░░░░░░░", "processing", "consumed", "payload_written_count", "sem-b"} {
		assert.Contains(t, text.String(), want)
	}

	encoded, err := json.Marshal(r)
	require.NoError(t, err)
	var decoded struct {
		V2 struct {
			OiebRequest map[string]any `json:"oieb_request"`
			Frames      []Frame        `json:"frames"`
		} `json:"v2"`
	}
	require.NoError(t, json.Unmarshal(encoded, &decoded))
	assert.Equal(t, "2.0.0", decoded.V2.OiebRequest["version"])
	assert.Equal(t, r.V2.Frames, decoded.V2.Frames)
	assert.Less(t, strings.Index(string(encoded), "oieb_size"), strings.Index(string(encoded), "reader_pid"), "fields stand in layout order")
}

func TestManyFramesAreCutInTextOnly(t *testing.T) {
	size := uint64(64 * 50)
	f := fixture{memory: make([]byte, 0xC0+size), payload: 0xC0}
	copy(f.memory, newFixture().memory[:0xC0])
	f.put64(request+0x20, size)
	f.put64(response+0x20, size)
	f.ring(size, 0, 50)
	for i := range uint64(50) {
		f.frame(i*64, i+1, 0, 1)
	}
	r := f.report(t)
	assert.Empty(t, r.Problems)
	assert.Len(t, r.V2.Frames, 50)
	var text strings.Builder
	require.NoError(t, r.Write(&text))
	assert.Contains(t, text.String(), "and 10 younger ones (--json shows all)")
}

func TestNoContentsCrashIt(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 20_000 {
		f := newFixture().ring(64*r.Uint64N(40), 64*r.Uint64N(17), r.Uint64N(20))
		for range r.IntN(12) {
			f.frame(64*r.Uint64N(16), r.Uint64N(20), 64*r.Uint64N(6), int32(r.IntN(9)))
		}
		for range r.IntN(4) {
			f.put64(8*r.Uint64N(uint64(len(f.memory))/8-1)+8, r.Uint64())
		}
		report := f.report(t)
		require.NoError(t, report.Write(&strings.Builder{}))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(newFixture().memory))
	f.Fuzz(func(t *testing.T, image []byte) {
		aligned := make([]byte, len(image)) // what the fuzzer gives may begin anywhere
		copy(aligned, image)
		r := &Report{}
		if r.decode(aligned) == nil {
			_ = r.Write(&strings.Builder{})
		}
	})
}
