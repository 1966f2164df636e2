//go:build linux

package agent

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
)

// running is an agent in this process.
type running struct {
	t    *testing.T
	role string
	in   io.Writer
	out  io.Reader
	next uint64
}

func run(t *testing.T, role string) *running {
	t.Helper()
	inReader, inWriter := io.Pipe()
	outReader, outWriter := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Run(role, inReader, outWriter) }()
	t.Cleanup(func() {
		require.NoError(t, inWriter.Close())
		require.NoError(t, <-ended)
	})
	a := &running{t: t, role: role, in: inWriter, out: outReader}
	_, err := agentproto.Read(a.out) // hello
	require.NoError(t, err)
	return a
}

// ask sends a request and returns its response.
func (a *running) ask(op, args string) agentproto.AgentResponse {
	a.t.Helper()
	a.next++
	require.NoError(a.t, agentproto.Write(a.in, agentproto.AgentRequest{Id: a.next, Case: a.t.Name(), Role: a.role, Op: op, Args: json.RawMessage(args)}))
	content, err := agentproto.Read(a.out)
	require.NoError(a.t, err)
	response, err := agentproto.Decode[agentproto.AgentResponse](content)
	require.NoError(a.t, err)
	require.Equal(a.t, a.next, response.Id)
	return response
}

// is asks for something that must succeed with a result.
func (a *running) is(op, args, result string) {
	a.t.Helper()
	response := a.ask(op, args)
	require.Equal(a.t, agentproto.OutcomeOk, response.Outcome, "%s: %+v", op, response.Error)
	require.JSONEq(a.t, result, string(response.Result), op)
}

// fails asks for something that must fail with an error of the SDK.
func (a *running) fails(op, args, name string) {
	a.t.Helper()
	response := a.ask(op, args)
	require.Equal(a.t, agentproto.OutcomeError, response.Outcome, op)
	require.Equal(a.t, name, response.Error.Name, "%s: %s", op, response.Error.Message)
}

func newName(t *testing.T) string {
	name := fmt.Sprintf("zdgo-%d-agent-%s", os.Getpid(), t.Name())
	t.Cleanup(func() {
		left, err := filepath.Glob("/dev/shm/*" + name + "*")
		assert.NoError(t, err)
		assert.Empty(t, left)
	})
	return name
}

func answered(sequence uint64, data ...byte) string {
	encoded, _ := json.Marshal(report(data, sequence, 0))
	return string(encoded)
}

func frame(sequence, size, seed uint64) string { return answered(sequence, pattern(size, seed)...) }

