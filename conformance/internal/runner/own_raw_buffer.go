package runner

import (
	"fmt"
	"io/fs"

	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

// rawBufferOperation does what a case asks of the peer of a v1 buffer that is made of bytes.
func (x *execution) rawBufferOperation(b *segment.RawBuffer, operation string, given map[string]any) (any, error) {
	a := arguments(given)
	position, size, seed := a.number("position"), a.number("size"), a.number("seed")
	switch operation {
	case "build":
		x.orphaned = true
		return nil, b.Build(a.text("name"), segment.RawBuilding{
			Metadata: a.or("metadata", 64), Payload: a.or("payload", 1024), Free: a.pointer("free"), Length: a.pointer("length"),
			Identity: a.pointer("identity"), Reader: a.pointer("reader_pid"), Writer: a.pointer("writer_pid"),
			Locks: a.flag("locks", true), Semaphores: a.flag("semaphores", true), Mode: fs.FileMode(a.or("mode", 0o600)),
		})
	case "open":
		return nil, b.Open(a.text("name"))
	case "lock":
		return nil, b.TakeLocks(a.text("name"), a.list("folder")...)
	case "semaphores":
		return nil, b.CreateSemaphores(fs.FileMode(a.or("mode", 0o600)))
	case "metadata":
		return nil, b.WriteMetadata(a.number("length"), size, seed)
	case "check_metadata":
		return nil, b.CheckMetadata(size, seed)
	case "attach":
		return nil, b.Attach(a.text("name"))
	case "set":
		return nil, b.Set(a.text("at"), position, a.number("to"))
	case "add":
		return nil, b.Add(a.text("at"), a.number("delta"))
	case "get":
		v, err := b.Get(a.text("at"), position)
		return map[string]any{"value": v}, err
	case "until":
		return nil, b.Until(a.text("at"), position, a.number("is"), x.limit(a))
	case "header":
		return nil, b.Header(position, a.number("payload_size"), a.number("sequence_number"))
	case "data":
		return nil, b.Data(position, size, seed)
	case "check":
		return nil, b.Check(position, size, seed, a.flag("xor", false))
	case "publish":
		position, sequence, err := b.Publish(segment.RawFrame{
			Size: size, Seed: seed, Position: a.pointer("position"), PayloadSize: a.pointer("payload_size"), Sequence: a.pointer("sequence_number"),
			MarkerCount: a.pointer("marker_count"), Marker: a.flag("marker", true), Post: a.flag("post", true),
		})
		return map[string]any{"position": position, "sequence": sequence}, err
	case "take":
		position, size, sequence, err := b.Take(x.limit(a))
		return map[string]any{"position": position, "size": size, "sequence": sequence}, err
	case "release":
		return nil, b.Release(a.pointer("free"))
	case "post":
		return nil, b.Post(a.text("which"))
	case "tokens":
		return nil, b.SetTokens(a.text("which"), a.number("value"))
	case "fuzz":
		n, err := x.scope.Evaluate("random(0xFFFFFFFFFFFFFFFF)")
		if err != nil {
			return nil, err
		}
		return nil, b.Fuzz(position, size, n.(uint64))
	case "crash":
		return nil, b.Crash()
	default:
		return nil, fmt.Errorf("raw_buffer.%s is in the table but nowhere else", operation)
	}
}
