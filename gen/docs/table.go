package docs

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
)

// table is a Markdown table with cells padded to the width of their column.
type table struct {
	Lines []string
}

func newTable(header []string, rows [][]string) table {
	escape := strings.NewReplacer("|", `\|`, "\n", " ")
	widths := make([]int, len(header))
	all := append([][]string{header}, rows...)
	for _, row := range all {
		for i, cell := range row {
			row[i] = escape.Replace(cell)
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	rule := make([]string, len(header))
	for i, width := range widths {
		rule[i] = strings.Repeat("-", width)
	}
	var t table
	for i, row := range all {
		t.Lines = append(t.Lines, line(row, widths))
		if i == 0 {
			t.Lines = append(t.Lines, line(rule, widths))
		}
	}
	return t
}

func line(cells []string, widths []int) string {
	var b strings.Builder
	for i, cell := range cells {
		b.WriteString("| " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+1))
	}
	return b.String() + "|"
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func hex(n uint64) string { return fmt.Sprintf("0x%02X", n) }

func value(n ir.Integer) string {
	text := backend.Number(n, "0o")
	if n.Base != 10 {
		return fmt.Sprintf("%s (%s)", n.Decimal, text)
	}
	return text
}

func protocolTable(protocols []ir.Protocol) table {
	var rows [][]string
	for _, p := range protocols {
		version := make([]string, len(p.Version))
		for i, v := range p.Version {
			version[i] = fmt.Sprint(v)
		}
		rows = append(rows, []string{p.Name, strings.Join(version, " "), code(p.Oieb), backend.Number(p.IdentityWord, "0o"), p.Doc})
	}
	return newTable([]string{"protocol", "version bytes", "first struct", "identity word", "meaning"}, rows)
}

func roleTable(roles []ir.Role) table {
	var rows [][]string
	for _, r := range roles {
		rows = append(rows, []string{r.Name, r.Doc})
	}
	return newTable([]string{"role", "meaning"}, rows)
}

func enumTable(e ir.Enum) table {
	var rows [][]string
	for _, v := range e.Values {
		rows = append(rows, []string{v.Value.Decimal, code(v.Name), v.Doc})
	}
	return newTable([]string{"value", "name", "meaning"}, rows)
}

func transitionTable(m ir.StateMachine) table {
	var rows [][]string
	for _, t := range m.Transitions {
		from := make([]string, len(t.From))
		for i, name := range t.From {
			from[i] = code(name)
		}
		rows = append(rows, []string{strings.Join(from, ", "), code(t.To), t.By, t.Action, t.How, t.Order})
	}
	return newTable([]string{"from", "to", "by", "action", "how", "order"}, rows)
}

func flagTable(f ir.FlagSet) table {
	var rows [][]string
	for _, b := range f.Bits {
		rows = append(rows, []string{fmt.Sprint(b.Bit), code(b.Name), b.By, b.Doc})
	}
	return newTable([]string{"bit", "name", "set by", "meaning"}, rows)
}

func semaphoreTable(semaphores []ir.Semaphore) table {
	var rows [][]string
	for _, s := range semaphores {
		rows = append(rows, []string{s.Protocol, code(s.Template.Text), fmt.Sprint(s.Initial), s.PostedBy, s.WaitedBy, s.Doc})
	}
	return newTable([]string{"protocol", "name", "initial value", "posted by", "waited on by", "meaning"}, rows)
}

func pathTable(paths []ir.Path) table {
	var rows [][]string
	for _, p := range paths {
		mode := ""
		if p.Mode != nil {
			mode = backend.Number(*p.Mode, "0o")
		}
		rows = append(rows, []string{code(p.Template.Text), mode, p.Doc})
	}
	return newTable([]string{"path", "mode", "meaning"}, rows)
}

func nameTable(n ir.NameRules) table {
	prefixes := make([]string, len(n.ForbiddenPrefixes))
	for i, p := range n.ForbiddenPrefixes {
		prefixes[i] = code(p)
	}
	return newTable([]string{"rule", "value"}, [][]string{
		{"each byte is one of", code(n.Pattern)},
		{"shortest, in bytes", fmt.Sprint(n.Minimum)},
		{"longest, in bytes", fmt.Sprint(n.Maximum)},
		{"never begins with", strings.Join(prefixes, ", ")},
	})
}

func constantTable(constants []ir.Constant) table {
	var rows [][]string
	for _, c := range constants {
		rows = append(rows, []string{code(c.Name), string(c.Type), value(c.Value), c.Unit, c.Doc})
	}
	return newTable([]string{"name", "type", "value", "unit", "meaning"}, rows)
}

func defaultTable(defaults []ir.Default) table {
	var rows [][]string
	for _, d := range defaults {
		rows = append(rows, []string{d.Protocol, code(d.Name), value(d.Value), d.Unit, d.Doc})
	}
	return newTable([]string{"protocol", "name", "value", "unit", "meaning"}, rows)
}

func errorTable(errors []ir.ErrorKind) table {
	var rows [][]string
	for _, e := range errors {
		retryable := "no"
		if e.Retryable {
			retryable = "yes"
		}
		rows = append(rows, []string{fmt.Sprint(e.Code), code(e.Name), code(e.Parent), retryable, e.Meaning, e.Remedy})
	}
	return newTable([]string{"code", "name", "kind of", "retryable", "meaning", "remedy"}, rows)
}