func TestStreamOperations(t *testing.T) {
	name := newName(t)
	server, client := run(t, agentproto.RoleServer), run(t, agentproto.RoleClient)
	server.fails("read_frame", `{}`, agentproto.ErrorUnexpected)
	client.fails("write_frame", `{"size":1,"seed":1}`, agentproto.ErrorUnexpected)
	client.fails("connect_writer", `{"name":"`+name+`","connect_timeout_ms":0}`, "buffer_not_found")
	server.is("create_reader", `{"name":"`+name+`","payload_size":1024,"metadata_size":256,"wait":"block","mode":384}`, `{}`)
	server.is("writer_connected", `{}`, `{"connected":false}`)
	client.is("connect_writer", `{"name":"`+name+`","write_timeout_ms":10,"wait":"hybrid","allow_other_users":false}`, `{}`)
	client.is("reader_connected", `{}`, `{"connected":true}`)
	server.is("writer_connected", `{}`, `{"connected":true}`)

	client.is("set_metadata", `{"size":5,"seed":3}`, `{}`)
	client.fails("set_metadata", `{"size":5,"seed":3}`, "metadata_already_written")
	server.is("get_metadata", `{}`, fmt.Sprintf(`{"written":true,"size":5,"crc32":%d}`, crc32.ChecksumIEEE(pattern(5, 3))))

	client.is("write_frame", `{"size":20,"seed":7}`, `{"sequence":1}`)
	client.is("acquire_frame", `{"buffer":"b","size":30}`, `{"size":30}`)
	client.fails("write_frame", `{"size":20,"seed":7}`, "acquisition_open")
	client.is("fill", `{"buffer":"b","seed":9}`, `{}`)
	client.is("commit_frame", `{"buffer":"b"}`, `{"sequence":2}`)
	client.fails("commit_frame", `{"buffer":"b"}`, "frame_released")
	client.fails("fill", `{"buffer":"b","seed":9}`, "frame_released")
	client.is("acquire_frame", `{"buffer":"c","size":30}`, `{"size":30}`)
	client.is("abort", `{"buffer":"c"}`, `{}`)
	client.fails("write_frame", `{"size":0,"seed":7}`, "invalid_frame_size")
	client.fails("write_frame", `{"size":1009,"seed":7}`, "frame_too_large")

	server.is("read_frame", `{"hold":"h"}`, frame(1, 20, 7))
	server.is("reread_frame", `{"hold":"h"}`, frame(1, 20, 7))
	server.is("read_frame", `{}`, frame(2, 30, 9))
	server.is("release_frame", `{"hold":"h"}`, `{}`)
	server.is("release_frame", `{"hold":"h"}`, `{}`)
	server.fails("reread_frame", `{"hold":"h"}`, "frame_released")
	server.fails("read_frame", `{"timeout_ms":1}`, "timeout")
	server.fails("reread_frame", `{"hold":"nothing"}`, agentproto.ErrorUnexpected)

	// Five frames of 10, 13, 16, 10 + (9 mod 10), 10 + (12 mod 10) bytes.
	var all []byte
	for k, size := range []uint64{10, 13, 16, 19, 12} {
		all = append(all, pattern(size, uint64(100+k))...)
	}
	want := fmt.Sprintf(`{"count":5,"bytes":70,"crc32":%d,"first_sequence":3,"last_sequence":7}`, crc32.ChecksumIEEE(all))
	for _, acquire := range []string{"true", "false"} {
		client.is("stream", `{"count":5,"least":10,"first_size":0,"size_step":3,"size_modulo":10,"seed":100,"acquire":`+acquire+`}`, want)
		server.is("drain", `{"count":5,"hold":2}`, want)
		want = fmt.Sprintf(`{"count":5,"bytes":70,"crc32":%d,"first_sequence":8,"last_sequence":12}`, crc32.ChecksumIEEE(all))
	}
	server.fails("drain", `{"count":1,"timeout_ms":1}`, "timeout")
	client.is("close", `{}`, `{}`)
	client.fails("write_frame", `{"size":1,"seed":1}`, "closed")
	server.fails("read_frame", `{}`, "writer_dead")
	server.is("close", `{}`, `{}`)
	server.fails("read_frame", `{}`, "closed")
	server.is("reset", `{}`, `{}`)
	client.is("reset", `{}`, `{}`)
}

func TestDuplexOperationsOnV1(t *testing.T) {
	name := newName(t)
	server, client := run(t, agentproto.RoleServer), run(t, agentproto.RoleClient)
	server.fails("create", `{"name":"`+name+`","protocol":"v1","workers":2}`, "invalid_argument")
	server.fails("create", `{"name":"`+name+`","protocol":"v3"}`, agentproto.ErrorUnexpected)
	server.is("create_reader", `{"name":"`+name+`"}`, `{}`) // which create closes
	server.is("create", `{"name":"`+name+`","protocol":"v1","payload_size":4096,"metadata_size":64}`, `{}`)
	server.is("set_metadata", `{"size":3,"seed":1}`, `{}`)
	server.is("start", `{}`, `{}`)
	client.is("connect", `{"name":"`+name+`","response_payload_size":2048,"response_metadata_size":64}`, `{}`)
	client.is("call", `{"size":4,"seed":0}`, answered(1, 0xff, 0xfe, 0xfd, 0xfc))
	client.is("get_metadata", `{}`, fmt.Sprintf(`{"written":true,"size":3,"crc32":%d}`, crc32.ChecksumIEEE(pattern(3, 1))))
	client.fails("call", `{"size":4,"seed":0,"opcode":1}`, "invalid_argument")
	server.is("set_handler", `{"handler":"fail","code":3,"message":"no"}`, `{}`)
	client.is("call", `{"size":1,"seed":0}`, answered(2, 'n', 'o'))
	server.is("set_handler", `{"handler":"echo"}`, `{}`)
	client.is("exchange", `{"count":10,"first_size":1,"size_step":0,"size_modulo":2,"seed":0,"window":3}`,
		fmt.Sprintf(`{"count":10,"bytes":10,"crc32":%d,"first_sequence":3,"last_sequence":12}`, crc32.ChecksumIEEE(pattern(10, 0))))
	client.is("connected", `{}`, `{"connected":true}`)
	server.is("stop", `{"timeout_ms":1000}`, `{}`)
	client.is("connected", `{}`, `{"connected":false}`)
	client.is("close", `{}`, `{}`)
}
