package agent

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"sync"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	zeroduplex "github.com/zeroduplex/zeroduplex/go"
)

// seenLimit is how many frames are remembered.
const seenLimit = 256

type server struct {
	v1      reader
	mu      sync.Mutex
	changed sync.Cond // behaviours, let-go marks or counts changed
	channel zeroduplex.DuplexServer

	other      agentproto.SetHandlerArgs
	behaviours map[uint64]agentproto.SetHandlerArgs
	held       map[*hold]bool  // handlers that wait now
	letAllGo   bool            // later ones need not wait
	letGo      map[uint64]bool // nor need these
	handled    agentproto.HandledReport
}

// hold is a handler that waits to be let go. It has a mark of its own: what is forgotten meanwhile must not keep it.
type hold struct {
	sequence uint64
	free     bool
}

func newServer() *server {
	s := &server{held: map[*hold]bool{}}
	s.changed.L = &s.mu
	s.forget()
	return s
}

func (s *server) operations() map[string]operation {
	all := map[string]operation{
		agentproto.OpCreate:      op(s.create),
		agentproto.OpSetHandler:  op(s.setHandler),
		agentproto.OpStart:       op(s.start),
		agentproto.OpLetGo:       op(s.release),
		agentproto.OpWaitHandled: op(s.waitHandled),
		agentproto.OpSetMetadata: op(s.setMetadata),
		agentproto.OpGetMetadata: op(s.getMetadata),
		agentproto.OpStop: op(func(a agentproto.StopArgs) (empty, error) {
			return s.end(zeroduplex.DuplexServer.Stop, a.TimeoutMs)
		}),
		agentproto.OpClose: op(func(agentproto.CloseArgs) (empty, error) {
			if r := s.v1.get(); r != nil {
				return empty{}, r.Close()
			}
			return s.end(func(c zeroduplex.DuplexServer, _ time.Duration) error { return c.Close() }, 0)
		}),
		agentproto.OpCreateReader: op(func(a agentproto.CreateReaderArgs) (empty, error) {
			s.leave()
			return s.v1.create(a)
		}),
	}
	maps.Copy(all, s.v1.operations())
	return all
}

var errNoServer = errors.New("there is no server")

func (s *server) get() (zeroduplex.DuplexServer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channel == nil {
		return nil, errNoServer
	}
	return s.channel, nil
}

func (s *server) forget() {
	s.other = agentproto.SetHandlerArgs{Handler: agentproto.HandlerXor}
	s.behaviours, s.letGo, s.letAllGo = map[uint64]agentproto.SetHandlerArgs{}, map[uint64]bool{}, false
	s.handled = agentproto.HandledReport{Frames: []agentproto.FrameReport{}}
}

func (s *server) reset() {
	s.v1.reset()
	s.mu.Lock()
	s.free(nil)
	channel := s.channel
	s.channel = nil
	s.mu.Unlock()
	if channel != nil {
		_ = channel.Stop(0) // what is left over is the runner's to find
	}
	s.mu.Lock()
	s.forget()
	s.mu.Unlock()
}

// leave closes the channel or the reader that there is already.
func (s *server) leave() {
	s.v1.reset()
	s.mu.Lock()
	old := s.channel
	s.channel = nil
	s.handled = agentproto.HandledReport{Frames: []agentproto.FrameReport{}}
	s.mu.Unlock()
	if old != nil {
		_ = old.Stop(0) // as reset does
	}
}

