package picture

import (
	"image"
	"image/color"
)

// Cell is one picture of a contact sheet and the two lines under it.
type Cell struct {
	Picture image.Image
	Title   string
	Note    string
}

// Sheet is a contact sheet: a heading and rows of cells.
type Sheet struct {
	Title, Subtitle string
	Rows            [][]Cell
}

const (
	sheetMargin   = 28
	sheetGap      = 20
	headingHeight = 76
	captionHeight = 46
	cellWidth     = 300
	cellHeightMax = 300
	columnsMax    = 5
)

var (
	paper   = color.NRGBA{0x12, 0x16, 0x1C, 0xFF}
	mat     = color.NRGBA{0x1E, 0x25, 0x2E, 0xFF}
	accent  = color.NRGBA{0x4F, 0xC3, 0xF7, 0xFF}
	ink     = color.NRGBA{0xEC, 0xEF, 0xF4, 0xFF}
	faint   = color.NRGBA{0x8A, 0x97, 0xA6, 0xFF}
	checker = [2]color.NRGBA{{0x2A, 0x33, 0x3E, 0xFF}, {0x34, 0x3F, 0x4C, 0xFF}} // behind transparent pixels
)

// Draw draws the sheet. A row longer than five cells goes on in the next line.
func (s Sheet) Draw() *image.NRGBA {
	var lines [][]Cell
	columns := 1
	for _, row := range s.Rows {
		for len(row) > 0 {
			n := min(len(row), columnsMax)
			columns = max(columns, n)
			lines = append(lines, row[:n])
			row = row[n:]
		}
	}
	height := s.cellHeight()
	width := 2*sheetMargin + columns*cellWidth + (columns-1)*sheetGap
	width = max(width, 2*sheetMargin+textWidth(s.Title, 4), 2*sheetMargin+textWidth(s.Subtitle, 2))
	canvas := image.NewNRGBA(image.Rect(0, 0, width,
		2*sheetMargin+headingHeight+len(lines)*(height+captionHeight)+max(0, len(lines)-1)*sheetGap))
	fill(canvas, canvas.Rect, paper)

	drawText(canvas, sheetMargin, sheetMargin, 4, ink, s.Title)
	drawText(canvas, sheetMargin, sheetMargin+38, 2, faint, s.Subtitle)
	for i, line := range lines {
		top := sheetMargin + headingHeight + i*(height+captionHeight+sheetGap)
		for j, cell := range line {
			cell.draw(canvas, sheetMargin+j*(cellWidth+sheetGap), top, height)
		}
	}
	return canvas
}

// cellHeight is the height of the tallest thumbnail of the sheet.
func (s Sheet) cellHeight() int {
	tallest := 1
	for _, row := range s.Rows {
		for _, cell := range row {
			tallest = max(tallest, fit(cell.Picture.Bounds(), cellWidth, cellHeightMax).Y)
		}
	}
	return tallest
}

func (c Cell) draw(canvas *image.NRGBA, left, top, height int) {
	fill(canvas, image.Rect(left, top, left+cellWidth, top+height+captionHeight), mat)
	fill(canvas, image.Rect(left, top+height, left+cellWidth, top+height+2), accent)
	size := fit(c.Picture.Bounds(), cellWidth, cellHeightMax)
	corner := image.Pt(left+(cellWidth-size.X)/2, top+(height-size.Y)/2)
	drawScaled(canvas, image.Rectangle{Min: corner, Max: corner.Add(size)}, c.Picture)
	drawText(canvas, left+10, top+height+10, 2, ink, c.Title)
	drawText(canvas, left+10, top+height+31, 1, faint, c.Note)
}

// fit is the largest size with the proportions of a picture within a box, at least 1 x 1.
func fit(picture image.Rectangle, width, height int) image.Point {
	w, h := picture.Dx(), picture.Dy()
	if w*height > h*width {
		return image.Pt(width, max(1, h*width/w))
	}
	return image.Pt(max(1, w*height/h), height)
}

// drawScaled draws a picture into an area. Each pixel is the mean of what it covers: sharp when enlarged, smooth when reduced.
func drawScaled(canvas *image.NRGBA, area image.Rectangle, picture image.Image) {
	source := picture.Bounds()
	for y := range area.Dy() {
		y0, y1 := covered(y, area.Dy(), source.Dy())
		for x := range area.Dx() {
			x0, x1 := covered(x, area.Dx(), source.Dx())
			var r, g, b, a, n uint64
			for sy := y0; sy < y1; sy++ {
				for sx := x0; sx < x1; sx++ {
					pr, pg, pb, pa := picture.At(source.Min.X+sx, source.Min.Y+sy).RGBA() // premultiplied
					r, g, b, a, n = r+uint64(pr), g+uint64(pg), b+uint64(pb), a+uint64(pa), n+1
				}
			}
			behind := checker[(x/8+y/8)%2]
			through := n*0xFFFF - a
			mix := func(sum uint64, back uint8) uint8 { return uint8((sum + through*uint64(back)/0xFF) / n >> 8) }
			canvas.SetNRGBA(area.Min.X+x, area.Min.Y+y,
				color.NRGBA{mix(r, behind.R), mix(g, behind.G), mix(b, behind.B), 0xFF})
		}
	}
}

// covered is which source pixels the i-th of n pixels stands for, at least one.
func covered(i, n, source int) (from, to int) {
	from = i * source / n
	return from, max(from+1, (i+1)*source/n)
}
