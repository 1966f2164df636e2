// Package cli is the zeroduplex command without its main: it finds the subcommand and hands over.
package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/demo"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/inspect"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/layout"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/stress"
)

const usage = `usage: zeroduplex COMMAND [FLAGS]

In-place duplex channels between processes over shared memory.

Commands:
  layout         print where every byte of a channel lies
  inspect NAME   show a channel, living or left behind, without disturbing it
  demo           change a picture in place through every pair of languages
  bench rtt      measure round trips against the raw limits of the machine
  bench frames   measure work on frames against the same work done by two threads
  bench dual     measure in place against two buffers of ZeroBuffer v1
  bench report   make one page of what was measured
  help           print this

Each command explains itself with --help.

Results go to standard output, errors to standard error.
Exit codes: 0 success, 1 failure, 2 wrong arguments.
`

type command func(ctx context.Context, args []string, stdout, stderr io.Writer) int

func withoutContext(run func([]string, io.Writer, io.Writer) int) command {
	return func(_ context.Context, args []string, stdout, stderr io.Writer) int { return run(args, stdout, stderr) }
}

// commands are all subcommands. Those that usage does not name are the Go peers of tests and measurements.
var commands = map[string]command{
	"layout":        withoutContext(layout.Run),
	"inspect":       withoutContext(inspect.Run),
	"demo":          demo.Run,
	"bench":         bench.Run,
	"bench-server":  bench.RunServer,
	"bench-client":  bench.RunClient,
	"stress-server": stress.RunServer,
	"stress-client": stress.RunClient,
}

// Run runs a command line without the program's name until ctx ends and returns the exit code.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return flags.Usage
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		if _, err := fmt.Fprint(stdout, usage); err != nil {
			return flags.Failed
		}
		return flags.OK
	}
	run, ok := commands[args[0]]
	if !ok {
		fmt.Fprintf(stderr, "zeroduplex: no command %q; there are layout, inspect, demo, bench and help\n", strings.ToValidUTF8(args[0], "?"))
		return flags.Usage
	}
	return run(ctx, args[1:], stdout, stderr)
}
