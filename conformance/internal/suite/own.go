package suite

import "github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"

func required(name string) agentproto.FieldInfo {
	return agentproto.FieldInfo{Name: name, Type: "value"}
}

func optional(names ...string) []agentproto.FieldInfo {
	var fields []agentproto.FieldInfo
	for _, name := range names {
		fields = append(fields, agentproto.FieldInfo{Name: name, Type: "value", Optional: true})
	}
	return fields
}

func own(name string, args ...[]agentproto.FieldInfo) agentproto.OperationInfo {
	o := agentproto.OperationInfo{Name: name}
	for _, a := range args {
		o.Args = append(o.Args, a...)
	}
	return o
}

func needs(names ...string) []agentproto.FieldInfo {
	var fields []agentproto.FieldInfo
	for _, name := range names {
		fields = append(fields, required(name))
	}
	return fields
}

// headerFields are the fields of a frame header that the raw peer may be told to write.
var headerFields = []string{"payload_size", "sequence_number", "capacity", "state", "status", "request_size", "opcode", "flags"}

// Own are the actors that the runner plays itself: runner handles processes and files, raw and raw_buffer are peers of a channel and of a
// v1 buffer that read and write its bytes, right or wrong. docs/authoring-cases.md says what each operation does.
var Own = map[string][]agentproto.OperationInfo{
	"runner": {
		own("kill", needs("actor")),
		own("pause", needs("actor")),
		own("resume", needs("actor")),
		own("segment", optional("name")),
		own("frame", needs("position"), optional("name")),
		own("semaphore", needs("which"), optional("name")),
		own("until", needs("at", "is"), optional("position", "timeout_ms", "name")),
		own("sleeper", needs("which"), optional("name")),
		own("files", optional("name")),
		own("place", needs("kind"), optional("what", "size", "identity", "pid", "mode", "name")),
		own("remove", optional("what", "name")),
		own("buffer", optional("name")),
		own("buffer_frame", needs("position"), optional("name")),
		own("locks", optional("name")),
		own("appears", optional("timeout_ms", "name")),
		own("scan", optional("name")),
		own("demand", needs("value", "is")),
		own("owner", needs("uid")),
		own("dump", needs("label"), optional("name")),
		own("same_dump", needs("actors"), optional("name")),
		own("offsets", needs("actor"), optional("structs")),
		own("process", needs("actor")),
	},
	"raw": {
		own("build", optional("metadata_request", "metadata_response", "payload", "payload_response", "length", "identity", "identity_response",
			"lock", "semaphores", "mode", "name")),
		own("open", optional("name")),
		own("lock", needs("byte"), optional("expect_held")),
		own("unlock", needs("byte")),
		own("set", needs("at", "to"), optional("position")),
		own("get", needs("at"), optional("position")),
		own("until", needs("at", "is"), optional("position", "timeout_ms")),
		own("header", needs("position"), optional(headerFields...)),
		own("data", needs("position", "size", "seed")),
		own("check", needs("position", "size", "seed"), optional("xor")),
		own("post", needs("which"), optional("name")),
		own("attach", optional("name", "timeout_ms")),
		own("publish", needs("position", "size", "seed"), optional(headerFields...)),
		own("take", needs("position")),
		own("flip", needs("at", "one", "other", "times"), optional("position")),
		own("answer", needs("position"), optional("state", "status", "payload_size")),
		own("fuzz", needs("position", "size")),
		own("unlink", optional("name")),
		own("crash"),
	},
	"raw_buffer":  rawBuffer,
	"raw_request": rawBuffer, // a second one, for a channel's other buffer
}

var rawBuffer = []agentproto.OperationInfo{
	own("build", optional("metadata", "payload", "free", "length", "identity", "reader_pid", "writer_pid", "locks", "semaphores", "mode", "name")),
	own("open", optional("name")),
	own("lock", optional("folder", "name")),
	own("semaphores", optional("mode")),
	own("attach", optional("name")),
	own("set", needs("at", "to"), optional("position")),
	own("add", needs("at", "delta")),
	own("get", needs("at"), optional("position")),
	own("until", needs("at", "is"), optional("position", "timeout_ms")),
	own("header", needs("position", "payload_size", "sequence_number")),
	own("data", needs("position", "size", "seed")),
	own("check", needs("position", "size", "seed"), optional("xor")),
	own("metadata", needs("length"), optional("size", "seed")),
	own("check_metadata", needs("size", "seed")),
	own("publish", needs("size", "seed"), optional("position", "payload_size", "sequence_number", "marker", "marker_count", "post")),
	own("take", optional("timeout_ms")),
	own("release", optional("free")),
	own("post", needs("which")),
	own("tokens", needs("which", "value")),
	own("fuzz", needs("position", "size")),
	own("crash"),
}
