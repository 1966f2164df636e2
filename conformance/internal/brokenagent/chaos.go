package brokenagent

import (
	"encoding/json"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
)

// Faults that show only when peers die, are stopped, or live for long: the chaos runner's tests demand that it sees each.
const (
	LateNews         Fault = "late-news"         // tells long after it happened that the server is gone
	WrongNews        Fault = "wrong-news"        // calls the server's death a timeout
	BelievesInGhosts Fault = "believes-ghosts"   // has an answer from a server that is gone
	SlowSuccessor    Fault = "slow-successor"    // takes long for what comes after connecting
	RepeatsNumber    Fault = "repeats-number"    // gives every call the sequence number 1
	ShortLoop        Fault = "short-loop"        // makes one round trip less than it was asked to
	Blind            Fault = "blind"             // does not look at the content of responses
	WrongContent     Fault = "wrong-content"     // finds wrong bytes in a response
	Surplus          Fault = "surplus"           // receives what nobody asked for
	FearsPauses      Fault = "fears-pauses"      // takes a stopped server for a dead one
	TakesOver        Fault = "takes-over"        // attaches beside a stopped client
	HandlesTwice     Fault = "handles-twice"     // gives a handler the same request twice
	LeaksDescriptors Fault = "leaks-descriptors" // keeps a descriptor for each attachment
	LeaksMappings    Fault = "leaks-mappings"    // keeps the shared memory of each attachment
	LeaksMemory      Fault = "leaks-memory"      // keeps memory for each attachment
	LeaksThreads     Fault = "leaks-threads"     // keeps threads for each attachment
	LeavesObject     Fault = "leaves-object"     // makes an object more than it removes
)

// ChaosFaults lists them.
var ChaosFaults = []Fault{
	LateNews, WrongNews, BelievesInGhosts, SlowSuccessor, RepeatsNumber, ShortLoop, Blind, WrongContent, Surplus, FearsPauses, TakesOver, HandlesTwice,
	LeaksDescriptors, LeaksMappings, LeaksMemory, LeaksThreads, LeavesObject,
}

// tooLong is more than the tests of the chaos runner allow, and less than their patience.
const tooLong = 4 * time.Second

// kept is what leaks.
var kept [][]byte

// leak loses something when a request comes that makes the agent attach or create.
func (b *broken) leak(request agentproto.AgentRequest) {
	var target struct{ Name string }
	if json.Unmarshal(request.Args, &target) != nil || target.Name == "" {
		return
	}
	object := "/dev/shm/" + target.Name
	switch b.fault {
	case LeaksDescriptors:
		_, _ = syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0) // without a finalizer that would close it
	case LeaksMappings:
		if fd, err := syscall.Open(object, syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err == nil {
			mapped, _ := syscall.Mmap(fd, 0, 4096, syscall.PROT_READ, syscall.MAP_SHARED)
			kept = append(kept, mapped)
			syscall.Close(fd)
		}
	case LeaksMemory:
		memory := make([]byte, 16<<20)
		for i := range memory {
			memory[i] = 1
		}
		kept = append(kept, memory)
	case LeaksThreads:
		for range 4 {
			go func() {
				runtime.LockOSThread()
				select {}
			}()
		}
	case LeavesObject:
		_ = os.WriteFile(object+"-more", nil, 0o600)
	}
}

// blind takes away what asks for verification.
func (b *broken) blind(request *agentproto.AgentRequest) {
	var members map[string]any
	if b.fault == Blind && request.Op == agentproto.OpExchange && json.Unmarshal(request.Args, &members) == nil {
		delete(members, "verify")
		request.Args, _ = json.Marshal(members)
	}
}

// ok makes a response say that all went well.
func ok(response *agentproto.AgentResponse, result string) {
	response.Outcome, response.Error, response.Result = agentproto.OutcomeOk, nil, json.RawMessage(result)
}

const someFrame = `{"sequence":1,"size":0,"opcode":0,"status":0,"capacity":0,"one_way":false,"crc32":0,"head":""}`

// chaos changes an answer.
func (b *broken) chaos(op string, response *agentproto.AgentResponse) {
	failed := func(name string) bool { return response.Error != nil && response.Error.Name == name }
	fine := func(name string) bool { return op == name && response.Error == nil }
	switch {
	case b.fault == LateNews && failed("server_dead"):
		time.Sleep(tooLong)
	case b.fault == WrongNews && failed("server_dead"):
		response.Error.Name = "timeout"
	case b.fault == BelievesInGhosts && op == agentproto.OpCall && failed("server_dead"):
		ok(response, someFrame)
	case b.fault == SlowSuccessor && fine(agentproto.OpConnect):
		time.Sleep(tooLong)
	case b.fault == RepeatsNumber && fine(agentproto.OpCall):
		edit(response, "sequence", 1)
	case b.fault == ShortLoop && fine(agentproto.OpExchange):
		edit(response, "count", 1)
	case b.fault == WrongContent && fine(agentproto.OpExchange):
		response.Outcome = agentproto.OutcomeError
		response.Error = &agentproto.Failure{Name: agentproto.ErrorUnexpected, Message: "byte 3 is wrong"}
	case b.fault == Surplus && op == agentproto.OpReceive && failed("timeout"):
		ok(response, someFrame)
	case b.fault == FearsPauses && fine(agentproto.OpConnected):
		ok(response, `{"connected":false}`)
	case b.fault == TakesOver && op == agentproto.OpConnect && failed("writer_already_connected"):
		ok(response, "{}")
	case b.fault == HandlesTwice && fine(agentproto.OpWaitHandled):
		var handled agentproto.HandledReport
		if json.Unmarshal(response.Result, &handled) == nil && len(handled.Frames) > 1 {
			handled.Frames = append(handled.Frames, handled.Frames[len(handled.Frames)-1])
			response.Result, _ = json.Marshal(handled)
		}
	}
}

// edit changes a number of a result.
func edit(response *agentproto.AgentResponse, field string, value int) {
	var members map[string]any
	if json.Unmarshal(response.Result, &members) == nil {
		members[field] = value
		response.Result, _ = json.Marshal(members)
	}
}
