package filter

// Blur softens a picture in place with the binomial kernel 1-4-6-4-1, first along the rows, then down the columns, on
// all four channels. Edges are clamped, and each pass rounds to (sum+8)>>4. It needs scratch memory for four rows.
func Blur(pixels []byte, g Geometry) error {
	if err := g.check(pixels); err != nil {
		return err
	}
	blurRows(pixels, g)
	blurColumns(pixels, g)
	return nil
}

// binomial weighs five bytes in a row or column, the middle one heaviest.
func binomial(a, b, c, d, e byte) byte {
	return byte((uint(a) + 4*uint(b) + 6*uint(c) + 4*uint(d) + uint(e) + 8) >> 4)
}

func blurRows(pixels []byte, g Geometry) {
	// The source row, with its first and last pixel repeated twice on either side: that is the clamping.
	const margin = 2 * bytesPerPixel
	source := make([]byte, g.Width*bytesPerPixel+2*margin)
	for y := range g.Height {
		row := g.row(pixels, y)
		copy(source[margin:], row)
		first, last := row[:bytesPerPixel], row[len(row)-bytesPerPixel:]
		end := source[margin+len(row):]
		copy(source, first)
		copy(source[bytesPerPixel:], first)
		copy(end, last)
		copy(end[bytesPerPixel:], last)
		for i := range row {
			s := source[i:][:4*bytesPerPixel+1]
			row[i] = binomial(s[0], s[bytesPerPixel], s[2*bytesPerPixel], s[3*bytesPerPixel], s[4*bytesPerPixel])
		}
	}
}

func blurColumns(pixels []byte, g Geometry) {
	// Rows below the current one still hold the source; of it and the two above only these copies do.
	width := g.Width * bytesPerPixel
	above2, above1, current := make([]byte, width), make([]byte, width), make([]byte, width)
	copy(above1, g.row(pixels, 0))
	copy(above2, above1)
	for y := range g.Height {
		row := g.row(pixels, y)
		copy(current, row)
		below1, below2 := current, current
		if y+1 < g.Height {
			below1 = g.row(pixels, y+1)
			below2 = g.row(pixels, min(y+2, g.Height-1))
		}
		for i := range row {
			row[i] = binomial(above2[i], above1[i], current[i], below1[i], below2[i])
		}
		above2, above1, current = above1, current, above2
	}
}
