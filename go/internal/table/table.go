// Package table prints tables for people.
package table

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table is a heading and rows of as many cells.
type Table struct {
	Columns []Column
	rows    [][]string
}

// Column is a heading and how its cells stand.
type Column struct {
	Title string
	Right bool // for numbers
}

// Left and Right make columns.
func Left(title string) Column  { return Column{Title: title} }
func Right(title string) Column { return Column{Title: title, Right: true} }

// Add adds a row. Missing cells are empty, cells beyond the columns are dropped.
func (t *Table) Add(cells ...string) {
	row := make([]string, len(t.Columns))
	copy(row, cells)
	t.rows = append(t.rows, row)
}

// Write prints the table with rules around it.
func (t *Table) Write(w io.Writer) error {
	widths := make([]int, len(t.Columns))
	for i, column := range t.Columns {
		widths[i] = utf8.RuneCountInString(column.Title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	var out strings.Builder
	rule := func(left, middle, right string) {
		for i, width := range widths {
			out.WriteString(left)
			out.WriteString(strings.Repeat("─", width+2))
			left = middle
			if i == len(widths)-1 {
				out.WriteString(right + "\n")
			}
		}
	}
	line := func(cells []string) {
		for i, cell := range cells {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if t.Columns[i].Right {
				cell = padding + cell
			} else {
				cell += padding
			}
			out.WriteString("│ " + cell + " ")
		}
		out.WriteString("│\n")
	}
	titles := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		titles[i] = column.Title
	}
	rule("┌", "┬", "┐")
	line(titles)
	rule("├", "┼", "┤")
	for _, row := range t.rows {
		line(row)
	}
	rule("└", "┴", "┘")
	_, err := io.WriteString(w, out.String())
	return err
}

// Count prints an integer with thousands apart: 1,056,960.
func Count[T int | int64 | uint32 | uint64](n T) string {
	var digits string
	negative := n < 0
	if negative {
		digits = strconv.FormatInt(int64(n), 10)[1:]
	} else {
		digits = strconv.FormatUint(uint64(n), 10)
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if negative {
		return "-" + digits
	}
	return digits
}

// Nanoseconds prints a duration in the unit that suits it, with three significant digits.
func Nanoseconds(ns int64) string {
	value, unit := float64(ns), "ns"
	for _, next := range []string{"µs", "ms", "s"} {
		if value < 1000 {
			break
		}
		value, unit = value/1000, next
	}
	precision := 2
	switch {
	case unit == "ns" || value >= 100:
		precision = 0
	case value >= 10:
		precision = 1
	}
	return strconv.FormatFloat(value, 'f', precision, 64) + " " + unit
}

// Megabytes prints bytes in MB of 1,000,000.
func Megabytes(bytes uint64) string {
	precision := 1
	if bytes < 100_000 {
		precision = 3
	}
	return strconv.FormatFloat(float64(bytes)/1e6, 'f', precision, 64)
}
