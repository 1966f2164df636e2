package filter

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// naiveBlur says what Blur means, one pixel at a time and with a whole second picture.
func naiveBlur(source []byte, g Geometry) []byte {
	weights := [5]int{1, 4, 6, 4, 1}
	pass := func(in []byte, dx, dy int) []byte {
		out := bytes.Clone(in)
		for y := range g.Height {
			for x := range g.Width {
				for c := range 4 {
					sum := 8
					for k, w := range weights {
						sx := min(max(x+(k-2)*dx, 0), g.Width-1)
						sy := min(max(y+(k-2)*dy, 0), g.Height-1)
						sum += w * int(in[sy*g.Stride+sx*4+c])
					}
					out[y*g.Stride+x*4+c] = byte(sum / 16)
				}
			}
		}
		return out
	}
	return pass(pass(source, 1, 0), 0, 1)
}

func naiveInvert(source []byte, g Geometry) []byte {
	out := bytes.Clone(source)
	for y := range g.Height {
		for x := range g.Width {
			for c := range 3 {
				out[y*g.Stride+x*4+c] = 255 - source[y*g.Stride+x*4+c]
			}
		}
	}
	return out
}

func randomPicture(r *rand.Rand, g Geometry) []byte {
	pixels := make([]byte, g.Size())
	for i := range pixels {
		pixels[i] = byte(r.Uint32())
	}
	return pixels
}

func TestFiltersEqualTheNaiveOnes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sizes := [][2]int{{1, 1}, {1, 2}, {2, 1}, {3, 3}, {5, 1}, {1, 5}, {4, 7}, {641, 479}}
	for range 40 {
		sizes = append(sizes, [2]int{1 + r.IntN(40), 1 + r.IntN(40)})
	}
	for _, size := range sizes {
		g := Packed(size[0], size[1])
		if r.IntN(2) == 0 {
			g.Stride += r.IntN(20) // padding must stay as it was
		}
		source := randomPicture(r, g)

		blurred := bytes.Clone(source)
		require.NoError(t, Blur(blurred, g))
		require.True(t, bytes.Equal(naiveBlur(source, g), blurred), "blur of %+v", g)

		inverted := bytes.Clone(source)
		require.NoError(t, Invert(inverted, g))
		require.True(t, bytes.Equal(naiveInvert(source, g), inverted), "invert of %+v", g)
	}
}

func TestBlurOfALargePicture(t *testing.T) {
	g := Packed(3840, 2160)
	source := randomPicture(rand.New(rand.NewPCG(3, 4)), g)
	blurred := bytes.Clone(source)
	require.NoError(t, Blur(blurred, g))
	assert.True(t, bytes.Equal(naiveBlur(source, g), blurred))
}

func TestBlurKeepsAPlainPicture(t *testing.T) {
	g := Packed(9, 7)
	pixels := bytes.Repeat([]byte{10, 20, 30, 255}, 9*7)
	want := bytes.Clone(pixels)
	require.NoError(t, Blur(pixels, g))
	assert.Equal(t, want, pixels)
}

func TestInvertTwiceIsNothing(t *testing.T) {
	g := Packed(13, 11)
	pixels := randomPicture(rand.New(rand.NewPCG(5, 6)), g)
	want := bytes.Clone(pixels)
	require.NoError(t, Invert(pixels, g))
	assert.NotEqual(t, want, pixels)
	require.NoError(t, Invert(pixels, g))
	assert.Equal(t, want, pixels)
}

func TestFiltersRefuseOtherSizes(t *testing.T) {
	for _, apply := range []func([]byte, Geometry) error{Blur, Invert} {
		assert.EqualError(t, apply(make([]byte, 15), Packed(2, 2)), "frame of 15 bytes is not a picture of 2 rows of 8 bytes")
		assert.Error(t, apply(nil, Geometry{}))
	}
}

func TestParseGeometry(t *testing.T) {
	g, err := ParseGeometry([]byte(`{"width":641,"height":479,"stride":2564,"format":"rgba8"}`))
	require.NoError(t, err)
	assert.Equal(t, Packed(641, 479), g)

	for input, want := range map[string]string{
		"":  "no picture geometry",
		"{": "reading the picture geometry",
		`{"width":1,"height":1,"stride":4,"format":"bgr"}`:                     `picture format "bgr" is not "rgba8"`,
		`{"width":0,"height":1,"stride":4,"format":"rgba8"}`:                   "picture of 0 x 1 pixels is not possible",
		`{"width":1,"height":-1,"stride":4,"format":"rgba8"}`:                  "picture of 1 x -1 pixels is not possible",
		`{"width":2,"height":1,"stride":7,"format":"rgba8"}`:                   "stride of 7 bytes does not fit rows of 2 pixels",
		`{"width":1,"height":1,"stride":9223372036854775807,"format":"rgba8"}`: "does not fit",
		`{"width":4611686018427387904,"height":1,"stride":4,"format":"rgba8"}`: "is not possible",
	} {
		_, err := ParseGeometry([]byte(input))
		assert.ErrorContains(t, err, want, input)
	}
}

func BenchmarkBlur(b *testing.B) {
	for _, size := range [][2]int{{640, 480}, {3840, 2160}} {
		b.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(b *testing.B) {
			g := Packed(size[0], size[1])
			pixels := randomPicture(rand.New(rand.NewPCG(7, 8)), g)
			b.SetBytes(int64(len(pixels)))
			for b.Loop() {
				_ = Blur(pixels, g)
			}
		})
	}
}
