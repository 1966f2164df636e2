// Package bench is what the peers written in Go share: the flags and the output that `zeroduplex bench --outside` expects, the work on
// a frame, and the clock. The work and the statistics are those of the project's own clients, whose packages are internal to another
// module.
package bench

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
)

// Options are what both sides of a measurement are told.
type Options struct {
	Name     string // of the channel, free of slashes
	Size     int    // bytes of a frame
	Inflight int    // frames on their way at the same time
	Wait     string // spin, hybrid or block
	Touch    Touch
	CPU      int // -1: any

	Count, Warmup int // frames to measure, and to send before that; the client's
	Corrupt       int // the server answers this frame with a wrong byte, counted from 1; 0: none
}

// Spin says whether to wait busily.
func (o Options) Spin() bool { return o.Wait == "spin" }

const usage = `usage: bench-server --name N --size B --inflight M --wait spin|hybrid|block --touch none|fill|page|all --cpu C [--corrupt FRAME]
       bench-client the same, --count K --warmup W

One side of a measurement; zeroduplex bench --outside starts it.`

// parse reads the command line of "bench-server" or "bench-client". Control file, limits and threads are for the project's own clients:
// they are accepted and left alone.
func parse(program string, args []string, stderr io.Writer) (o Options, err error) {
	set := flag.NewFlagSet(program, flag.ContinueOnError)
	set.SetOutput(stderr)
	set.Usage = func() { fmt.Fprintln(stderr, usage) }
	set.StringVar(&o.Name, "name", "", "")
	set.IntVar(&o.Size, "size", 64, "")
	set.IntVar(&o.Inflight, "inflight", 1, "")
	set.StringVar(&o.Wait, "wait", "block", "")
	touch := set.String("touch", string(TouchNone), "")
	set.IntVar(&o.CPU, "cpu", -1, "")
	set.String("limit-object", "", "")
	if program == "bench-client" {
		set.IntVar(&o.Count, "count", 1000, "")
		set.IntVar(&o.Warmup, "warmup", 100, "")
		set.Int("threads-cpu", -1, "")
	} else {
		set.IntVar(&o.Corrupt, "corrupt", 0, "")
	}
	if err := set.Parse(args); err != nil {
		return o, err
	}
	o.Touch = Touch(*touch)
	switch {
	case set.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", set.Arg(0))
	case o.Name == "":
		err = errors.New("--name is missing")
	case o.Size < 1 || o.Inflight < 1:
		err = errors.New("--size and --inflight must be at least 1")
	case !slices.Contains([]string{"spin", "hybrid", "block"}, o.Wait):
		err = fmt.Errorf("--wait %q is not one of spin, hybrid, block", o.Wait)
	case !slices.Contains([]Touch{TouchNone, TouchFill, TouchPage, TouchAll}, o.Touch):
		err = fmt.Errorf("--touch %q is not one of none, fill, page, all", o.Touch)
	case program == "bench-client" && o.Count < 1 || o.Warmup < 0 || o.Corrupt < 0:
		err = errors.New("--count must be at least 1, --warmup and --corrupt not negative")
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", program, err)
	}
	return o, err
}
