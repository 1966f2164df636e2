// Package layout is `zeroduplex layout`: where every byte of a channel lies.
package layout

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/describe"
	"github.com/zeroduplex/zeroduplex/go/internal/table"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// SchemaVersion is the version of the JSON form.
const SchemaVersion = 1

const usage = `usage: zeroduplex layout [--json] [--metadata N] [--payload N]

Prints the layout of a channel with metadata blocks and a payload of the given sizes, and of the structs in it.`

// The structs that are shown, in this order.
var shown = []string{"oieb_v2", "frame_header_v2", "oieb_v1", "frame_header_v1"}

type document struct {
	SchemaVersion int                `json:"schema_version"`
	Structs       map[string]layout  `json:"structs"`
	Segments      map[string]segment `json:"segments"`
	Semaphores    []semaphore        `json:"semaphores"`
}

type layout struct {
	Size   uint64  `json:"size"`
	Fields []field `json:"fields"`
}

type field struct {
	Name   string `json:"name"`
	Offset uint64 `json:"offset"`
	Width  uint64 `json:"width"`
}

type segment struct {
	Length  uint64   `json:"length"`
	Regions []region `json:"regions"`
}

type region struct {
	Name   string `json:"name"`
	Offset uint64 `json:"offset"`
	Size   uint64 `json:"size"`
}

type semaphore struct {
	Name     string `json:"name"`
	Protocol string `json:"protocol"`
	Template string `json:"template"` // {name} stands for the channel's name
	PostedBy string `json:"posted_by"`
	WaitedBy string `json:"waited_by"`
}

// Run runs the command and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	set := flags.New("zeroduplex layout", usage, stderr)
	asJSON := set.Bool("json", false, "print JSON")
	metadata := set.Uint64("metadata", wire.DefaultV2MetadataSize, "bytes of each metadata block")
	payload := set.Uint64("payload", wire.DefaultV2PayloadSize, "bytes of the payload")
	if _, code, ok := set.Parse(args); !ok {
		return code
	}
	resolved, ok := wire.ResolveSegmentV2(*metadata, *metadata, *payload)
	if !ok {
		return set.Misuse(fmt.Errorf("no channel has metadata blocks of %d and a payload of %d bytes: metadata is at most %d, the payload %d to %d",
			*metadata, *payload, wire.MaxMetadataSize, wire.MinPayloadSize, wire.MaxPayloadSize))
	}
	if *asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		return set.Finish(encoder.Encode(documentOf(resolved)))
	}
	_, err := io.WriteString(stdout, text(resolved))
	return set.Finish(err)
}

func documentOf(resolved wire.SegmentV2) document {
	d := document{
		SchemaVersion: SchemaVersion,
		Structs:       map[string]layout{},
		Segments:      map[string]segment{},
	}
	for _, name := range shown {
		info := describe.Struct(name)
		l := layout{Size: info.Size}
		for _, f := range info.Fields {
			l.Fields = append(l.Fields, field{Name: f.Name, Offset: f.Offset, Width: f.Width})
		}
		d.Structs[name] = l
	}
	s := segment{Length: resolved.Length}
	for _, r := range resolved.Regions() {
		s.Regions = append(s.Regions, region{Name: r.Name, Offset: r.Offset, Size: r.Size})
	}
	d.Segments["v2"] = s
	for _, s := range wire.Semaphores {
		d.Semaphores = append(d.Semaphores, semaphore{Name: s.Name, Protocol: s.Protocol, Template: s.Template, PostedBy: s.PostedBy, WaitedBy: s.WaitedBy})
	}
	return d
}

func text(resolved wire.SegmentV2) string {
	var out strings.Builder
	fmt.Fprintf(&out, "An in-place duplex channel of %s bytes\n", table.Count(resolved.Length))
	t := table.Table{Columns: []table.Column{table.Right("offset"), table.Left("region"), table.Right("bytes"), table.Left("what it is")}}
	docs := describe.Segment("v2").Regions
	for i, r := range resolved.Regions() {
		t.Add(hex(r.Offset), r.Name, table.Count(r.Size), docs[i].Doc)
	}
	_ = t.Write(&out) // a builder never fails
	for _, name := range shown {
		info := describe.Struct(name)
		fmt.Fprintf(&out, "\n%s, %d bytes\n", info.Name, info.Size)
		t := table.Table{Columns: []table.Column{table.Right("offset"), table.Left("field"), table.Left("type"), table.Right("width")}}
		for _, f := range info.Fields {
			kind := f.Type
			if f.Count > 0 {
				kind = fmt.Sprintf("%s × %d", f.Type, f.Count)
			}
			t.Add(hex(f.Offset), f.Name, kind, table.Count(f.Width))
		}
		_ = t.Write(&out) // a builder never fails
	}
	out.WriteString("\nSemaphores\n")
	s := table.Table{Columns: []table.Column{table.Left("protocol"), table.Left("name"), table.Left("posted by"), table.Left("waited on by")}}
	for _, info := range wire.Semaphores {
		s.Add(info.Protocol, info.Template, info.PostedBy, info.WaitedBy)
	}
	_ = s.Write(&out) // a builder never fails
	return out.String()
}

func hex(offset uint64) string { return fmt.Sprintf("0x%04X", offset) }
