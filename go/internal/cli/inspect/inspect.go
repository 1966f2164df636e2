// Package inspect is `zeroduplex inspect`: a look at a channel from outside.
package inspect

import (
	"encoding/json"
	"io"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/inspect"
)

const usage = `usage: zeroduplex inspect NAME [--json]

Shows a channel, living or left behind, without disturbing it: who lives, both info blocks, the frames in flight
from the oldest to the youngest, the use of the ring and the semaphores. A buffer of ZeroBuffer v1 is shown, too: who lives,
its info block and its semaphores.`

// Run runs the command and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	set := flags.New("zeroduplex inspect", usage, stderr)
	asJSON := set.Bool("json", false, "print JSON")
	names, code, ok := set.Parse(args, "NAME")
	if !ok {
		return code
	}
	report, err := inspect.Read(names[0])
	if err != nil {
		return set.Fail(err)
	}
	if *asJSON {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		return set.Finish(encoder.Encode(report))
	}
	return set.Finish(report.Write(stdout))
}
