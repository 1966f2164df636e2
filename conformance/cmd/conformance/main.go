// Command conformance runs every case of the suites on every ordered pair of languages. See conformance/docs/running.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/zeroduplex/zeroduplex/conformance/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}
