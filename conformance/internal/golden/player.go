package golden

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agents"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

// patience is how long an agent may take for a step.
const patience = 20 * time.Second

// readTimeout is how long the recorded readers waited, in milliseconds.
const readTimeout = 400

// player performs the steps of one scenario with two agents.
type player struct {
	scenario     string
	channel      string
	agents       map[string]*agents.Process // by role
	frames       int                        // read so far
	writeTimeout *uint64
}

// call is what an agent is asked for a step.
type call struct {
	role, op string
	args     map[string]any
}

// outcome is what came of a step: an error's name, or a result.
type outcome struct {
	failure string
	message string
	result  json.RawMessage
}

// perform does a step. The names of operations are those of the manifests.
func (p *player) perform(s *Step) (outcome, error) {
	name := func(suffix string) map[string]any { return map[string]any{"name": p.channel + suffix} }
	with := func(args map[string]any, keys ...string) map[string]any {
		for i := 0; i < len(keys); i += 2 {
			if v, ok := s.Args[keys[i]]; ok {
				args[keys[i+1]] = v
			}
		}
		return args
	}
	server, client := agentproto.RoleServer, agentproto.RoleClient
	var c call
	switch op := strings.TrimPrefix(s.Actor+" "+s.Op, " "); op {
	case "reader create":
		c = call{server, agentproto.OpCreateReader, with(name(""), "metadata_size", "metadata_size", "payload_size", "payload_size")}
	case "writer connect":
		c = call{client, agentproto.OpConnectWriter, name("")}
	case "writer set_metadata", "client_set_metadata":
		c = call{client, agentproto.OpSetMetadata, with(map[string]any{}, "size", "size", "seed", "seed")}
	case "reader get_metadata":
		c = call{server, agentproto.OpGetMetadata, map[string]any{}}
	case "writer timeout":
		ms := s.Args["ms"]
		p.writeTimeout = &ms
		return outcome{}, nil
	case "writer write":
		c = call{client, agentproto.OpWriteFrame, p.patient(with(map[string]any{}, "size", "size", "seed", "seed"))}
	case "writer acquire":
		c = call{client, agentproto.OpAcquireFrame, p.patient(with(map[string]any{"buffer": "b"}, "size", "size"))}
	case "writer fill":
		c = call{client, agentproto.OpFill, with(map[string]any{"buffer": "b"}, "seed", "seed")}
	case "writer commit":
		c = call{client, agentproto.OpCommitFrame, map[string]any{"buffer": "b"}}
	case "reader read":
		c = call{server, agentproto.OpReadFrame, map[string]any{"hold": fmt.Sprintf("f%d", p.frames), "timeout_ms": uint64(readTimeout)}}
		o, err := p.ask(c)
		if o.failure == "" {
			p.frames++
		}
		return o, err
	case "reader release":
		c = call{server, agentproto.OpReleaseFrame, map[string]any{"hold": fmt.Sprintf("f%d", s.Args["frame_index"])}}
	case "reader close":
		c = call{server, agentproto.OpClose, map[string]any{}}
	case "client_close":
		c = call{client, agentproto.OpClose, map[string]any{}}
	case "writer kill":
		p.agents[client].Kill()
		delete(p.agents, client)
		return outcome{}, nil
	case "server_start":
		args := with(name(""), "meta", "metadata_size", "payload", "payload_size")
		args["protocol"] = "v1"
		if o, err := p.ask(call{server, agentproto.OpCreate, args}); err != nil || o.failure != "" {
			return o, err
		}
		c = call{server, agentproto.OpStart, map[string]any{}}
	case "client_connect":
		c = call{client, agentproto.OpConnect, with(name(""), "meta", "response_metadata_size", "payload", "response_payload_size")}
	case "client_send":
		c = call{client, agentproto.OpSend, with(map[string]any{}, "size", "size", "seed", "seed")}
	case "client_receive+release":
		c = call{client, agentproto.OpReceive, map[string]any{}}
	default:
		return outcome{}, fmt.Errorf("nobody knows how to perform %q", op)
	}
	return p.ask(c)
}

// patient adds the time that was set for writes.
func (p *player) patient(args map[string]any) map[string]any {
	if p.writeTimeout != nil {
		args["timeout_ms"] = *p.writeTimeout
	}
	return args
}

