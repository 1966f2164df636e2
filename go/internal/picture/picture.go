// Package picture reads the demo's pictures and draws its contact sheet.
package picture

import (
	"errors"
	"fmt"
	"image"
	"image/draw"
	_ "image/jpeg" // for image.Decode
	"image/png"
	"os"
	"path/filepath"
)

// ErrNotPicture says that a file holds neither a PNG nor a JPEG picture.
var ErrNotPicture = errors.New("not a PNG or JPEG picture")

// maxPixels keeps a picture within the largest frame, 2^31 - 64 bytes at four bytes per pixel.
const maxPixels = (1<<31 - 64) / 4

// Load reads a PNG or JPEG file as packed RGBA, not premultiplied, with the upper left corner at (0, 0).
func Load(path string) (*image.NRGBA, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the picture: %w", err)
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("opening the picture: %s is a folder", path)
	}
	config, _, err := image.DecodeConfig(file)
	if err != nil {
		return nil, fmt.Errorf("%s is %w: %w", path, ErrNotPicture, err)
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height {
		return nil, fmt.Errorf("%s has %d x %d pixels, a frame holds 1 to %d", path, config.Width, config.Height, maxPixels)
	}
	if _, err := file.Seek(0, 0); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	decoded, _, err := image.Decode(file)
	if err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", path, err)
	}
	packed := image.NewNRGBA(image.Rect(0, 0, config.Width, config.Height))
	draw.Draw(packed, packed.Rect, decoded, decoded.Bounds().Min, draw.Src)
	return packed, nil
}

// Of makes a picture of packed RGBA pixels without copying them.
func Of(pixels []byte, width, height int) (*image.NRGBA, error) {
	if width < 1 || height < 1 || len(pixels) != width*height*4 {
		return nil, fmt.Errorf("%d bytes are not a picture of %d x %d", len(pixels), width, height)
	}
	return &image.NRGBA{Pix: pixels, Stride: width * 4, Rect: image.Rect(0, 0, width, height)}, nil
}

// Save writes a PNG file, making its folder.
func Save(path string, picture image.Image) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("saving the picture: %w", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("saving the picture: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(file, picture); err != nil {
		return fmt.Errorf("saving %s: %w", path, err)
	}
	return nil
}
