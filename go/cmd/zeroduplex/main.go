// Command zeroduplex shows, measures and demonstrates in-place duplex channels; `zeroduplex help` lists what it can do.
// Exit codes: 0 success, 1 failure, 2 wrong arguments.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/zeroduplex/zeroduplex/go/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	os.Exit(cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
