package ir

// rulerBytes is the width of a layout ruler.
const rulerBytes = 4

// ruler cuts fields, which follow each other without gaps, into rows of 32 bits. What fills whole rows becomes one
// row of several lines.
func ruler(fields []Field) []RulerRow {
	rows := []RulerRow{}
	for _, f := range fields {
		for offset, end := f.Offset, f.Offset+f.Width; offset < end; {
			column, left := offset%rulerBytes, end-offset
			if column == 0 {
				rows = append(rows, RulerRow{Offset: offset, Lines: 1})
			}
			row := &rows[len(rows)-1]
			taken := min(left, rulerBytes-column)
			if column == 0 && left >= rulerBytes {
				row.Lines = int(left / rulerBytes)
				row.Cells = append(row.Cells, RulerCell{f.Name, rulerBytes * 8})
				offset += left / rulerBytes * rulerBytes
				continue
			}
			row.Cells = append(row.Cells, RulerCell{f.Name, int(taken) * 8})
			offset += taken
		}
	}
	if len(rows) > 0 {
		rows[len(rows)-1].Last = true
	}
	return rows
}
