// Package brokenagent is the Go agent with one fault put between it and the runner. The runner's own tests demand that each fault turns
// a run red: a harness that cannot tell a broken agent from a good one proves nothing.
package brokenagent

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/zeroduplex/zeroduplex/conformance/agents/go/agent"
	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
)

// Fault is what is wrong with an agent.
type Fault string

// The faults. Those of calls come at the first call.
const (
	None           Fault = "none"
	WrongOffset    Fault = "wrong-offset"     // says that a field is where it is not
	MissingField   Fault = "missing-field"    // says nothing of a field
	WrongVersion   Fault = "wrong-version"    // speaks another agent protocol
	NoHello        Fault = "no-hello"         // ends before it said who it is
	DroppedByte    Fault = "dropped-byte"     // sends a byte less than it was asked to
	WrongByte      Fault = "wrong-byte"       // sends another pattern
	AnswersTwice   Fault = "answers-twice"    // writes a response twice
	WrongID        Fault = "wrong-id"         // answers what was never asked
	Hangs          Fault = "hangs"            // never answers
	Deaf           Fault = "deaf"             // never answers, and ignores SIGTERM and the end of its input
	DiesSilently   Fault = "dies-silently"    // exits with code 0 instead of answering
	DiesLoudly     Fault = "dies-loudly"      // ends by a signal instead of answering
	LiesOk         Fault = "lies-ok"          // says ok to operations that it does not know
	EmptyOk        Fault = "empty-ok"         // says ok without a result
	Garbage        Fault = "garbage"          // writes something that is no JSON
	CutOff         Fault = "cut-off"          // writes half a message and ends
	LeavesFiles    Fault = "leaves-files"     // does not clean up
	WrongErrorCode Fault = "wrong-error-code" // gives an error another code than the spec
	UnexpectedFail Fault = "unexpected"       // fails for reasons of its own
	Unsupported    Fault = "unsupported"      // says unsupported to what it must know
)

// Faults lists all faults.
var Faults = []Fault{
	WrongOffset, MissingField, WrongVersion, NoHello, DroppedByte, WrongByte, AnswersTwice, WrongID, Hangs, Deaf, DiesSilently, DiesLoudly,
	LiesOk, EmptyOk, Garbage, CutOff, LeavesFiles, WrongErrorCode, UnexpectedFail, Unsupported,
}

// Run is an agent with a fault.
func Run(fault Fault, role string, in io.Reader, out io.Writer) error {
	if fault == Deaf {
		ignoreTermination()
	}
	toAgent, requests := io.Pipe()
	responses, fromAgent := io.Pipe()
	b := &broken{fault: fault, out: out, asked: map[uint64]string{}}
	go func() {
		requests.CloseWithError(b.forward(in, requests))
	}()
	go func() {
		err := agent.Run(role, toAgent, fromAgent)
		fromAgent.CloseWithError(err)
	}()
	return b.back(responses)
}

type broken struct {
	fault Fault
	out   io.Writer
	mu    sync.Mutex
	asked map[uint64]string // operation by id
}

// forward passes requests on, some of them changed.
func (b *broken) forward(in io.Reader, requests io.Writer) error {
	for {
		content, err := agentproto.Read(in)
		if err != nil {
			if b.fault == Deaf {
				select {} // the end of the input is nothing to us
			}
			return err
		}
		request, err := agentproto.Decode[agentproto.AgentRequest](content)
		if err != nil {
			return err
		}
		b.mu.Lock()
		b.asked[request.Id] = request.Op
		b.mu.Unlock()
		b.change(&request)
		b.blind(&request)
		b.leak(request)
		if b.swallow(request) {
			continue
		}
		if err := agentproto.Write(requests, request); err != nil {
			return err
		}
	}
}

func (b *broken) change(request *agentproto.AgentRequest) {
	if request.Op != agentproto.OpCall {
		return
	}
	args, err := agentproto.Decode[agentproto.CallArgs](request.Args)
	if err != nil {
		return // the agent says what is wrong
	}
	switch {
	case b.fault == DroppedByte && args.Size > 0:
		args.Size--
	case b.fault == WrongByte:
		args.Seed++
	default:
		return
	}
	if changed, err := json.Marshal(args); err == nil {
		request.Args = changed
	}
}

// swallow tells whether a request goes no further.
func (b *broken) swallow(request agentproto.AgentRequest) bool {
	calling := request.Op == agentproto.OpCall
	switch {
	case calling && (b.fault == Hangs || b.fault == Deaf):
	case calling && b.fault == DiesSilently:
		os.Exit(0)
	case calling && b.fault == DiesLoudly:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case b.fault == LeavesFiles && request.Op == agentproto.OpReset:
		b.write(agentproto.AgentResponse{
			Type: agentproto.TypeResponse, Id: request.Id, Outcome: agentproto.OutcomeOk, Result: json.RawMessage("{}"),
		})
	default:
		return false
	}
	return true
}

// back passes answers on, some of them changed.
func (b *broken) back(responses io.Reader) error {
	content, err := agentproto.Read(responses)
	if err != nil {
		return err
	}
	hello, err := agentproto.Decode[agentproto.Hello](content)
	if err != nil {
		return err
	}
	b.greet(hello)
	for {
		content, err := agentproto.Read(responses)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		response, err := agentproto.Decode[agentproto.AgentResponse](content)
		if err != nil {
			return err
		}
		b.mu.Lock()
		op := b.asked[response.Id]
		b.mu.Unlock()
		b.answer(op, response)
	}
}

func (b *broken) greet(hello agentproto.Hello) {
	fields := hello.Structs[1].Fields
	switch b.fault {
	case WrongOffset:
		fields[3].Offset += 4
	case MissingField:
		hello.Structs[1].Fields = slices.Delete(fields, 3, 4)
	case WrongVersion:
		hello.ProtocolVersion++
	case NoHello:
		os.Exit(0)
	}
	b.write(hello)
}

func (b *broken) answer(op string, response agentproto.AgentResponse) {
	calling := op == agentproto.OpCall
	b.chaos(op, &response)
	switch {
	case b.fault == LiesOk && response.Outcome == agentproto.OutcomeUnsupported:
		response.Outcome, response.Result = agentproto.OutcomeOk, json.RawMessage("{}")
	case b.fault == WrongErrorCode && response.Error != nil:
		response.Error.Code++
	case !calling:
	case b.fault == AnswersTwice:
		b.write(response)
	case b.fault == WrongID:
		response.Id += 1000
	case b.fault == EmptyOk:
		response.Result = nil
	case b.fault == Unsupported:
		response = agentproto.AgentResponse{Type: response.Type, Id: response.Id, Outcome: agentproto.OutcomeUnsupported}
	case b.fault == UnexpectedFail:
		response = agentproto.AgentResponse{
			Type: response.Type, Id: response.Id, Outcome: agentproto.OutcomeError,
			Error: &agentproto.Failure{Name: agentproto.ErrorUnexpected, Message: "out of luck"},
		}
	case b.fault == Garbage:
		fmt.Fprint(b.out, "\x05\x00\x00\x00hello")
		return
	case b.fault == CutOff:
		fmt.Fprint(b.out, "\xff\x00\x00\x00{")
		os.Exit(0)
	}
	b.write(response)
}

func (b *broken) write(message any) {
	if err := agentproto.Write(b.out, message); err != nil {
		os.Exit(2) // the runner has gone
	}
}
