// Package agent is the conformance agent of the Go SDK.
package agent

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	zeroduplex "github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/layout"
)

// operation runs one operation and returns its result, a generated message.
type operation func(args json.RawMessage) (any, error)

// op makes an operation from a function of decoded arguments.
func op[A agentproto.Record, R any](run func(A) (R, error)) operation {
	return func(args json.RawMessage) (any, error) {
		decoded, err := agentproto.Decode[A](args)
		if err != nil {
			return nil, err
		}
		return run(decoded)
	}
}

// role is a server or a client.
type role interface {
	operations() map[string]operation
	reset()
}

// Run answers requests until in ends. An error means that the runner did not speak the protocol.
func Run(name string, in io.Reader, out io.Writer) error {
	var r role
	switch name {
	case agentproto.RoleServer:
		r = newServer()
	case agentproto.RoleClient:
		r = newClient()
	default:
		return fmt.Errorf("unknown role %q", name)
	}
	operations := r.operations()
	operations[agentproto.OpDump] = op(dump)
	operations[agentproto.OpReset] = op(func(agentproto.ResetArgs) (empty, error) { r.reset(); return empty{}, nil })
	var writing sync.Mutex
	write := func(message any) {
		writing.Lock()
		defer writing.Unlock()
		if err := agentproto.Write(out, message); err != nil {
			log.Fatal("writing: ", err)
		}
	}
	write(hello(name))
	for {
		content, err := agentproto.Read(in)
		if errors.Is(err, io.EOF) {
			r.reset()
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
			go func() { write(answer(operations, request)) }()
		} else {
			write(answer(operations, request))
		}
	}
}

type empty = agentproto.EmptyReport

func hello(name string) agentproto.Hello {
	h := agentproto.Hello{
		Type: agentproto.TypeHello, ProtocolVersion: agentproto.ProtocolVersion, Agent: "go", Language: "go", SdkVersion: version(), Role: name,
		Structs: []agentproto.StructLayout{}, Capabilities: []string{},
	}
	for _, s := range layout.Structs() {
		fields := []agentproto.FieldLayout{}
		for _, f := range s.Fields {
			fields = append(fields, agentproto.FieldLayout(f))
		}
		h.Structs = append(h.Structs, agentproto.StructLayout{Name: s.Name, Size: s.Size, Fields: fields})
	}
	return h
}

// version is the module's, which is a release's only in programs built from a released module.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

func answer(operations map[string]operation, request agentproto.AgentRequest) (response agentproto.AgentResponse) {
	response = agentproto.AgentResponse{Type: agentproto.TypeResponse, Id: request.Id}
	run, known := operations[request.Op]
	if !known {
		response.Outcome = agentproto.OutcomeUnsupported
		return response
	}
	log.Printf("%s: %d %s %s", request.Case, request.Id, request.Op, request.Args)
	result, err := protected(run, request.Args)
	if err == nil {
		response.Result, err = json.Marshal(result)
	}
	if err != nil {
		log.Printf("%s: %d failed: %v", request.Case, request.Id, err)
		response.Outcome, response.Error = agentproto.OutcomeError, failure(err)
		return response
	}
	response.Outcome = agentproto.OutcomeOk
	return response
}

// protected turns the SDK's panics, which misuse of a view gives, into errors.
func protected(run operation, args json.RawMessage) (result any, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			if e, ok := caught.(error); ok {
				err = e
			} else {
				err = fmt.Errorf("panic: %v", caught)
			}
		}
	}()
	return run(args)
}

func failure(err error) *agentproto.Failure {
	f := &agentproto.Failure{Name: agentproto.ErrorUnexpected, Message: err.Error()}
	var handler *zeroduplex.HandlerError
	var sdk *zeroduplex.Error
	switch {
	case errors.As(err, &handler):
		code := zeroduplex.ErrorCodeHandlerFailed
		if errors.Is(err, zeroduplex.ErrResponseTooLarge) {
			code = zeroduplex.ErrorCodeResponseTooLarge
		}
		status := int64(handler.Status)
		f.Name, f.Code, f.Sequence, f.Status, f.HandlerMessage = code.String(), uint64(code), &handler.Sequence, &status, &handler.Message
	case errors.As(err, &sdk):
		f.Name, f.Code = sdk.Code.String(), uint64(sdk.Code)
	}
	return f
}

func dump(args agentproto.DumpArgs) (agentproto.DumpReport, error) {
	content, err := os.ReadFile(filepath.Join("/dev/shm", args.Name))
	return agentproto.DumpReport{Data: base64.StdEncoding.EncodeToString(content)}, err
}

// given applies an optional argument.
func given[T, O any](options []O, value *T, make func(T) O) []O {
	if value == nil {
		return options
	}
	return append(options, make(*value))
}

func milliseconds(n uint64) time.Duration { return time.Duration(n) * time.Millisecond }

// waiting reads an optional wait strategy.
func waiting(name *string) (*zeroduplex.WaitStrategy, error) {
	if name == nil {
		return nil, nil
	}
	w, err := zeroduplex.ParseWaitStrategy(*name)
	return &w, err
}

// sized changes the sizes of a configuration that are given.
func sized(config zeroduplex.BufferConfig, metadata, payload *uint64) zeroduplex.BufferConfig {
	if metadata != nil {
		config.MetadataSize = *metadata
	}
	if payload != nil {
		config.PayloadSize = *payload
	}
	return config
}

// kept looks something up by its name.
func kept[T any](things map[string]T, name string) (T, error) {
	thing, ok := things[name]
	if !ok {
		return thing, fmt.Errorf("nothing is kept under %q", name)
	}
	return thing, nil
}

func value[T any](p *T) T {
	var v T
	if p != nil {
		v = *p
	}
	return v
}
