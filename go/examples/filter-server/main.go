// Command filter-server changes the pictures of one client where they stand in shared memory.
//
//	filter-server --name N --filter invert|blur|echo|sleep|fail [--workers W] [--payload-size B] [--wait spin|hybrid|block] [--protocol v1|v2]
//
// With --protocol v1 it changes copies in a second buffer, for clients of ZeroBuffer v1, too; the handler stays the same. It prints "ready" when a client can attach and stops in good order on SIGTERM or SIGINT.
// Exit codes: 0 stopped, 1 failed, 2 wrong flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/internal/filter"
	"github.com/zeroduplex/zeroduplex/go/internal/protocol"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("filter-server", flag.ContinueOnError)
	flags.SetOutput(stderr)
	name := flags.String("name", "", "name of the channel")
	filterName := flags.String("filter", "", "what to do: invert, blur, echo, sleep or fail")
	workers := flags.Int("workers", 1, "frames to work on at the same time")
	payloadSize := flags.Uint64("payload-size", 16<<20, "bytes of the ring of frames")
	waitName := flags.String("wait", "hybrid", "how to wait: spin, hybrid or block")
	protocolName := flags.String("protocol", protocol.Default, protocol.Usage)
	if flags.Parse(args) != nil {
		return 2
	}
	wait, err := zeroduplex.ParseWaitStrategy(*waitName)
	newHandler := handlers[*filterName]
	if err == nil {
		err = protocol.Check(*protocolName)
	}
	if err == nil && newHandler == nil {
		err = fmt.Errorf("--filter %q is not one of invert, blur, echo, sleep, fail", *filterName)
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(stderr, "filter-server:", err)
		return 2
	}

	config := zeroduplex.NewBufferConfig(4096, *payloadSize)
	server, err := protocol.Create(*protocolName, *name, config, zeroduplex.WithWorkers(*workers), zeroduplex.WithWait(wait))
	if err == nil {
		err = serve(ctx, server, newHandler(server), stdout)
	}
	if err != nil {
		fmt.Fprintln(stderr, "filter-server:", err)
		return 1
	}
	return 0
}

// serve answers until ctx ends.
func serve(ctx context.Context, server zeroduplex.DuplexServer, handler zeroduplex.Handler, stdout io.Writer) error {
	// The handler's context is not ctx: Stop below lets it finish what it has begun.
	if err := server.Start(context.Background(), handler); err != nil {
		return errors.Join(err, server.Close())
	}
	fmt.Fprintln(stdout, "ready")
	select {
	case <-ctx.Done():
	case <-server.Done():
	}
	return errors.Join(server.Stop(5*time.Second), server.Close())
}

// handlers makes the handler for each value of --filter.
var handlers = map[string]func(zeroduplex.DuplexServer) zeroduplex.Handler{
	"invert": pictures(filter.Invert),
	"blur":   pictures(filter.Blur),
	"echo":   plain(func(zeroduplex.Frame) error { return nil }),
	"sleep": plain(func(f zeroduplex.Frame) error {
		milliseconds := f.Opcode()
		if milliseconds == 0 {
			milliseconds = 10
		}
		time.Sleep(time.Duration(milliseconds) * time.Millisecond)
		return nil
	}),
	"fail": plain(func(zeroduplex.Frame) error { return zeroduplex.Failure(1, "asked to fail") }),
}

func plain(handler zeroduplex.Handler) func(zeroduplex.DuplexServer) zeroduplex.Handler {
	return func(zeroduplex.DuplexServer) zeroduplex.Handler { return handler }
}

// pictures makes a handler of a filter. f.Data() is shared memory: what the filter writes there is the response.
func pictures(apply func([]byte, filter.Geometry) error) func(zeroduplex.DuplexServer) zeroduplex.Handler {
	return func(server zeroduplex.DuplexServer) zeroduplex.Handler {
		return func(f zeroduplex.Frame) error {
			metadata, err := server.ClientMetadata()
			if err != nil {
				return err
			}
			geometry, err := filter.ParseGeometry(metadata)
			if err != nil {
				return err
			}
			return apply(f.Data(), geometry)
		}
	}
}
