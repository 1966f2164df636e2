package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
	"github.com/zeroduplex/zeroduplex/conformance/internal/suite"
	"github.com/zeroduplex/zeroduplex/conformance/internal/value"
)

// arguments of an own operation, resolved.
type arguments map[string]any

func (a arguments) number(name string) uint64 { n, _ := a[name].(uint64); return n }
func (a arguments) text(name string) string   { s, _ := a[name].(string); return s }

func (a arguments) flag(name string, otherwise bool) bool {
	if b, ok := a[name].(bool); ok {
		return b
	}
	return otherwise
}

func (a arguments) pointer(name string) *uint64 {
	if n, ok := a[name].(uint64); ok {
		return &n
	}
	return nil
}

// list is a list of strings, or a single one, with a default.
func (a arguments) list(name string, otherwise ...string) []string {
	if text, ok := a[name].(string); ok {
		return []string{text}
	}
	elements, ok := a[name].([]any)
	if !ok {
		return otherwise
	}
	texts := []string{}
	for _, e := range elements {
		texts = append(texts, fmt.Sprint(e))
	}
	return texts
}

// or is a number with a default.
func (a arguments) or(name string, otherwise uint64) uint64 {
	if n, ok := a[name].(uint64); ok {
		return n
	}
	return otherwise
}

func (x *execution) own(actor, operation string, args map[string]any) (any, error) {
	switch actor {
	case "raw":
		return x.raw(operation, args)
	case "raw_buffer":
		return x.rawBufferOperation(&x.rawBuffer, operation, args)
	case "raw_request":
		return x.rawBufferOperation(&x.rawRequest, operation, args)
	default:
		return x.runner(operation, args)
	}
}

func (x *execution) runner(operation string, given map[string]any) (any, error) {
	a := arguments(given)
	name := a.text("name")
	switch operation {
	case "kill", "pause", "resume":
		return nil, x.signal(operation, a.text("actor"))
	case "segment":
		return segment.Read(name)
	case "frame":
		return segment.ReadFrame(name, a.number("position"))
	case "semaphore":
		return segment.ReadSemaphore(name, a.text("which"))
	case "until":
		return nil, x.until(func() (any, error) { return segment.ReadField(name, a.text("at"), a.number("position")) }, a["is"], a)
	case "sleeper":
		return nil, x.until(func() (any, error) { return segment.ReadSemaphore(name, a.text("which")) },
			map[string]any{"waiters": map[string]any{"least": uint64(1)}}, a)
	case "files":
		found, err := segment.Leftovers(name)
		return map[string]any{"count": uint64(len(found)), "names": strings.Join(found, " ")}, err
	case "place":
		x.orphaned = true
		return nil, segment.Place(name, a.text("kind"), a.text("what"), a.or("size", 4096), a.number("identity"), a.number("pid"), a.or("mode", 0o600))
	case "remove":
		return nil, segment.Remove(name, a.text("what"))
	case "buffer":
		return segment.ReadBuffer(name)
	case "buffer_frame":
		return segment.ReadBufferFrame(name, a.number("position"))
	case "locks":
		return segment.ReadLocks(name)
	case "appears":
		return nil, segment.WatchCreation(name, x.limit(a))
	case "scan":
		removed, err := segment.Scan(name)
		return map[string]any{"removed": removed}, err
	case "owner":
		files, err := segment.Leftovers(x.channel)
		for _, f := range files {
			if strings.HasPrefix(f, "/dev/shm/") {
				err = errors.Join(err, os.Lchown(f, int(a.number("uid")), int(a.number("uid"))))
			}
		}
		return nil, err
	case "demand":
		if problem := value.Match(a["is"], a["value"]); problem != "" {
			return nil, errors.New(problem)
		}
		return nil, nil
	case "dump":
		return nil, x.dump(a)
	case "same_dump":
		return nil, x.sameDump(a)
	case "offsets":
		return x.offsets(a.text("actor"), a.list("structs", "oieb_v2", "frame_header_v2"))
	case "process":
		agent, err := x.agent(a.text("actor"))
		if err != nil {
			return nil, err
		}
		return processState(agent.Pid())
	default:
		return nil, fmt.Errorf("runner.%s is in the table but nowhere else", operation)
	}
}

