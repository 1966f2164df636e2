package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, name string, content []byte) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

func TestLoadKeepsPixelsOfAPNG(t *testing.T) {
	source := image.NewNRGBA(image.Rect(0, 0, 3, 2))
	for i := range source.Pix {
		source.Pix[i] = byte(i*37 + 1)
	}
	var encoded bytes.Buffer
	require.NoError(t, png.Encode(&encoded, source))
	got, err := Load(write(t, "a.png", encoded.Bytes()))
	require.NoError(t, err)
	assert.Equal(t, source.Pix, got.Pix)
	assert.Equal(t, image.Rect(0, 0, 3, 2), got.Rect)
	assert.Equal(t, 12, got.Stride)
}

func TestLoadReadsJPEGAndGray(t *testing.T) {
	gray := image.NewGray(image.Rect(0, 0, 641, 479))
	for i := range gray.Pix {
		gray.Pix[i] = 0x80
	}
	var encoded bytes.Buffer
	require.NoError(t, jpeg.Encode(&encoded, gray, nil))
	got, err := Load(write(t, "a.jpeg", encoded.Bytes()))
	require.NoError(t, err)
	assert.Equal(t, image.Rect(0, 0, 641, 479), got.Rect)
	assert.Equal(t, color.NRGBA{0x80, 0x80, 0x80, 0xFF}, got.NRGBAAt(640, 478))
}

func TestLoadSaysWhatIsWrong(t *testing.T) {
	_, err := Load(write(t, "notes.txt", []byte("not a picture\n")))
	assert.ErrorIs(t, err, ErrNotPicture)
	assert.ErrorContains(t, err, "notes.txt is not a PNG or JPEG picture")

	_, err = Load(write(t, "empty.png", nil))
	assert.ErrorIs(t, err, ErrNotPicture)

	missing := filepath.Join(t.TempDir(), "missing.png")
	_, err = Load(missing)
	assert.ErrorIs(t, err, os.ErrNotExist)

	_, err = Load(t.TempDir())
	assert.ErrorContains(t, err, "is a folder")

	var encoded bytes.Buffer
	require.NoError(t, png.Encode(&encoded, image.NewNRGBA(image.Rect(0, 0, 64, 64))))
	_, err = Load(write(t, "cut.png", encoded.Bytes()[:60]))
	assert.ErrorContains(t, err, "cut.png is damaged")
}

func TestOfChecksTheSize(t *testing.T) {
	got, err := Of(make([]byte, 24), 3, 2)
	require.NoError(t, err)
	assert.Equal(t, image.Rect(0, 0, 3, 2), got.Rect)
	_, err = Of(make([]byte, 23), 3, 2)
	assert.EqualError(t, err, "23 bytes are not a picture of 3 x 2")
	_, err = Of(nil, 0, 2)
	assert.Error(t, err)
}

func TestSaveRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "a.png")
	want := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	copy(want.Pix, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	require.NoError(t, Save(path, want))
	got, err := Load(path)
	require.NoError(t, err)
	assert.Equal(t, want.Pix, got.Pix)
	assert.Error(t, Save(filepath.Join(path, "below-a-file.png"), want))
}

func TestSheetShowsEveryPictureWhateverItsShape(t *testing.T) {
	red := func(w, h int) Cell {
		p := image.NewNRGBA(image.Rect(0, 0, w, h))
		fill(p, p.Rect, color.NRGBA{0xFF, 0, 0, 0xFF})
		return Cell{Picture: p, Title: "go > cpp", Note: "0.1 ms"}
	}
	for _, size := range [][2]int{{1, 1}, {150, 103}, {3840, 2160}, {1, 4000}, {4000, 1}} {
		row := make([]Cell, 7) // more than a line holds
		for i := range row {
			row[i] = red(size[0], size[1])
		}
		canvas := Sheet{Title: "ZeroDuplex", Subtitle: "test", Rows: [][]Cell{row, {row[0]}}}.Draw()
		thumbnail := fit(image.Rect(0, 0, size[0], size[1]), cellWidth, cellHeightMax)
		reds := 0
		for i := 0; i < len(canvas.Pix); i += 4 {
			if canvas.Pix[i] == 0xFF && canvas.Pix[i+1] == 0 && canvas.Pix[i+2] == 0 {
				reds++
			}
		}
		assert.Equal(t, 8*thumbnail.X*thumbnail.Y, reds, "%v", size)
		assert.Equal(t, 2*sheetMargin+5*cellWidth+4*sheetGap, canvas.Rect.Dx())
	}
}

func TestScalingAveragesAndShowsTheGroundBehindTransparentPixels(t *testing.T) {
	source := image.NewNRGBA(image.Rect(0, 0, 2, 2))
	source.SetNRGBA(0, 0, color.NRGBA{200, 0, 0, 255})
	source.SetNRGBA(1, 0, color.NRGBA{100, 0, 0, 255})
	source.SetNRGBA(0, 1, color.NRGBA{200, 0, 0, 255})
	source.SetNRGBA(1, 1, color.NRGBA{100, 0, 0, 255})
	canvas := image.NewNRGBA(image.Rect(0, 0, 1, 1))
	drawScaled(canvas, canvas.Rect, source)
	assert.Equal(t, color.NRGBA{150, 0, 0, 255}, canvas.NRGBAAt(0, 0))

	drawScaled(canvas, canvas.Rect, image.NewNRGBA(image.Rect(0, 0, 2, 2)))
	assert.Equal(t, checker[0], canvas.NRGBAAt(0, 0))
}

func TestTextDrawsEveryPrintableCharacter(t *testing.T) {
	require.Len(t, glyphs, '~'-' '+1)
	seen := map[[glyphWidth]uint16]rune{}
	for c := ' '; c <= '~'; c++ {
		other, double := seen[glyphs[c-' ']]
		assert.False(t, double, "%q looks like %q", c, other)
		seen[glyphs[c-' ']] = c
	}
	a, b := image.NewNRGBA(image.Rect(0, 0, 12, 18)), image.NewNRGBA(image.Rect(0, 0, 12, 18))
	drawText(a, 0, 0, 2, ink, "\x00")
	drawText(b, 0, 0, 2, ink, "?")
	assert.Equal(t, b.Pix, a.Pix)
}
