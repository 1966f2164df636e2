package segment

import "github.com/zeroduplex/zeroduplex/conformance/witness"

// infoBlock is an info block of a segment or buffer: its struct, and where it begins.
type infoBlock struct {
	name, prefix string
	base         uint64
}

// infoBlocks are those of a channel, or that of a v1 buffer.
func infoBlocks(content []byte) []infoBlock {
	if memory(content).word(0) == identityV1 {
		return []infoBlock{{"oieb_v1", "", 0}}
	}
	return []infoBlock{{"oieb_v2", "request.", 0}, {"oieb_v2", "response.", responseBlock}}
}

// MaskPids zeroes the process ids in a copy of a segment or buffer, and tells which of them were set.
func MaskPids(content []byte) map[string]bool {
	set := map[string]bool{}
	for _, block := range infoBlocks(content) {
		for _, field := range []string{"writer_pid", "reader_pid"} {
			at := witness.Structs[block.name].Fields[field]
			set[block.prefix+field] = memory(content).word(block.base+at[0]) != 0
			clear(content[block.base+at[0] : block.base+at[0]+at[1]])
		}
	}
	return set
}

// Located names the field at an offset.
func Located(content []byte, offset uint64) string {
	for _, block := range infoBlocks(content) {
		for field, at := range witness.Structs[block.name].Fields {
			if offset >= block.base+at[0] && offset < block.base+at[0]+at[1] {
				return block.prefix + field
			}
		}
	}
	return "metadata or payload"
}
