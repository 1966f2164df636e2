package report

import (
	"bytes"
	_ "embed" // the page's template
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
)

//go:embed page.html
var pageTemplate string

// Page makes the page for people from the JSON alone. It needs nothing but itself and the logs beside it.
func Page(content []byte) ([]byte, error) {
	var r Report
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("the report cannot be read: %w", err)
	}
	if r.SchemaVersion != SchemaVersion {
		return nil, fmt.Errorf("the report has schema version %d, this program reads %d", r.SchemaVersion, SchemaVersion)
	}
	parsed, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = parsed.Execute(&out, newView(&r))
	return out.Bytes(), err
}

// view is the report in the order in which the page shows it.
type view struct {
	*Report
	Seconds  string
	Names    map[string]string
	Matrix   []matrixRow
	Servers  []string
	Columns  []column
	Sections []section
	Trouble  []Record
	RedCount int
}

type matrixRow struct {
	Server string
	Cells  []cell
}

type cell struct {
	Pair   string
	Ran    bool
	Red    bool
	Counts Counts
	Total  int
	Parts  []part
}

// part is a share of a cell's bar.
type part struct {
	Verdict Verdict
	Percent float64
}

type column struct{ Server, Client string }

type section struct {
	Suite
	Groups []group
	Counts Counts
}

// group is a case with all its axes.
type group struct {
	Name, Doc string
	Dots      []dot
	Rows      []row
	Open      bool
}

type row struct {
	Name string
	Dots []dot
}

type dot struct {
	Verdict Verdict
	Gap     bool // the first of another server
	Title   string
	Link    string
}

// display are names as people write them; others are shown as they are.
var display = map[string]string{"go": "Go", "cpp": "C++", "csharp": "C#", "python": "Python"}

func newView(r *Report) *view {
	v := &view{Report: r, Seconds: fmt.Sprintf("%.1f", float64(r.Milliseconds)/1000), Names: map[string]string{}, RedCount: r.Red()}
	for _, language := range r.Languages {
		v.Names[language] = language
		if name, ok := display[language]; ok {
			v.Names[language] = name
		}
	}
	for _, server := range r.Languages {
		line := matrixRow{Server: server}
		for _, client := range r.Languages {
			line.Cells = append(line.Cells, newCell(r, server+"->"+client))
			if _, ran := r.Pairs[server+"->"+client]; ran {
				v.Columns = append(v.Columns, column{server, client})
			}
		}
		v.Matrix = append(v.Matrix, line)
	}
	records := map[string]map[string]Record{} // by case and pair
	for _, rec := range r.Records {
		if records[rec.Case] == nil {
			records[rec.Case] = map[string]Record{}
		}
		records[rec.Case][rec.Pair] = rec
		if rec.Red() {
			v.Trouble = append(v.Trouble, rec)
		}
	}
	for _, s := range r.Suites {
		v.Sections = append(v.Sections, newSection(s, v.Columns, records))
	}
	return v
}

func newCell(r *Report, pair string) cell {
	c := cell{Pair: pair}
	if c.Counts, c.Ran = r.Pairs[pair]; !c.Ran {
		return c
	}
	for _, v := range Verdicts {
		c.Total += c.Counts.Of(v)
	}
	for _, v := range Verdicts {
		if n := c.Counts.Of(v); n > 0 {
			c.Parts = append(c.Parts, part{v, 100 * float64(n) / float64(c.Total)})
		}
	}
	c.Red = slices.ContainsFunc(r.Records, func(rec Record) bool { return rec.Pair == pair && rec.Red() })
	return c
}

func newSection(s Suite, columns []column, records map[string]map[string]Record) section {
	sec := section{Suite: s}
	for _, info := range s.Cases {
		name := strings.TrimPrefix(info.Name, s.Name+"/")
		base, axes, _ := strings.Cut(name, "[")
		if n := len(sec.Groups); n == 0 || sec.Groups[n-1].Name != base {
			sec.Groups = append(sec.Groups, group{Name: base, Doc: info.Doc, Dots: make([]dot, len(columns))})
		}
		g := &sec.Groups[len(sec.Groups)-1]
		line := row{Name: strings.TrimSuffix(axes, "]")}
		for i, c := range columns {
			pair := c.Server + "->" + c.Client
			rec := records[info.Name][pair]
			sec.Counts.Add(rec.Verdict)
			d := dot{Verdict: rec.Verdict, Link: rec.Logs["runner"], Gap: i > 0 && columns[i-1].Server != c.Server, Title: fmt.Sprintf("%s %s: %s, %.1f ms", pair, name, rec.Verdict, rec.Milliseconds)}
			if rec.Verdict == "" {
				d.Title = fmt.Sprintf("%s %s: not run by this pair", pair, name)
			}
			if rec.Message != "" {
				d.Title += "\n" + rec.Message
			}
			line.Dots = append(line.Dots, d)
			if worse(rec.Verdict, g.Dots[i].Verdict) {
				g.Dots[i] = d
			}
			g.Open = g.Open || rec.Red() && axes != ""
		}
		g.Rows = append(g.Rows, line)
	}
	return sec
}

// worse tells whether a says more about a group of cases than b.
func worse(a, b Verdict) bool {
	order := []Verdict{"", Pass, XFail, Unsupported, NotRun, Fail}
	return slices.Index(order, a) > slices.Index(order, b)
}