func (p *player) ask(c call) (outcome, error) {
	agent := p.agents[c.role]
	if agent == nil {
		return outcome{}, fmt.Errorf("the %s was killed in an earlier step", c.role)
	}
	request := agent.Begin("golden/"+p.scenario, c.op, false, c.args)
	select {
	case <-request.Done():
	case <-time.After(patience):
		// It is of no more use, here and in other scenarios.
		agent.Kill()
		delete(p.agents, c.role)
		return outcome{}, fmt.Errorf("the %s has not answered %s within %v", c.role, c.op, patience)
	}
	if request.Err != nil {
		return outcome{}, request.Err
	}
	switch r := request.Response; r.Outcome {
	case agentproto.OutcomeOk:
		return outcome{result: r.Result}, nil
	case agentproto.OutcomeError:
		return outcome{failure: r.Error.Name, message: r.Error.Message}, nil
	default:
		return outcome{}, fmt.Errorf("the %s does not support %s", c.role, c.op)
	}
}

// errorNames are our names of the recorded exceptions.
var errorNames = map[string]string{
	"BufferFullException": "buffer_full", "ReaderDeadException": "reader_dead", "WriterDeadException": "writer_dead",
}

// judge compares what came of a step with the result that is expected: one of the manifest's, or an error's name.
func judge(want string, got outcome) error {
	kind, rest, _ := strings.Cut(want, " ")
	failure := ""
	switch kind {
	case "ok", "killed", "meta", "frame":
	case "none":
		failure = "timeout"
	case "err":
		exception, _, _ := strings.Cut(rest, ":  ")
		exception, _, _ = strings.Cut(strings.TrimPrefix(exception, "zerobuffer::"), ":")
		if failure = errorNames[exception]; failure == "" {
			return fmt.Errorf("nobody knows what %q is here", want)
		}
	default:
		failure = want
	}
	if got.failure != failure {
		return fmt.Errorf("it should have given %s, it gave %s %s", or(failure, "no error"), or(got.failure, "no error"), got.message)
	}
	if failure != "" {
		return nil
	}
	return judgeResult(kind, numbers(rest), got.result)
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// numbers are the key=value parts of a result; a number alone has the key "".
func numbers(text string) map[string]uint64 {
	all := map[string]uint64{}
	for _, word := range strings.Fields(text) {
		key, value, named := strings.Cut(word, "=")
		if !named {
			key, value = "", word
		}
		if n, err := strconv.ParseUint(value, 10, 64); err == nil {
			all[key] = n
		}
	}
	return all
}

func judgeResult(kind string, want map[string]uint64, result json.RawMessage) error {
	var got struct {
		Sequence uint64
		Size     uint64
		Head     string
		Crc32    uint64
		Written  bool
	}
	if result != nil {
		if err := json.Unmarshal(result, &got); err != nil {
			return err
		}
	}
	var errs []error
	check := func(what string, want, got uint64) {
		if want != got {
			errs = append(errs, fmt.Errorf("%s is %d, not %d", what, got, want))
		}
	}
	if sequence, ok := want["seq"]; ok {
		check("the sequence number", sequence, got.Sequence)
	}
	switch kind {
	case "meta":
		check("the size of the metadata", want[""], got.Size)
	case "frame":
		check("the size", want["size"], got.Size)
		first, err := hex.DecodeString(got.Head)
		if err != nil || len(first) == 0 {
			return errors.Join(err, errors.New("the frame has no first byte"))
		}
		check("the first byte", want["first"], uint64(first[0]))
		data := make([]byte, want["size"])
		for i := range data {
			data[i] = byte(want["first"] + uint64(i)*or64(want["step"], 1))
		}
		check("the CRC of the data", uint64(crc32.ChecksumIEEE(data)), got.Crc32)
	}
	return errors.Join(errs...)
}

func or64(n, otherwise uint64) uint64 {
	if n == 0 {
		return otherwise
	}
	return n
}

// reset ends what the agents have, and says what is left of the scenario.
func (p *player) reset() error {
	var errs []error
	for role := range p.agents {
		if o, err := p.ask(call{role, agentproto.OpReset, map[string]any{}}); err != nil || o.failure != "" {
			errs = append(errs, fmt.Errorf("resetting the %s: %w %s", role, err, o.failure))
		}
	}
	files, err := segment.Leftovers(p.channel)
	if len(files) > 0 {
		errs = append(errs, fmt.Errorf("files are left: %s", strings.Join(files, " ")), segment.RemoveAll(files))
	}
	return errors.Join(append(errs, err)...)
}
