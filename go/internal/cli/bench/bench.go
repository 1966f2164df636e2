// Package bench is `zeroduplex bench`: what a channel between two processes costs, beside what the machine allows at all.
//
// Client and server are processes of their own, of any language that has bench peers, each pinned to a CPU. The raw limit
// is measured by the same two threads between the blocks of the same run; package benchproto says how.
package bench

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/page"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/peers"
)

const usage = `usage: zeroduplex bench rtt|frames|dual|report [--json] [--cpus CLIENT,SERVER] [--passes N] [--pairs go/go,…] [--peers FOLDER] [--out FILE]
             [--outside NAME=FOLDER,…] [--sizes B,…] [--touch fill,…] [--waits spin,…] [--inflight M,…] [--count K]

rtt     round trips that touch nothing but the frame number, against one cache line bounced between the same two threads;
        up to 4096 bytes are copied in by the call that sends them, more is filled in place
frames  work on every frame: against two threads of one process
dual    the same in place and over two buffers of ZeroBuffer v1 with as much room each: time, and shared memory

report  one HTML page of all results in a folder: zeroduplex bench report DIR --out FILE

--touch says what the work is. fill: the client fills the frame, the server changes its first 8 bytes, which the client reads.
page: the same with one byte per page. all: the client fills, the server changes and the client reads every byte.

Every configuration is measured once in each pass, all pairs of languages in turn; the figures are medians over the passes.
--outside adds a bench-server and a bench-client that are not ours, which a folder holds, as a pair of its own. They take the flags of
ours but --protocol and --limits, and print the same line; what they cannot do they answer with exit code 3 and a line on
stderr that says so. Where one fails, the rest is measured all the same, and the exit code is 1 at the end.`

type options struct {
	kind                        string
	json                        bool
	cpus, pairs, peers, outside string
	passes                      int
	sizes, waits, touch         string
	inflight, file              string
	count                       int
}

// frameSize is a 1920 x 1080 picture in 12 bits per pixel and a header, as cameras give it.
const frameSize = 3_110_416

// Run runs the command and returns its exit code.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "report" {
		return page.Run(args[1:], stdout, stderr)
	}
	set := flags.New("zeroduplex bench", usage, stderr)
	var o options
	set.BoolVar(&o.json, "json", false, "print JSON")
	set.StringVar(&o.cpus, "cpus", "", "CPUs of client and server, as 0,1; -1 for any; same for both on the first (default: the first two)")
	set.StringVar(&o.pairs, "pairs", "", "client/server pairs, as go/cpp,cpp/cpp (default: all)")
	set.StringVar(&o.peers, "peers", peers.Folder(), "folder of the peers of all languages")
	set.StringVar(&o.outside, "outside", "", "programs of others to measure in the same passes, as NAME=FOLDER,…")
	set.StringVar(&o.file, "out", "", "file to write the JSON form to as well")
	set.IntVar(&o.passes, "passes", 3, "how often to measure everything")
	set.IntVar(&o.count, "count", 0, "frames per measurement, 0 to choose by size and wait")
	set.StringVar(&o.sizes, "sizes", "", "bytes per frame (default: 64,4096,65536,1048576,25000000, frames: 3110416, dual: "+dualSizes+")")
	set.StringVar(&o.touch, "touch", "", "work on a frame: fill, page, all (default: fill,all, dual: fill)")
	set.StringVar(&o.waits, "waits", "", "wait strategies (default: spin,hybrid,block, frames and dual: hybrid)")
	set.StringVar(&o.inflight, "inflight", "1", "frames on their way at the same time")
	positional, code, ok := set.Parse(args, "rtt, frames, dual or report")
	if !ok {
		return code
	}
	o.kind = positional[0]
	plan, err := o.plan()
	if err != nil {
		return set.Misuse(err)
	}
	if err := o.prepare(); err != nil {
		return set.Fail(err)
	}
	plan.command = strings.Join(append([]string{"zeroduplex bench"}, args...), " ")
	document, err := plan.run(ctx, stderr)
	if err != nil {
		return set.Fail(err)
	}
	if err := o.report(document, stdout); err != nil {
		return set.Fail(err)
	}
	if failures := document.Failures(); len(failures) > 0 {
		return set.Fail(fmt.Errorf("outside peers failed, the rest was measured:\n%s", strings.Join(failures, "\n")))
	}
	return flags.OK
}
