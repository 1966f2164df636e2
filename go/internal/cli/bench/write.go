package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/table"
)

func (o options) report(d Document, stdout io.Writer) error {
	encoded, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	encoded = append(encoded, '\n')
	if o.file != "" {
		if err := os.WriteFile(o.file, encoded, 0o644); err != nil {
			return err
		}
	}
	if o.json {
		_, err = stdout.Write(encoded)
		return err
	}
	return d.write(stdout)
}

// column is one of the figures that people see.
type column struct {
	title string
	cell  func(Result) string
}

// columns are those of a kind in which anything was measured; a cell of what was not measured is empty.
func (d Document) columns() []column {
	return slices.DeleteFunc(d.allColumns(), func(c column) bool {
		return !slices.ContainsFunc(d.Results, func(r Result) bool { return c.cell(r) != "" })
	})
}

func (d Document) allColumns() []column {
	columns := []column{
		{"median", func(r Result) string { return duration(r.P50NS) }},
		{"p99", func(r Result) string { return duration(r.P99NS) }},
		{"p99.9", func(r Result) string { return duration(r.P999NS) }},
		{"per s", func(r Result) string { return count(r.PerSecond) }},
		{"line", func(r Result) string { return duration(r.LimitP50NS) }},
		{"× line", func(r Result) string { return times(r.RatioToLimit) }},
		{"semaphore", func(r Result) string { return duration(r.LimitSemaphoreP50NS) }},
		{"× sem.", func(r Result) string { return times(r.RatioToSemaphore) }},
	}
	switch d.Kind {
	case "frames":
		columns = append(columns, column{"copy", func(r Result) string { return duration(r.MemcpyP50NS) }},
			column{"two threads", func(r Result) string { return duration(r.ThreadsP50NS) }},
			column{"× threads", func(r Result) string { return times(r.RatioToThreads) }})
	case "dual":
		columns = append(columns, column{"two buffers", func(r Result) string { return duration(r.dual().P50NS) }},
			column{"× buffers", func(r Result) string { return times(r.dual().Ratio) }},
			column{"memory", func(r Result) string { return known(r.ShmBytes) }},
			column{"of two", func(r Result) string { return count(r.dual().ShmBytes) }},
			column{"× memory", func(r Result) string { return precisely(r.dual().ShmRatio) }})
	}
	return append(columns, column{"client CPU", func(r Result) string { return cpu(r, r.ClientUsage) }},
		column{"server CPU", func(r Result) string { return cpu(r, r.ServerUsage) }},
		column{"faults", faults})
}

func (r Result) dual() DualResult {
	if r.Dual == nil {
		return DualResult{}
	}
	return *r.Dual
}

func duration(ns int64) string {
	if ns == 0 {
		return ""
	}
	return table.Nanoseconds(ns)
}

func count(n int64) string {
	if n == 0 {
		return ""
	}
	return table.Count(n)
}

func known(n *int64) string {
	if n == nil {
		return ""
	}
	return table.Count(*n)
}

func times(ratio float64) string {
	if ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", ratio)
}

func precisely(ratio float64) string {
	if ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.4f", ratio)
}

// cpu is the CPU time for one frame.
func cpu(r Result, u *benchproto.Usage) string {
	if u == nil {
		return ""
	}
	return table.Nanoseconds(u.CPUNS / int64(max(1, r.Samples)))
}

// faults are the page faults of both processes while all samples of a pass were taken.
func faults(r Result) string {
	if r.ClientUsage == nil || r.ServerUsage == nil {
		return ""
	}
	return table.Count(r.ClientUsage.MinorFaults + r.ClientUsage.MajorFaults + r.ServerUsage.MinorFaults + r.ServerUsage.MajorFaults)
}

func (d Document) write(w io.Writer) error {
	fmt.Fprintf(w, "%s, medians over %d passes; CPU time per frame, page faults per pass\n", d.Host.describe(), d.Passes)
	t := table.Table{Columns: []table.Column{table.Left("client"), table.Left("server"), table.Right("bytes"), table.Left("wait"), table.Right("in flight"), table.Left("touch")}}
	columns := d.columns()
	for _, c := range columns {
		t.Columns = append(t.Columns, table.Right(c.title))
	}
	for _, r := range d.Results {
		cells := []string{r.Client, r.Server, table.Count(r.Size), r.Wait, table.Count(r.Inflight), r.Touch}
		if r.Unsupported != "" {
			t.Add(append(cells, "unsupported")...)
			continue
		}
		for _, c := range columns {
			cells = append(cells, c.cell(r))
		}
		t.Add(cells...)
	}
	return t.Write(w)
}
