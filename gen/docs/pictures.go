package docs

import (
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
)

type structure struct {
	Doc    []string
	Facts  string
	Ruler  []string
	Fields table
	Words  *table
}

type states struct {
	Values, Transitions table
	Initial             string
}

type segment struct {
	Doc      []string
	Regions  table
	Examples []example
}

type example struct {
	Caption string
	Picture []string
}

const textWidth = 120

func structView(s ir.Struct) structure {
	view := structure{
		Doc:   backend.Wrap(s.Doc, textWidth),
		Facts: fmt.Sprintf("Size %d bytes, alignment %d.", s.Size, s.Alignment),
		Ruler: ruler(s.Rows),
	}
	var rows [][]string
	for _, f := range s.Fields {
		kind := string(f.Type)
		if f.Count > 0 {
			kind = fmt.Sprintf("%s[%d]", f.Type, f.Count)
		}
		rows = append(rows, []string{
			hex(f.Offset), code(f.Name), kind, fmt.Sprint(f.Width), backend.Writers(f.Writers), f.Store, f.Load,
			code(f.PublishedBy), backend.WithUnit(f.Doc, f.Unit),
		})
	}
	view.Fields = newTable([]string{"offset", "field", "type", "width", "written by", "store", "load", "published by", "meaning"}, rows)
	if len(s.Words) > 0 {
		words := wordTable(s.Words)
		view.Words = &words
	}
	return view
}

func wordTable(words []ir.Word) table {
	var rows [][]string
	for _, w := range words {
		covers := make([]string, len(w.Covers))
		for i, name := range w.Covers {
			covers[i] = code(name)
		}
		rows = append(rows, []string{hex(w.Offset), code(w.Name), string(w.Type), strings.Join(covers, ", "), w.Store, w.Load, w.Doc})
	}
	return newTable([]string{"offset", "word", "type", "covers", "store", "load", "meaning"}, rows)
}

// The ruler: two characters for each of 32 bits.
const (
	rulerTens  = " 0                   1                   2                   3"
	rulerOnes  = " 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1"
	rulerTop   = "+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+"
	rulerRule  = "+---------------------------------------------------------------+"
	rulerBlank = "|                                                               |"
	// rulerLines is the most lines that one field gets; a longer one is cut by a line of dots.
	rulerLines = 4
)

func ruler(rows []ir.RulerRow) []string {
	lines := []string{rulerTens, rulerOnes, rulerTop}
	for _, row := range rows {
		var b strings.Builder
		for _, cell := range row.Cells {
			b.WriteString("|" + centre(cell.Label, 2*cell.Bits-1))
		}
		lines = append(lines, fmt.Sprintf("%s|  0x%02X", b.String(), row.Offset))
		if row.Lines > rulerLines {
			lines = append(lines, "|"+centre(fmt.Sprintf("... %d more rows", row.Lines-1), len(rulerBlank)-2)+"|")
		} else {
			for range row.Lines - 1 {
				lines = append(lines, rulerBlank)
			}
		}
		lines = append(lines, rulerRule)
	}
	return lines
}

func centre(text string, width int) string {
	if len(text) >= width {
		return text[:width]
	}
	left := (width - len(text)) / 2
	return strings.Repeat(" ", left) + text + strings.Repeat(" ", width-len(text)-left)
}

func stateView(m ir.StateMachine) states {
	return states{Values: enumTable(m.Enum), Transitions: transitionTable(m), Initial: m.Initial}
}

func segmentView(s ir.Segment) segment {
	view := segment{Doc: backend.Wrap(s.Doc, textWidth)}
	var rows [][]string
	for _, r := range s.Regions {
		offset := "where " + code(r.After) + " ends"
		if r.Offset != nil {
			offset = hex(*r.Offset)
		}
		size, minimum, maximum := code(r.Struct)+fmt.Sprintf(", %d bytes", r.Size), "", ""
		if r.Input != "" {
			size = fmt.Sprintf("as configured (`%s`), end rounded up to %d", r.Input, s.Alignment)
			minimum, maximum = fmt.Sprint(r.Minimum), code(r.Maximum)
		}
		rows = append(rows, []string{code(r.Name), offset, size, minimum, maximum, r.Doc})
	}
	view.Regions = newTable([]string{"region", "begins", "size", "minimum", "limit", "meaning"}, rows)
	for _, e := range s.Examples {
		view.Examples = append(view.Examples, exampleView(e))
	}
	return view
}

func exampleView(e ir.Example) example {
	asked := make([]string, len(e.Inputs))
	for i, input := range e.Inputs {
		asked[i] = fmt.Sprintf("`%s` %d", input.Name, input.Value)
	}
	view := example{Caption: fmt.Sprintf("Asked for %s: length %d bytes.", strings.Join(asked, ", "), e.Length)}
	const width = 44
	rule := strings.Repeat("-", width)
	for _, r := range e.Regions {
		view.Picture = append(view.Picture,
			fmt.Sprintf("%10s +%s+", fmt.Sprintf("0x%04X", r.Offset), rule),
			fmt.Sprintf("%10s | %-22s %13d bytes |", "", r.Name, r.Size))
	}
	view.Picture = append(view.Picture, fmt.Sprintf("%10s +%s+", fmt.Sprintf("0x%04X", e.Length), rule))
	return view
}
