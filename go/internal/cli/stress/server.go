package stress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/protocol"
)

const serverUsage = `usage: zeroduplex stress-server --name N [--payload-size B] [--workers W] [--wait spin|hybrid|block] [--protocol v1|v2]

Checks every byte of every request and answers with the complement, until SIGTERM.`

// ServerResult is the last line that a server prints.
type ServerResult struct {
	Handled uint64 `json:"handled"` // all runs of the handler
	OneWay  uint64 `json:"one_way"` // those of them without an answer
	Bad     uint64 `json:"bad"`     // requests with a wrong byte
}

type server struct {
	handled, oneWay, bad atomic.Uint64
}

// RunServer runs the server until ctx ends and returns its exit code.
func RunServer(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	set := flags.New("stress-server", serverUsage, stderr)
	name := set.String("name", "", "name of the channel")
	payloadSize := set.Uint64("payload-size", 65536, "bytes of the ring")
	workers := set.Int("workers", 1, "handlers at the same time")
	waitName := set.String("wait", "hybrid", "spin, hybrid or block")
	protocolName := set.String("protocol", protocol.Default, protocol.Usage)
	if _, code, ok := set.Parse(args); !ok {
		return code
	}
	wait, err := zeroduplex.ParseWaitStrategy(*waitName)
	if err == nil {
		err = protocol.Check(*protocolName)
	}
	if err != nil {
		return set.Misuse(err)
	}
	channel, err := protocol.Create(*protocolName, *name, zeroduplex.NewBufferConfig(4096, *payloadSize),
		zeroduplex.WithWorkers(*workers), zeroduplex.WithWait(wait))
	if err != nil {
		return set.Fail(err)
	}
	var s server
	if err := s.serve(ctx, channel, stdout); err != nil {
		return set.Fail(err)
	}
	return set.Finish(json.NewEncoder(stdout).Encode(ServerResult{Handled: s.handled.Load(), OneWay: s.oneWay.Load(), Bad: s.bad.Load()}))
}

func (s *server) serve(ctx context.Context, channel zeroduplex.DuplexServer, stdout io.Writer) error {
	// Not ctx: its end would stop the server on its own, and Stop below is what reports.
	if err := channel.Start(context.Background(), s.handle); err != nil {
		return errors.Join(err, channel.Close())
	}
	fmt.Fprintln(stdout, "ready")
	select {
	case <-ctx.Done():
	case <-channel.Done():
	}
	return errors.Join(channel.Stop(5*time.Second), channel.Close())
}

func (s *server) handle(f zeroduplex.Frame) error {
	s.handled.Add(1)
	if f.OneWay() {
		s.oneWay.Add(1)
	}
	received := f.Size()
	if i := mismatch(f.Data(), f.Sequence(), 0); i >= 0 {
		s.bad.Add(1)
		return zeroduplex.Failure(statusWrong, fmt.Sprintf("byte %d of frame %d is wrong", i, f.Sequence()))
	}
	opcode := f.Opcode()
	if delay := opcode & delayMask; delay > 0 {
		time.Sleep(time.Duration(delay) * time.Microsecond)
	}
	if opcode&opcodeFail != 0 {
		return zeroduplex.Failure(statusAsked, fmt.Sprintf("stress failure %d", f.Sequence()))
	}
	if opcode&opcodeGrow != 0 {
		if err := f.Resize(f.Capacity()); err != nil {
			return err
		}
	}
	data := f.Data()
	for i := range data[:received] {
		data[i] ^= answerMask
	}
	fill(data, f.Sequence(), received, answerMask)
	return nil
}
