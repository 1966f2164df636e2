package modelagent

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
	"github.com/zeroduplex/zeroduplex/conformance/witness"
)

// operation answers one operation.
type operation func(json.RawMessage) (any, error)

func op[A agentproto.Record, R any](run func(A) (R, error)) operation {
	return func(args json.RawMessage) (any, error) {
		decoded, err := agentproto.Decode[A](args)
		if err != nil {
			return nil, err
		}
		return run(decoded)
	}
}

type empty = agentproto.EmptyReport

// Run is an agent made of the model.
func Run(fault Fault, role string, in io.Reader, out io.Writer) error {
	reset, operations := newReading(fault).operations()
	if role == agentproto.RoleClient {
		reset, operations = newWriting(fault).operations()
	}
	operations[agentproto.OpReset] = op(func(agentproto.ResetArgs) (empty, error) { reset(); return empty{}, nil })
	operations[agentproto.OpDump] = op(func(a agentproto.DumpArgs) (agentproto.DumpReport, error) {
		content, err := os.ReadFile(segment.Path(a.Name))
		return agentproto.DumpReport{Data: base64.StdEncoding.EncodeToString(content)}, err
	})
	var writing sync.Mutex
	answer := func(message any) error {
		writing.Lock()
		defer writing.Unlock()
		return agentproto.Write(out, message)
	}
	if err := answer(hello(role)); err != nil {
		return err
	}
	for {
		content, err := agentproto.Read(in)
		if errors.Is(err, io.EOF) {
			reset()
			return nil
		}
		if err != nil {
			return err
		}
		request, err := agentproto.Decode[agentproto.AgentRequest](content)
		if err != nil {
			return err
		}
		if request.Background {
			go func() {
				if err := answer(response(operations, request)); err != nil {
					fmt.Fprintln(os.Stderr, err)
				}
			}()
		} else if err := answer(response(operations, request)); err != nil {
			return err
		}
	}
}

func response(operations map[string]operation, request agentproto.AgentRequest) agentproto.AgentResponse {
	r := agentproto.AgentResponse{Type: agentproto.TypeResponse, Id: request.Id, Outcome: agentproto.OutcomeUnsupported}
	run, known := operations[request.Op]
	if !known {
		return r
	}
	result, err := run(request.Args)
	if err == nil {
		r.Outcome = agentproto.OutcomeOk
		r.Result, err = json.Marshal(result)
	}
	if err != nil {
		r.Outcome, r.Error = agentproto.OutcomeError, report(err)
	}
	return r
}

// hello reports the witness itself: the model has no structs of its own.
func hello(role string) agentproto.Hello {
	h := agentproto.Hello{
		Type: agentproto.TypeHello, ProtocolVersion: agentproto.ProtocolVersion, Agent: "model", Language: "model", SdkVersion: "1", Role: role,
		Structs: []agentproto.StructLayout{}, Capabilities: []string{},
	}
	for name, s := range witness.Structs {
		layout := agentproto.StructLayout{Name: name, Size: s.Size, Fields: []agentproto.FieldLayout{}}
		for field, at := range s.Fields {
			layout.Fields = append(layout.Fields, agentproto.FieldLayout{Name: field, Offset: at[0], Width: at[1]})
		}
		h.Structs = append(h.Structs, layout)
	}
	return h
}