func (x *execution) raw(operation string, given map[string]any) (any, error) {
	a := arguments(given)
	position := a.number("position")
	switch operation {
	case "build":
		x.orphaned = true
		return nil, x.peer.Build(a.text("name"), segment.Building{
			MetadataRequest: a.or("metadata_request", 16), MetadataResponse: a.number("metadata_response"), Payload: a.or("payload", 1024),
			PayloadResponse: a.pointer("payload_response"), Length: a.pointer("length"), Identity: a.pointer("identity"),
			IdentityResponse: a.pointer("identity_response"), Lock: a.flag("lock", true), Semaphores: a.flag("semaphores", true),
			Mode: fs.FileMode(a.or("mode", 0o600)),
		})
	case "open":
		return nil, x.peer.Open(a.text("name"))
	case "lock":
		return nil, x.peer.Lock(a.number("byte"), a.flag("expect_held", false))
	case "unlock":
		return nil, x.peer.Unlock(a.number("byte"))
	case "set":
		return nil, x.peer.Set(a.text("at"), position, a.number("to"))
	case "get":
		v, err := x.peer.Get(a.text("at"), position)
		return map[string]any{"value": v}, err
	case "until":
		return nil, x.peer.Until(a.text("at"), position, a.number("is"), x.limit(a))
	case "header":
		return nil, x.peer.Header(position, headerOf(a))
	case "data":
		return nil, x.peer.Data(position, a.number("size"), a.number("seed"))
	case "check":
		return nil, x.peer.Check(position, a.number("size"), a.number("seed"), a.flag("xor", false))
	case "post":
		return nil, x.peer.Post(a.text("name"), a.text("which"))
	case "attach":
		return nil, x.peer.Attach(a.text("name"), x.limit(a))
	case "publish":
		return nil, x.peer.Publish(position, a.number("size"), a.number("seed"), headerOf(a))
	case "take":
		return nil, x.peer.Take(position)
	case "flip":
		return nil, x.peer.Flip(a.text("at"), position, a.number("one"), a.number("other"), a.number("times"))
	case "answer":
		return nil, x.peer.Answer(position, a.pointer("state"), a.pointer("status"), a.pointer("payload_size"))
	case "fuzz":
		n, err := x.scope.Evaluate("random(0xFFFFFFFFFFFFFFFF)")
		if err != nil {
			return nil, err
		}
		return nil, x.peer.Fuzz(position, a.number("size"), n.(uint64))
	case "unlink":
		return nil, os.Remove(segment.Path(a.text("name")))
	case "crash":
		return nil, x.peer.Crash()
	default:
		return nil, fmt.Errorf("raw.%s is in the table but nowhere else", operation)
	}
}

func headerOf(a arguments) segment.Header {
	h := segment.Header{}
	for name, v := range a {
		if n, ok := v.(uint64); ok && !slices.Contains([]string{"position", "size", "seed"}, name) {
			h[name] = n
		}
	}
	return h
}

// limit is the time an own operation may wait: what the suite says, else what is left of the case.
func (x *execution) limit(a arguments) time.Duration {
	left := time.Until(x.deadline)
	if ms := a.pointer("timeout_ms"); ms != nil {
		return min(left, time.Duration(*ms)*time.Millisecond)
	}
	return left
}

// until looks again and again: there is nothing else to wait on for somebody who only reads files.
func (x *execution) until(look func() (any, error), is any, a arguments) error {
	deadline := time.Now().Add(x.limit(a))
	for {
		got, err := look()
		problem := ""
		if err == nil {
			problem = value.Match(is, got)
		}
		switch {
		case err == nil && problem == "":
			return nil
		case time.Now().After(deadline) && err != nil:
			return err
		case time.Now().After(deadline):
			return fmt.Errorf("it never came true: %s", problem)
		}
		runtime.Gosched()
		time.Sleep(200 * time.Microsecond)
	}
}

func (x *execution) signal(operation, actor string) error {
	agent, err := x.agent(actor)
	if err != nil {
		return err
	}
	switch operation {
	case "kill":
		if suite.Agents[actor] == agentproto.RoleServer {
			x.orphaned = true
		} else {
			x.orphanedResponse = true
		}
		delete(x.paused, actor)
		for _, call := range x.background {
			if x.owner[call] == x.used[actor] {
				x.killed[call] = true
			}
		}
		x.pool.drop(x.used[actor])
		return nil
	case "pause":
		if err := agent.Signal(syscall.SIGSTOP); err != nil {
			return err
		}
		x.paused[actor] = true
		return x.until(func() (any, error) {
			state, err := processState(agent.Pid())
			return state, err
		}, map[string]any{"state": "T"}, nil)
	default:
		delete(x.paused, actor)
		return agent.Signal(syscall.SIGCONT)
	}
}
