package bench

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// Exit codes of the programs.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnsupported = 3
)

// Peer is one way to exchange frames between two processes.
type Peer struct {
	// Unsupported says why the peer cannot do what is asked for, "" when it can.
	Unsupported func(Options) string
	// Listen begins to serve and returns when a client can connect. The channel carries the error that ended the serving by itself.
	Listen func(Options) (<-chan error, error)
	// Connect makes a client.
	Connect func(Options) (Client, error)
}

// Main is the main function of a peer whose program is linked to as bench-server and bench-client.
func Main(p Peer) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	code := run(ctx, p, filepath.Base(os.Args[0]), os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, p Peer, program string, args []string, stdout, stderr io.Writer) int {
	if program != "bench-server" && program != "bench-client" {
		fmt.Fprintf(stderr, "%s: start it as bench-server or as bench-client\n", program)
		return exitUsage
	}
	o, err := parse(program, args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	if why := p.Unsupported(o); why != "" {
		fmt.Fprintf(stderr, "%s: not supported: %s\n", program, why)
		return exitUnsupported
	}
	err = pinProcess(o.CPU)
	if err == nil && program == "bench-server" {
		err = serve(ctx, p, o, stdout)
	} else if err == nil {
		err = exchange(p, o, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", program, err)
		return exitFailed
	}
	return exitOK
}

func serve(ctx context.Context, p Peer, o Options, stdout io.Writer) error {
	ended, err := p.Listen(o)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "ready")
	select {
	case <-ctx.Done():
		return nil // the process ends, and with it what serves
	case err := <-ended:
		return fmt.Errorf("serving ended: %w", err)
	}
}

func exchange(p Peer, o Options, stdout io.Writer) error {
	client, err := p.Connect(o)
	if err != nil {
		return err
	}
	result, err := measure(o, client)
	if err = errors.Join(err, client.Close()); err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(result)
}
