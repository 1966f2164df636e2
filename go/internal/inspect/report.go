// Package inspect looks at a channel from outside: at a living one without disturbing it, and at what a crash left behind.
//
// It opens the object read-only, maps it read-only, takes no lock and touches no semaphore. Nothing that it finds is
// trusted: contents that no correct peer writes become entries in Problems, never a crash or an endless loop.
package inspect

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// SchemaVersion is the version of the JSON form of a Report.
const SchemaVersion = 1

// Protocols that an object can turn out to speak.
const (
	ProtocolV2       = "v2"
	ProtocolV1       = "v1"
	ProtocolNotReady = "not_ready" // being built, or its builder died
)

// Report is everything that can be seen of a channel.
type Report struct {
	SchemaVersion int         `json:"schema_version"`
	Name          string      `json:"name"`
	Path          string      `json:"path"`
	Protocol      string      `json:"protocol"`
	Length        uint64      `json:"length"` // bytes
	V2            *SegmentV2  `json:"v2,omitempty"`
	V1            *SegmentV1  `json:"v1,omitempty"`
	Semaphores    []Semaphore `json:"semaphores"`
	Problems      []string    `json:"problems"` // what no correct peer writes
}

// SegmentV2 is an in-place duplex channel.
type SegmentV2 struct {
	Alive        Alive    `json:"alive"`
	OiebRequest  Block    `json:"oieb_request"`
	OiebResponse Block    `json:"oieb_response"`
	Metadata     Metadata `json:"metadata"`
	Ring         Ring     `json:"ring"`
	Frames       []Frame  `json:"frames"` // in flight, oldest first
	// Moving says that the channel was too busy for a picture of one moment.
	Moving bool `json:"moving"`
}

// Alive says who holds their lock byte. The kernel lets go of it however a process ends.
type Alive struct {
	Server bool `json:"server"`
	Client bool `json:"client"`
}

// Metadata is the content length of both metadata blocks; null when nothing was written.
type Metadata struct {
	Request  *uint64 `json:"request_bytes"`
	Response *uint64 `json:"response_bytes"`
}

// Ring is the use of the payload, in bytes. Head and tail are cumulative; a position in the payload is the offset modulo the size.
type Ring struct {
	Size uint64 `json:"size"`
	Tail uint64 `json:"tail"`
	Head uint64 `json:"head"`
	Used uint64 `json:"used"` // by frames and by waste before a wrap
	Free uint64 `json:"free"`
}

// Frame is one frame in flight as its header describes it.
type Frame struct {
	Sequence    uint64 `json:"sequence_number"`
	State       string `json:"state"`
	Position    uint64 `json:"position"` // of the header in the payload
	PayloadSize uint64 `json:"payload_size"`
	RequestSize uint64 `json:"request_size"`
	Capacity    uint64 `json:"capacity"`
	Status      int32  `json:"status"`
	Opcode      uint32 `json:"opcode"`
	OneWay      bool   `json:"one_way"`
	Abandoned   bool   `json:"abandoned"`
}

// Semaphore is a named semaphore of the channel.
type Semaphore struct {
	Name    string `json:"name"`
	Path    string `json:"path"`
	Present bool   `json:"present"`
	Value   uint32 `json:"value"`
	Waiters uint32 `json:"waiters"`
}

// Block is an operation info exchange block: its fields in the order of their offsets.
type Block []Field

// Field is one field of a block.
type Field struct {
	Name    string
	Version string // of the field version, else ""
	Value   uint64
}

// MarshalJSON writes an object with the fields in the order of their offsets.
func (b Block) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, f := range b {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(strconv.Quote(f.Name))
		out.WriteByte(':')
		if f.Version != "" {
			out.WriteString(strconv.Quote(f.Version))
		} else {
			out.WriteString(strconv.FormatUint(f.Value, 10))
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

var _ json.Marshaler = Block(nil)

// Get returns the value of a field, 0 for a name that the block does not have.
func (b Block) Get(name string) uint64 {
	for _, f := range b {
		if f.Name == name {
			return f.Value
		}
	}
	return 0
}
