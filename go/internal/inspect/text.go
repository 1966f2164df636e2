package inspect

import (
	"fmt"
	"io"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/table"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// mostFrames is how many frames the text form shows. The JSON form has them all.
const mostFrames = 40

// Write prints the report for people.
func (r *Report) Write(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s, %s, %s bytes\n", r.Name, r.describe(), r.Path, table.Count(r.Length))
	switch {
	case r.V2 != nil:
		r.V2.write(&out)
	case r.V1 != nil:
		r.V1.write(&out)
	}
	if len(r.Semaphores) > 0 {
		out.WriteString("\nSemaphores\n")
		t := table.Table{Columns: []table.Column{table.Left("name"), table.Right("value"), table.Right("waiters")}}
		for _, s := range r.Semaphores {
			if s.Present {
				t.Add(s.Name, table.Count(s.Value), table.Count(s.Waiters))
			} else {
				t.Add(s.Name, "none", "")
			}
		}
		_ = t.Write(&out) // a builder never fails
	}
	for _, problem := range r.Problems {
		fmt.Fprintf(&out, "problem: %s\n", problem)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

func (r *Report) describe() string {
	switch {
	case r.V2 != nil:
		return "in-place duplex " + versionOf(r.V2.OiebRequest)
	case r.V1 != nil:
		return "ZeroBuffer v1 buffer " + versionOf(r.V1.Oieb)
	}
	return "not ready"
}

func versionOf(b Block) string {
	for _, f := range b {
		if f.Version != "" {
			return f.Version
		}
	}
	return "of unknown version"
}

func (s *SegmentV2) write(out *strings.Builder) {
	fmt.Fprintf(out, "\nserver  %-6s %s\n", aliveWord(s.Alive.Server), pid(s.OiebResponse.Get("writer_pid")))
	fmt.Fprintf(out, "client  %-6s %s\n", aliveWord(s.Alive.Client), pid(s.OiebRequest.Get("writer_pid")))
	if !s.Alive.Server {
		out.WriteString("orphaned: no server holds this channel; the next one of this name replaces it\n")
	}
	published, passed := s.OiebRequest.Get("payload_written_count"), s.OiebRequest.Get("payload_read_count")
	answered, consumed := s.OiebResponse.Get("payload_written_count"), s.OiebResponse.Get("payload_read_count")
	fmt.Fprintf(out, "\nrequests   %s published, %s taken, %s pending\n", table.Count(published), table.Count(passed), table.Count(published-passed))
	fmt.Fprintf(out, "responses  %s published, %s consumed\n", table.Count(answered), table.Count(consumed))
	fmt.Fprintf(out, "metadata   %s from the client, %s from the server\n", metadata(s.Metadata.Request), metadata(s.Metadata.Response))
	if s.Ring.Size > 0 {
		fmt.Fprintf(out, "ring       %s %s of %s bytes in use, tail %s, head %s\n", s.Ring.bar(),
			table.Count(s.Ring.Used), table.Count(s.Ring.Size), table.Count(s.Ring.Tail), table.Count(s.Ring.Head))
	}
	if s.Moving {
		out.WriteString("the channel was too busy for a picture of one moment: counters and frames are of different ones\n")
	}
	s.writeFrames(out)
	writeBlocks(out, []string{"request block", "response block"}, s.OiebRequest, s.OiebResponse)
}

func (s *SegmentV2) writeFrames(out *strings.Builder) {
	if len(s.Frames) == 0 {
		out.WriteString("\nNo frames in flight\n")
		return
	}
	fmt.Fprintf(out, "\nFrames in flight: %s, oldest first\n", table.Count(len(s.Frames)))
	t := table.Table{Columns: []table.Column{table.Right("sequence"), table.Left("state"), table.Right("position"), table.Right("bytes"),
		table.Right("request"), table.Right("capacity"), table.Right("opcode"), table.Right("status"), table.Left("flags")}}
	for _, f := range s.Frames[:min(len(s.Frames), mostFrames)] {
		t.Add(table.Count(f.Sequence), f.State, table.Count(f.Position), table.Count(f.PayloadSize), table.Count(f.RequestSize),
			table.Count(f.Capacity), fmt.Sprint(f.Opcode), fmt.Sprint(f.Status), f.flags())
	}
	_ = t.Write(out) // a builder never fails
	if more := len(s.Frames) - mostFrames; more > 0 {
		fmt.Fprintf(out, "and %s younger ones (--json shows all)\n", table.Count(more))
	}
}

func (f Frame) flags() string {
	var set []string
	if f.OneWay {
		set = append(set, "one-way")
	}
	if f.Abandoned {
		set = append(set, "abandoned")
	}
	return strings.Join(set, " ")
}

func aliveWord(alive bool) string {
	if alive {
		return "alive"
	}
	return "gone"
}

func pid(value uint64) string {
	switch value {
	case wire.PidNone:
		return "no pid"
	case wire.ResetWanted:
		return "a reset is wanted"
	}
	return fmt.Sprintf("pid %d", value)
}

func metadata(length *uint64) string {
	if length == nil {
		return "none"
	}
	return table.Count(*length) + " bytes"
}

// bar draws the payload from its first byte to its last, used parts dark.
func (r Ring) bar() string {
	const cells = 32
	bar := []rune(strings.Repeat("░", cells))
	for i := range uint64(cells) {
		from, to := i*(r.Size/64)/cells*64, max(i*(r.Size/64)/cells*64+64, (i+1)*(r.Size/64)/cells*64)
		// A cell is dark when any of its bytes lies, in the circle of positions, at most Used behind the head.
		behind := (r.Head%r.Size + r.Size - from) % r.Size
		if r.Used > 0 && (behind != 0 && behind <= r.Used || r.Used == r.Size ||
			(r.Tail%r.Size >= from && r.Tail%r.Size < to)) {
			bar[i] = '█'
		}
	}
	return string(bar)
}

func writeBlocks(out *strings.Builder, titles []string, blocks ...Block) {
	out.WriteString("\nInfo blocks\n")
	t := table.Table{Columns: []table.Column{table.Left("field")}}
	for _, title := range titles {
		t.Columns = append(t.Columns, table.Right(title))
	}
	for i, field := range blocks[0] {
		row := []string{field.Name}
		for _, block := range blocks {
			row = append(row, block[i].text())
		}
		t.Add(row...)
	}
	_ = t.Write(out) // a builder never fails
}

func (f Field) text() string {
	switch {
	case f.Version != "":
		return f.Version
	case f.Value == wire.ResetWanted:
		return "reset wanted"
	}
	return table.Count(f.Value)
}
