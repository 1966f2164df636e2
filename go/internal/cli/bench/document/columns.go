package document

import (
	"fmt"
	"slices"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/table"
)

// Column is one of the figures that people see.
type Column struct {
	Title  string
	Cell   func(Result) string // empty for what was not measured
	Detail bool                // for where there is room
}

// Columns are those of the document's kind in which anything was measured in any of the results.
func (d Document) Columns(results []Result) []Column {
	return slices.DeleteFunc(d.allColumns(), func(c Column) bool {
		return !slices.ContainsFunc(results, func(r Result) bool { return c.Cell(r) != "" })
	})
}

func (d Document) allColumns() []Column {
	figure := func(title string, cell func(Result) string) Column { return Column{Title: title, Cell: cell} }
	detail := func(title string, cell func(Result) string) Column {
		return Column{Title: title, Cell: cell, Detail: true}
	}
	columns := []Column{
		figure("median", func(r Result) string { return Duration(r.P50NS) }),
		figure("p99", func(r Result) string { return Duration(r.P99NS) }),
		figure("p99.9", func(r Result) string { return Duration(r.P999NS) }),
		figure("per s", func(r Result) string { return count(r.PerSecond) }),
		figure("line", func(r Result) string { return Duration(r.LimitP50NS) }),
		figure("× line", func(r Result) string { return times(r.RatioToLimit) }),
		figure("semaphore", func(r Result) string { return Duration(r.LimitSemaphoreP50NS) }),
		figure("× sem.", func(r Result) string { return times(r.RatioToSemaphore) }),
	}
	switch d.Kind {
	case "rtt":
		columns = append(columns, detail("copy", func(r Result) string { return Duration(r.MemcpyP50NS) }))
	case "frames":
		columns = append(columns, figure("copy", func(r Result) string { return Duration(r.MemcpyP50NS) }),
			detail("× copy", func(r Result) string { return times(r.RatioToMemcpy) }),
			figure("two threads", func(r Result) string { return Duration(r.ThreadsP50NS) }),
			figure("× threads", func(r Result) string { return times(r.RatioToThreads) }))
	case "dual":
		columns = append(columns, figure("two buffers", func(r Result) string { return Duration(r.dual().P50NS) }),
			figure("× buffers", func(r Result) string { return times(r.dual().Ratio) }),
			figure("memory", func(r Result) string { return known(r.ShmBytes) }),
			figure("of two", func(r Result) string { return count(r.dual().ShmBytes) }),
			figure("× memory", func(r Result) string { return precisely(r.dual().ShmRatio) }),
			detail("copied of two", func(r Result) string { return known(r.dual().CopiedBytes) }),
			detail("Pss of two", func(r Result) string { return shared(r.dual().ClientUsage, r.dual().ServerUsage) }),
			detail("faults of two", func(r Result) string { return faults(r.dual().ClientUsage, r.dual().ServerUsage) }))
	}
	if d.Kind != "dual" {
		columns = append(columns, detail("memory", func(r Result) string { return known(r.ShmBytes) }))
	}
	return append(columns, figure("client CPU", func(r Result) string { return cpu(r, r.ClientUsage) }),
		figure("server CPU", func(r Result) string { return cpu(r, r.ServerUsage) }),
		figure("faults", func(r Result) string { return faults(r.ClientUsage, r.ServerUsage) }),
		detail("copied", func(r Result) string { return known(r.CopiedBytes) }),
		detail("Pss", func(r Result) string { return shared(r.ClientUsage, r.ServerUsage) }),
		detail("client heap", func(r Result) string { return allocated(r, r.ClientUsage) }),
		detail("server heap", func(r Result) string { return allocated(r, r.ServerUsage) }),
		detail("CPUs", func(r Result) string { return ranOn(r.ClientUsage, r.ServerUsage) }))
}

func (r Result) dual() DualResult {
	if r.Dual == nil {
		return DualResult{}
	}
	return *r.Dual
}

// Duration is a time in the unit that suits it; nothing for 0.
func Duration(ns int64) string {
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
func faults(client, server *benchproto.Usage) string {
	if client == nil || server == nil {
		return ""
	}
	return table.Count(client.MinorFaults + client.MajorFaults + server.MinorFaults + server.MajorFaults)
}

// shared is what both processes had mapped of the channel, each page counted once.
func shared(client, server *benchproto.Usage) string {
	if client == nil || server == nil || client.SharedBytes == nil || server.SharedBytes == nil {
		return ""
	}
	return table.Count(*client.SharedBytes + *server.SharedBytes)
}

// allocated is what a process allocated on the heap for one frame, in bytes.
func allocated(r Result, u *benchproto.Usage) string {
	if u == nil || u.AllocatedBytes == nil {
		return ""
	}
	return fmt.Sprintf("%.1f", float64(*u.AllocatedBytes)/float64(max(1, r.Samples)))
}

// ranOn is where both were seen: 0 | 1, or 0,1 | 0,1 where they moved.
func ranOn(client, server *benchproto.Usage) string {
	if client == nil || server == nil {
		return ""
	}
	list := func(cpus []int) string {
		return strings.Join(strings.Fields(strings.Trim(fmt.Sprint(cpus), "[]")), ",")
	}
	return list(client.RanOn) + " | " + list(server.RanOn)
}
