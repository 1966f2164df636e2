package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
)

func TestWorkIsChecked(t *testing.T) {
	for _, touch := range []benchproto.Touch{benchproto.TouchNone, benchproto.TouchFill, benchproto.TouchPage, benchproto.TouchAll} {
		for _, size := range []int{0, 1, 8, 4096, 4097, 10_000} {
			data := make([]byte, size)
			w := filler{touch: touch, size: size}
			w.fill(data, 258)
			invert(data, touch)
			assert.NoError(t, w.check(data, 258), "%s, %d bytes", touch, size)
			if size > 0 && touch != benchproto.TouchNone {
				data[0]++
				assert.ErrorContains(t, w.check(data, 258), "byte 0 of frame 258 is 254, expected 253")
			}
		}
	}
}

func TestWhatIsLostIsNoticed(t *testing.T) {
	for _, c := range []struct {
		touch benchproto.Touch
		spoil func([]byte) []byte
		want  string
	}{
		{benchproto.TouchNone, func(d []byte) []byte { d[0] = 9; return d }, "frame 258 came back with the number 265"},
		{benchproto.TouchNone, func(d []byte) []byte { return d[1:] }, "came back with 9999 bytes instead of 10000"},
		{benchproto.TouchFill, func(d []byte) []byte { d[9999] = 0; return d }, "byte 9999 of frame 258 is 0, expected 2"},
		{benchproto.TouchFill, func(d []byte) []byte { d[7] = 2; return d }, "byte 7 of frame 258 is 2, expected 253"},
		{benchproto.TouchPage, func(d []byte) []byte { d[8192] = 2; return d }, "byte 8192 of frame 258 is 2"},
		{benchproto.TouchAll, func(d []byte) []byte { d[5000] = 2; return d }, "byte 5000 of frame 258 is 2"},
		{benchproto.TouchAll, func(d []byte) []byte { d[9999] = 2; return d }, "byte 9999 of frame 258 is 2"},
	} {
		data := make([]byte, 10_000)
		w := filler{touch: c.touch, size: len(data)}
		w.fill(data, 258)
		invert(data, c.touch)
		require.NoError(t, w.check(data, 258))
		assert.ErrorContains(t, w.check(c.spoil(data), 258), c.want)
	}
}

// Every bit of every byte counts, also where several words are compared at once.
func TestEveryBitIsChecked(t *testing.T) {
	data := make([]byte, 200)
	w := filler{touch: benchproto.TouchAll, size: len(data)}
	for _, n := range []uint64{0, 255, 0xA5} {
		w.fill(data, n)
		invert(data, benchproto.TouchAll)
		require.NoError(t, w.check(data, n))
		for bit := range 8 * len(data) {
			data[bit/8] ^= 1 << (bit % 8)
			require.Error(t, w.check(data, n), "bit %d, number %d", bit, n)
			data[bit/8] ^= 1 << (bit % 8)
		}
	}
}

func TestUnalignedDataIsAllRest(t *testing.T) {
	memory := make([]byte, 64)
	whole, rest := words(memory)
	assert.Len(t, whole, 8)
	assert.Empty(t, rest)
	whole, rest = words(memory[1:])
	assert.Empty(t, whole)
	assert.Len(t, rest, 63)
}
