package page

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/document"
	"github.com/zeroduplex/zeroduplex/go/internal/table"
)

// The summary stands between these lines of a Markdown file.
const (
	summaryBegins = "<!-- begin of what zeroduplex bench report writes -->"
	summaryEnds   = "<!-- end of what zeroduplex bench report writes -->"
)

// PutSummary puts the summary in place of what stands between the two lines.
func PutSummary(markdown []byte, summary string) ([]byte, error) {
	before, rest, begins := bytes.Cut(markdown, []byte(summaryBegins+"\n"))
	_, after, ends := bytes.Cut(rest, []byte(summaryEnds))
	if !begins || !ends {
		return nil, fmt.Errorf("no place for a summary: want a line %q and one %q behind it", summaryBegins, summaryEnds)
	}
	return slices.Concat(before, []byte(summaryBegins+"\n"+summary+summaryEnds), after), nil
}

// Summary is a Markdown table of each of the named files: a row for every peer with itself, a column for every workload and size, in each
// the best of its waits, with one frame in flight.
func Summary(files []File, names []string) (string, error) {
	var out strings.Builder
	for _, name := range names {
		i := slices.IndexFunc(files, func(f File) bool { return f.Name == name })
		if i < 0 {
			return "", fmt.Errorf("there is no %s.json among the results", name)
		}
		summarize(&out, files[i])
	}
	return out.String(), nil
}

// ratios are what stands behind the slash, by kind.
var ratios = map[string]struct {
	doc string
	of  func(document.Result) float64
}{
	"rtt":    {"times one cache line bounced between the same two threads", func(r document.Result) float64 { return r.RatioToLimit }},
	"frames": {"times the same work done by two threads of one process", func(r document.Result) float64 { return r.RatioToThreads }},
}

// outside are the folders of others' programs in a command, which are long and have a place of their own on every machine.
var outside = regexp.MustCompile(`(--outside[ =])\S+`)

func summarize(out *strings.Builder, file File) {
	fmt.Fprintf(out, "**%s.** `%s`, %s; %s, %s, medians over %d passes", cmp.Or(kinds[file.Kind].title, file.Kind), outside.ReplaceAllString(file.Command, "$1…"),
		file.Date.UTC().Format("2006-01-02"), file.Host.Machine(), file.Host.Placement(), file.Passes)
	switch ratio, known := ratios[file.Kind]; {
	case known:
		fmt.Fprintf(out, "; behind the slash: %s.\n\n", ratio.doc)
	default:
		out.WriteString("; time and memory in place as a part of those of two buffers.\n\n")
	}
	type column struct {
		touch string
		size  int
	}
	var columns []column
	var rows []string
	best := map[string]map[column]document.Result{}
	for _, r := range file.Results {
		if r.Client != r.Server || r.Inflight != 1 || file.Kind == "dual" && r.Dual == nil { // others have no two buffers of ours
			continue
		}
		c := column{r.Touch, r.Size}
		if !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
		if best[r.Client] == nil {
			best[r.Client] = map[column]document.Result{}
			rows = append(rows, r.Client)
		}
		if was := best[r.Client][c]; r.P50NS > 0 && (was.P50NS == 0 || r.P50NS < was.P50NS) {
			best[r.Client][c] = r
		}
	}
	slices.SortStableFunc(columns, func(a, b column) int { return cmp.Compare(a.size, b.size) })
	out.WriteString("| |")
	for _, c := range columns {
		fmt.Fprintf(out, " %s B", table.Count(c.size))
		if c.touch != "none" {
			fmt.Fprintf(out, ", %s", c.touch)
		}
		out.WriteString(" |")
	}
	out.WriteString("\n|---|" + strings.Repeat("---:|", len(columns)) + "\n")
	for _, peer := range rows {
		fmt.Fprintf(out, "| %s |", shown(peer))
		for _, c := range columns {
			fmt.Fprintf(out, " %s |", summaryCell(file.Kind, best[peer][c]))
		}
		out.WriteString("\n")
	}
	out.WriteString("\n")
}

func summaryCell(kind string, r document.Result) string {
	switch {
	case r.P50NS == 0:
		return "–"
	case r.Dual != nil:
		return fmt.Sprintf("%.2f, %.3f", r.Dual.Ratio, r.Dual.ShmRatio)
	}
	cell := document.Duration(r.P50NS)
	if ratio := ratios[kind].of; ratio != nil && ratio(r) > 0 {
		cell += fmt.Sprintf(" / %.2f", ratio(r))
	}
	return cell
}
