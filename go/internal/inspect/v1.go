package inspect

import (
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/process"
	"github.com/zeroduplex/zeroduplex/go/internal/table"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// SegmentV1 is a buffer of ZeroBuffer v1.
type SegmentV1 struct {
	Alive    AliveV1 `json:"alive"`
	Oieb     Block   `json:"oieb"`
	Metadata *uint64 `json:"metadata_bytes"` // null when nothing was written
}

// AliveV1 says whose process lives in our pid namespace. v1 has no other sign of life.
type AliveV1 struct {
	Writer bool `json:"writer"`
	Reader bool `json:"reader"`
}

func (r *Report) decodeV1(m memory) error {
	if uint64(len(m)) < wire.OiebV1Size {
		return fmt.Errorf("%w: a v1 buffer of %d bytes lacks part of its info block of %d", ErrForeign, len(m), wire.OiebV1Size)
	}
	oieb := m.block(0, "oieb_v1")
	s := &SegmentV1{Oieb: oieb, Alive: AliveV1{Writer: process.Alive(oieb.Get("writer_pid")), Reader: process.Alive(oieb.Get("reader_pid"))}}
	r.V1 = s
	metadata, payload := oieb.Get("metadata_size"), oieb.Get("payload_size")
	layout, ok := wire.ResolveSegmentV1(metadata, payload)
	switch {
	case !ok:
		r.problem("metadata of %d and payload of %d bytes are not possible", metadata, payload)
		return nil
	case layout.Metadata.Size != metadata || layout.Payload.Size != payload:
		r.problem("metadata of %d and payload of %d bytes are not rounded as the layout wants", metadata, payload)
		return nil
	case layout.Length > uint64(len(m)):
		r.problem("the sizes in the info block need %d bytes, the object has %d", layout.Length, len(m))
		return nil
	}
	r.checkCounters(oieb, payload)
	if written := oieb.Get("metadata_written_bytes"); written > metadata || written > 0 && written < wire.MetadataPrefixSize {
		r.problem("metadata: %d bytes written, room for %d", written, metadata)
	} else if written > 0 {
		length := m.u64(layout.Metadata.Offset)
		if length > written-wire.MetadataPrefixSize {
			r.problem("metadata: %d bytes written, length prefix %d", written, length)
		} else {
			s.Metadata = &length
		}
	}
	return nil
}

// checkCounters finds what no peer writes, published ones included: those count more than they write, and stop at the payload's end.
func (r *Report) checkCounters(oieb Block, payload uint64) {
	for _, field := range []string{"payload_free_bytes", "payload_write_pos", "payload_read_pos"} {
		if value := oieb.Get(field); value > payload {
			r.problem("%s is %d in a payload of %d bytes", field, value, payload)
		}
	}
	if written, read := oieb.Get("payload_written_count"), oieb.Get("payload_read_count"); read > written {
		r.problem("%d frames and markers were read, but only %d written", read, written)
	}
}

func (s *SegmentV1) write(out *strings.Builder) {
	fmt.Fprintf(out, "\nreader  %-6s %s\n", aliveWord(s.Alive.Reader), pid(s.Oieb.Get("reader_pid")))
	fmt.Fprintf(out, "writer  %-6s %s\n", aliveWord(s.Alive.Writer), pid(s.Oieb.Get("writer_pid")))
	if !s.Alive.Reader {
		out.WriteString("orphaned: nobody reads this buffer; the next reader of this name replaces it\n")
	}
	written, read := s.Oieb.Get("payload_written_count"), s.Oieb.Get("payload_read_count")
	fmt.Fprintf(out, "\nframes and markers  %s written, %s read\n", table.Count(written), table.Count(read))
	fmt.Fprintf(out, "metadata            %s\n", metadata(s.Metadata))
	fmt.Fprintf(out, "ring                %s of %s bytes free, written up to %s, read up to %s\n", table.Count(s.Oieb.Get("payload_free_bytes")),
		table.Count(s.Oieb.Get("payload_size")), table.Count(s.Oieb.Get("payload_write_pos")), table.Count(s.Oieb.Get("payload_read_pos")))
	writeBlocks(out, []string{"info block"}, s.Oieb)
}
