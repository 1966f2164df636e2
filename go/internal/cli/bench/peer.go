package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/protocol"
)

const serverUsage = `usage: zeroduplex bench-server --name N --size B --inflight M --wait spin|hybrid|block --cpu C --limit-object PATH [--touch none|fill|page|all] [--protocol v1|v2]

One side of a measurement; zeroduplex bench starts it.`

// peerOptions are what both sides of a measurement are told.
type peerOptions struct {
	name        string
	size        int
	inflight    int
	wait        zeroduplex.WaitStrategy
	cpu         int
	limitObject string
	touch       benchproto.Touch
}

// bind adds the common flags. The returned function reads those that need parsing and checks them all.
func (o *peerOptions) bind(set *flags.Set) func() error {
	set.StringVar(&o.name, "name", "", "name of the channel")
	set.IntVar(&o.size, "size", 64, "bytes of a frame")
	set.IntVar(&o.inflight, "inflight", 1, "frames on their way at the same time")
	set.IntVar(&o.cpu, "cpu", -1, "CPU to run on, -1 for any")
	set.StringVar(&o.limitObject, "limit-object", "", "the benchmark's control file")
	wait := set.String("wait", "hybrid", "spin, hybrid or block")
	touch := set.String("touch", string(benchproto.TouchNone), "how much of a frame to touch: none, fill, page or all")
	return func() error {
		var waitErr, touchErr error
		o.wait, waitErr = zeroduplex.ParseWaitStrategy(*wait)
		o.touch, touchErr = benchproto.ParseTouch(*touch)
		if o.size < 0 || o.inflight < 1 {
			return errors.New("--size must not be negative, --inflight at least 1")
		}
		return errors.Join(waitErr, touchErr)
	}
}

// room is for the frames in flight and one more: the channel's, or that of each of v1's buffers.
func (o *peerOptions) room() zeroduplex.BufferConfig {
	return zeroduplex.NewBufferConfig(0, benchproto.PayloadSize(uint64(o.size), uint64(o.inflight)))
}

// RunServer runs the server's side until ctx ends and returns its exit code.
func RunServer(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	set := flags.New("bench-server", serverUsage, stderr)
	var o peerOptions
	finish := o.bind(set)
	protocolName := set.String("protocol", protocol.Default, protocol.Usage)
	if _, code, ok := set.Parse(args); !ok {
		return code
	}
	if err := errors.Join(finish(), protocol.Check(*protocolName)); err != nil {
		return set.Misuse(err)
	}
	return set.Finish(o.serve(ctx, *protocolName, stdout))
}

func (o peerOptions) serve(ctx context.Context, protocolName string, stdout io.Writer) (err error) {
	if err := pinProcess(o.cpu); err != nil {
		return err
	}
	line, semaphores, err := o.openLimits()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, line.Close(), semaphores.Close()) }()
	server, err := protocol.Create(protocolName, o.name, o.room(), zeroduplex.WithWait(o.wait))
	if err != nil {
		return err
	}
	var observer benchproto.Observer
	handle := func(f zeroduplex.Frame) error {
		switch line.Asked() {
		case benchproto.AskLine:
			return line.Return()
		case benchproto.AskSemaphores:
			return semaphores.Return(line)
		case benchproto.AskNote:
			note, err := observer.Note()
			line.WriteNote(note)
			return err
		case benchproto.AskMemory:
			shared, err := benchproto.SharedMemory(o.name)
			line.WriteMemory(shared)
			return err
		}
		invert(f.Data(), o.touch)
		return nil
	}
	// Not ctx: its end would stop the server on its own, and Stop below is what reports.
	if err := server.Start(context.Background(), handle); err != nil {
		return errors.Join(err, server.Close())
	}
	fmt.Fprintln(stdout, "ready")
	select {
	case <-ctx.Done():
	case <-server.Done():
	}
	return errors.Join(server.Stop(5*time.Second), server.Close())
}