func (s *server) create(a agentproto.CreateArgs) (empty, error) {
	s.leave()
	var options []zeroduplex.ServerOption
	options = given(options, a.Workers, func(n uint64) zeroduplex.ServerOption { return zeroduplex.WithWorkers(int(n)) })
	options = given(options, a.ResetTimeoutMs, func(n uint64) zeroduplex.ServerOption { return zeroduplex.WithResetTimeout(milliseconds(n)) })
	options = given(options, a.StopTimeoutMs, func(n uint64) zeroduplex.ServerOption { return zeroduplex.WithStopTimeout(milliseconds(n)) })
	options = given(options, a.Mode, func(n uint64) zeroduplex.ServerOption { return zeroduplex.WithMode(fs.FileMode(n)) })
	wait, err := waiting(a.Wait)
	if err != nil {
		return empty{}, err
	}
	options = given(options, wait, func(w zeroduplex.WaitStrategy) zeroduplex.ServerOption { return zeroduplex.WithWait(w) })
	channel, err := serverOf(a, options)
	if err != nil {
		return empty{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.channel = channel
	return empty{}, nil
}

// serverOf makes a server of the protocol that is asked for.
func serverOf(a agentproto.CreateArgs, options []zeroduplex.ServerOption) (zeroduplex.DuplexServer, error) {
	factory := zeroduplex.DefaultFactory()
	switch value(a.Protocol) {
	case "", "v2":
		return factory.CreateInPlaceDuplexServer(a.Name, sized(zeroduplex.DefaultBufferConfig(), a.MetadataSize, a.PayloadSize), options...)
	case "v1":
		return factory.CreateImmutableServer(a.Name, sized(zeroduplex.DefaultV1BufferConfig(), a.MetadataSize, a.PayloadSize), options...)
	}
	return nil, errors.New("unknown protocol " + *a.Protocol)
}

func (s *server) setHandler(a agentproto.SetHandlerArgs) (empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.Opcode == nil {
		s.other = a
	} else {
		s.behaviours[*a.Opcode] = a
	}
	s.letAllGo = false
	return empty{}, nil
}

func (s *server) start(agentproto.StartArgs) (empty, error) {
	channel, err := s.get()
	if err != nil {
		return empty{}, err
	}
	return empty{}, channel.Start(context.Background(), s.handle)
}

func (s *server) handle(f zeroduplex.Frame) error {
	seen := report(f.Data(), f.Sequence(), f.Opcode())
	seen.Capacity, seen.OneWay = uint64(f.Capacity()), f.OneWay()
	s.mu.Lock()
	b, ok := s.behaviours[uint64(f.Opcode())]
	if !ok {
		b = s.other
	}
	s.handled.Entered++
	s.handled.Frames = append(s.handled.Frames, seen)
	s.handled.Frames = s.handled.Frames[max(0, len(s.handled.Frames)-seenLimit):]
	s.changed.Broadcast()
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.handled.Left++
		s.changed.Broadcast()
		s.mu.Unlock()
	}()
	return s.behave(b, f)
}

func (s *server) behave(b agentproto.SetHandlerArgs, f zeroduplex.Frame) error {
	switch b.Handler {
	case agentproto.HandlerXor:
		invert(f.Data())
	case agentproto.HandlerEcho:
	case agentproto.HandlerFail:
		code := int32(1)
		if b.Code != nil {
			code = int32(*b.Code)
		}
		return zeroduplex.Failure(code, value(b.Message))
	case agentproto.HandlerThrow:
		panic(value(b.Message))
	case agentproto.HandlerResize:
		if err := f.Resize(int(value(b.Size))); err != nil {
			return err
		}
		fill(f.Data(), f.Sequence())
	case agentproto.HandlerHold:
		s.wait(f.Sequence())
		invert(f.Data())
	default:
		return errors.New("unknown handler " + b.Handler)
	}
	return nil
}

func (s *server) wait(sequence uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := &hold{sequence: sequence, free: s.letAllGo || s.letGo[sequence]}
	s.held[h] = true
	for !h.free {
		s.changed.Wait()
	}
	delete(s.held, h)
}

// free lets handlers go, now and later: one, or with nil all; mu is held.
func (s *server) free(sequence *uint64) {
	for h := range s.held {
		h.free = h.free || sequence == nil || h.sequence == *sequence
	}
	if sequence == nil {
		s.letAllGo = true
	} else {
		s.letGo[*sequence] = true
	}
	s.changed.Broadcast()
}

func (s *server) release(a agentproto.LetGoArgs) (empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free(a.Sequence)
	return empty{}, nil
}

func (s *server) waitHandled(a agentproto.WaitHandledArgs) (agentproto.HandledReport, error) {
	deadline := time.Now().Add(milliseconds(a.TimeoutMs))
	timer := time.AfterFunc(milliseconds(a.TimeoutMs), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.changed.Broadcast()
	})
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.handled.Entered < value(a.Entered) || s.handled.Left < value(a.Left) {
		if !time.Now().Before(deadline) {
			return s.handled, &zeroduplex.Error{Code: zeroduplex.ErrorCodeTimeout, Op: "wait for handlers"}
		}
		s.changed.Wait()
	}
	return s.handled, nil
}

func (s *server) setMetadata(a agentproto.SetMetadataArgs) (empty, error) {
	channel, err := s.get()
	if err != nil {
		return empty{}, err
	}
	return empty{}, channel.SetMetadata(pattern(a.Size, a.Seed))
}

func (s *server) getMetadata(agentproto.GetMetadataArgs) (agentproto.ContentReport, error) {
	if r := s.v1.get(); r != nil {
		data, err := r.Metadata()
		return content(data), err
	}
	channel, err := s.get()
	if err != nil {
		return agentproto.ContentReport{}, err
	}
	data, err := channel.ClientMetadata()
	return content(data), err
}

func (s *server) end(how func(zeroduplex.DuplexServer, time.Duration) error, timeout uint64) (empty, error) {
	channel, err := s.get()
	if err != nil {
		return empty{}, err
	}
	return empty{}, how(channel, milliseconds(timeout))
}
