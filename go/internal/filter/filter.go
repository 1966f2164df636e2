// Package filter changes pictures in place: the work that the example server does on the bytes of shared memory.
// Every language has the same filters and they give identical bytes, so `make demo` can compare any pair with this one.
package filter

import (
	"encoding/json"
	"fmt"
)

const bytesPerPixel = 4

// Geometry says how the pixels of a frame lie. It travels as JSON in the channel's request metadata.
type Geometry struct {
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Stride int    `json:"stride"` // bytes from one row to the next
	Format string `json:"format"` // always FormatRGBA8
}

// FormatRGBA8 is four bytes per pixel: red, green, blue, alpha, not premultiplied.
const FormatRGBA8 = "rgba8"

// Packed is the geometry of a picture without padding between its rows.
func Packed(width, height int) Geometry {
	return Geometry{Width: width, Height: height, Stride: width * bytesPerPixel, Format: FormatRGBA8}
}

// ParseGeometry reads the JSON of a channel's metadata and checks it.
func ParseGeometry(metadata []byte) (Geometry, error) {
	var g Geometry
	if len(metadata) == 0 {
		return g, fmt.Errorf("no picture geometry: the client must set its metadata to {\"width\",\"height\",\"stride\",\"format\"}")
	}
	if err := json.Unmarshal(metadata, &g); err != nil {
		return g, fmt.Errorf("reading the picture geometry: %w", err)
	}
	return g, g.validate()
}

// Size is the number of bytes of a picture.
func (g Geometry) Size() int { return g.Height * g.Stride }

func (g Geometry) validate() error {
	const most = 1 << 30 // keeps every product below far from overflow
	switch {
	case g.Format != FormatRGBA8:
		return fmt.Errorf("picture format %q is not %q", g.Format, FormatRGBA8)
	case g.Width < 1 || g.Height < 1 || g.Width > most/bytesPerPixel || g.Height > most:
		return fmt.Errorf("picture of %d x %d pixels is not possible", g.Width, g.Height)
	case g.Stride < g.Width*bytesPerPixel || g.Stride > most:
		return fmt.Errorf("picture stride of %d bytes does not fit rows of %d pixels", g.Stride, g.Width)
	}
	return nil
}

// check refuses pixels of any other size than the geometry says.
func (g Geometry) check(pixels []byte) error {
	if err := g.validate(); err != nil {
		return err
	}
	if len(pixels) != g.Size() {
		return fmt.Errorf("frame of %d bytes is not a picture of %d rows of %d bytes", len(pixels), g.Height, g.Stride)
	}
	return nil
}

// row is the pixels of row y, without padding.
func (g Geometry) row(pixels []byte, y int) []byte {
	return pixels[y*g.Stride:][:g.Width*bytesPerPixel]
}

// Invert turns the colours of a picture into their complements and keeps alpha.
func Invert(pixels []byte, g Geometry) error {
	if err := g.check(pixels); err != nil {
		return err
	}
	for y := range g.Height {
		row := g.row(pixels, y)
		for i := 0; i < len(row); i += bytesPerPixel {
			row[i] ^= 0xFF // the same as 255 - x
			row[i+1] ^= 0xFF
			row[i+2] ^= 0xFF
		}
	}
	return nil
}
