package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

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

func (d Document) write(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d CPUs, kernel %s, client on CPU %d, server on CPU %d, medians over %d passes\n",
		d.Host.CPU, d.Host.CPUs, d.Host.Kernel, d.Host.ClientCPU, d.Host.ServerCPU, d.Passes)
	t := table.Table{Columns: []table.Column{table.Left("client"), table.Left("server"), table.Right("bytes"), table.Left("wait"), table.Right("in flight"),
		table.Right("median"), table.Right("p99"), table.Right("limit"), table.Right("× limit")}}
	if d.Kind == "frames" {
		t.Columns = append(t.Columns, table.Right("two threads"), table.Right("× threads"))
	}
	if d.Kind == "dual" {
		t.Columns = append(t.Columns, table.Right("two buffers"), table.Right("× buffers"), table.Right("memory"), table.Right("of two"), table.Right("× memory"))
	}
	for _, r := range d.Results {
		if r.Unsupported != "" {
			t.Add(r.Client, r.Server, table.Count(r.Size), r.Wait, table.Count(r.Inflight), "unsupported")
			continue
		}
		cells := []string{r.Client, r.Server, table.Count(r.Size), r.Wait, table.Count(r.Inflight), table.Nanoseconds(r.P50NS), table.Nanoseconds(r.P99NS),
			table.Nanoseconds(r.LimitP50NS), fmt.Sprintf("%.2f", r.RatioToLimit)}
		switch d.Kind {
		case "frames":
			cells = append(cells, table.Nanoseconds(r.ThreadsP50NS), fmt.Sprintf("%.2f", r.RatioToThreads))
		case "dual":
			cells = append(cells, table.Nanoseconds(r.DualP50NS), fmt.Sprintf("%.2f", r.RatioToDual), table.Count(int(r.ShmBytes)), table.Count(int(r.DualShmBytes)),
				fmt.Sprintf("%.4f", r.ShmRatio))
		}
		t.Add(cells...)
	}
	return t.Write(w)
}
