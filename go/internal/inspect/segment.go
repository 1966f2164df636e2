package inspect

import (
	"errors"
	"fmt"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// ErrForeign says that an object is not of this project.
var ErrForeign = errors.New("not a channel of this protocol")

// attempts is how often a busy channel is read again until nothing moved meanwhile.
const attempts = 16

// decode reads an object's bytes into the report.
func (r *Report) decode(m memory) error {
	if len(m) < 8 {
		return fmt.Errorf("%w: it has %d bytes, the identity alone takes 8", ErrForeign, len(m))
	}
	identity := m.u64(0)
	size, version := uint32(identity), identity>>32
	switch {
	case identity == wire.IdentityNotReady:
		r.Protocol = ProtocolNotReady
		r.problem("the first eight bytes are 0: the server is still building the segment, or died while it did")
		return nil
	case size == wire.OiebV1Size && uint8(version) == 0: // published readers store the two after each other
		r.Protocol = ProtocolNotReady
		r.problem("there is a size, but no version yet: a reader is still building the buffer, or died while it did")
		return nil
	case size == wire.OiebV2Size && uint8(version) == wire.ProtocolV2Major:
		r.Protocol = ProtocolV2
		return r.decodeV2(m)
	case size == wire.OiebV1Size && uint8(version) == wire.ProtocolV1Major:
		r.Protocol = ProtocolV1
		return r.decodeV1(m)
	}
	return fmt.Errorf("%w: its first eight bytes are %#016x (size %d, version %d.%d.%d)",
		ErrForeign, identity, size, version&0xFF, version>>8&0xFF, version>>16&0xFF)
}

func (r *Report) problem(format string, values ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, values...))
}

func (r *Report) decodeV2(m memory) error {
	if uint64(len(m)) < 2*wire.OiebV2Size {
		return fmt.Errorf("%w: a v2 segment of %d bytes lacks part of its info blocks of %d", ErrForeign, len(m), 2*wire.OiebV2Size)
	}
	s := &SegmentV2{Frames: []Frame{}}
	r.V2 = s
	for attempt := 0; ; attempt++ {
		problems := len(r.Problems)
		r.readV2(m)
		after := m.block(0, "oieb_v2")
		if same(s.OiebRequest, after) {
			return nil
		}
		if attempt == attempts {
			s.Moving = true
			return nil
		}
		r.Problems = r.Problems[:problems] // perhaps only due to the movement
	}
}

func same(a, b Block) bool {
	for i := range a {
		if a[i].Value != b[i].Value {
			return false
		}
	}
	return true
}

// readV2 reads the whole segment once.
func (r *Report) readV2(m memory) {
	s := r.V2
	s.OiebRequest = m.block(0, "oieb_v2")
	s.OiebResponse = m.block(wire.OiebV2Size, "oieb_v2")
	s.Metadata, s.Ring, s.Frames = Metadata{}, Ring{}, []Frame{}
	request, response := s.OiebRequest.Get("metadata_size"), s.OiebResponse.Get("metadata_size")
	payload := s.OiebRequest.Get("payload_size")
	if other := s.OiebResponse.Get("payload_size"); other != payload {
		r.problem("the blocks disagree on the payload's size: %d in the request block, %d in the response block", payload, other)
	}
	layout, ok := wire.ResolveSegmentV2(request, response, payload)
	switch {
	case !ok:
		r.problem("metadata of %d and %d and payload of %d bytes are not possible", request, response, payload)
		return
	case layout.MetadataRequest.Size != request || layout.MetadataResponse.Size != response || layout.Payload.Size != payload:
		r.problem("metadata of %d and %d and payload of %d bytes are not rounded as the layout wants", request, response, payload)
		return
	case layout.Length > uint64(len(m)):
		r.problem("the sizes in the info blocks need %d bytes, the object has %d", layout.Length, len(m))
		return
	case layout.Length < uint64(len(m)):
		r.problem("the object has %d bytes, the sizes in its info blocks make %d", len(m), layout.Length)
	}
	s.Metadata.Request = r.contentLength(m, s.OiebRequest, layout.MetadataRequest, "request")
	s.Metadata.Response = r.contentLength(m, s.OiebResponse, layout.MetadataResponse, "response")
	r.readRing(m[layout.Payload.Offset : layout.Payload.Offset+payload])
}

func (r *Report) contentLength(m memory, block Block, region wire.Region, side string) *uint64 {
	written := block.Get("metadata_written_bytes")
	if written == 0 {
		return nil
	}
	length := m.u64(region.Offset)
	if written > region.Size || length > region.Size-wire.MetadataPrefixSize || written != length+wire.MetadataPrefixSize {
		r.problem("%s metadata: %d bytes written, length prefix %d, room for %d", side, written, length, region.Size)
		return nil
	}
	return &length
}
