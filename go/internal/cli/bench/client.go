package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
)

const clientUsage = `usage: zeroduplex bench-client --name N --size B --count K --warmup W --inflight M --wait spin|hybrid|block --cpu C
       --limit-object PATH [--touch none|fill|page|all] [--threads-cpu T] [--limits none|line|semaphore|line,semaphore]

The measuring side of a measurement; zeroduplex bench starts it.`

type clientOptions struct {
	peerOptions
	count, warmup int
	threadsCPU    int
	limits        limits
}

// limits are the raw limits to measure between the blocks.
type limits struct{ line, semaphore bool }

func parseLimits(list string) (l limits, err error) {
	if list == "none" {
		return l, nil
	}
	for _, name := range strings.Split(list, ",") {
		switch name {
		case "line":
			l.line = true
		case "semaphore":
			l.semaphore = true
		default:
			return l, fmt.Errorf("--limits: %q is neither line nor semaphore", name)
		}
	}
	return l, nil
}

func (l limits) String() string {
	switch {
	case l.line && l.semaphore:
		return "line,semaphore"
	case l.line:
		return "line"
	case l.semaphore:
		return "semaphore"
	}
	return "none"
}

// RunClient runs the client's side and returns its exit code.
func RunClient(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	set := flags.New("bench-client", clientUsage, stderr)
	var o clientOptions
	finish := o.bind(set)
	set.IntVar(&o.count, "count", 1000, "frames to measure")
	set.IntVar(&o.warmup, "warmup", 100, "frames to send before")
	set.IntVar(&o.threadsCPU, "threads-cpu", -1, "CPU of the helper thread that the same work is measured with, -1 not to")
	limits := set.String("limits", "line", "raw limits to measure: line and semaphore, or none")
	if _, code, ok := set.Parse(args); !ok {
		return code
	}
	err := finish()
	if err == nil && (o.count < 1 || o.warmup < 0) {
		err = errors.New("--count must be at least 1, --warmup not negative")
	}
	if err == nil {
		o.limits, err = parseLimits(*limits)
	}
	if err != nil {
		return set.Misuse(err)
	}
	result, err := o.measure(ctx)
	if err != nil {
		return set.Fail(err)
	}
	return set.Finish(json.NewEncoder(stdout).Encode(result))
}

func (o clientOptions) measure(ctx context.Context) (result benchproto.ClientResult, err error) {
	if err := pinProcess(o.cpu); err != nil {
		return result, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	line, semaphores, err := o.openLimits()
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, line.Close(), semaphores.Close()) }()
	client, err := zeroduplex.DefaultFactory().CreateClient(ctx, o.name, zeroduplex.WithWait(o.wait), zeroduplex.WithResponseConfig(o.room()))
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()

	m := newMeasurement(o, client, line, semaphores)
	if o.threadsCPU >= 0 {
		if m.threads, err = startThreads(o.size, o.threadsCPU, o.touch); err != nil {
			return result, err
		}
		defer func() { err = errors.Join(err, m.threads.stop()) }()
	}
	if err := m.run(ctx); err != nil {
		return result, err
	}
	return m.result(), nil
}
