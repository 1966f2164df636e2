package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/document"
	"github.com/zeroduplex/zeroduplex/go/internal/table"
)

// prepare makes sure that the result can be written, before it takes long to get one. It leaves nothing but the folder.
func (o options) prepare() error {
	if o.file == "" {
		return nil
	}
	if info, err := os.Stat(o.file); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("--out %s is no regular file", o.file)
	}
	folder := filepath.Dir(o.file)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	probe, err := os.CreateTemp(folder, ".bench")
	if err != nil {
		return err
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

func (o options) report(d document.Document, stdout io.Writer) error {
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
	return write(d, stdout)
}

func write(d document.Document, w io.Writer) error {
	fmt.Fprintf(w, "%s, %s, medians over %d passes; CPU time per frame, page faults per pass\n", d.Host.Machine(), d.Host.Placement(), d.Passes)
	t := table.Table{Columns: []table.Column{table.Left("client"), table.Left("server"), table.Right("bytes"), table.Left("wait"), table.Right("in flight"), table.Left("touch")}}
	columns := slices.DeleteFunc(d.Columns(d.Results), func(c document.Column) bool { return c.Detail })
	for _, c := range columns {
		t.Columns = append(t.Columns, table.Right(c.Title))
	}
	for _, r := range d.Results {
		cells := []string{r.Client, r.Server, table.Count(r.Size), r.Wait, table.Count(r.Inflight), r.Touch}
		switch {
		case r.Unsupported != "":
			t.Add(append(cells, "unsupported")...)
			continue
		case r.Failed != "":
			t.Add(append(cells, "failed")...)
			continue
		}
		for _, c := range columns {
			cells = append(cells, c.Cell(r))
		}
		t.Add(cells...)
	}
	return t.Write(w)
}
