// Command filter-client sends a raw RGBA picture to a filter-server and takes back what the server made of it.
//
//	filter-client --name N --input raw.rgba --width W --height H [--count K] [--inflight M] [--output out.rgba] [--json] [--wait spin|hybrid|block]
//
// The pixels are written straight into shared memory and the responses are read where they stand there.
// Exit codes: 0 all responses came and were the same, 1 failed, 2 wrong flags.
package main

import (
	"bytes"
	"context"
	"encoding/json"
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
	"github.com/zeroduplex/zeroduplex/go/internal/stats"
)

type options struct {
	name, input, output string
	width, height       int
	count, inflight     int
	json                bool
	wait                zeroduplex.WaitStrategy
}

type report struct {
	Frames      int   `json:"frames"`
	Bytes       int   `json:"bytes"`
	MedianNS    int64 `json:"median_ns"` // from commit to response
	P99NS       int64 `json:"p99_ns"`
	CopiedBySDK int   `json:"copied_by_sdk"` // bytes of responses that did not stand where their request stood
	ShmBytes    int64 `json:"shm_bytes"`
}

// errFlags is a mistake in the flags that the flag package has reported already.
var errFlags = errors.New("wrong flags")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if err != nil {
		if !errors.Is(err, errFlags) {
			fmt.Fprintln(stderr, "filter-client:", err)
		}
		return 2
	}
	if err := send(ctx, o, stdout); err != nil {
		fmt.Fprintln(stderr, "filter-client:", err)
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("filter-client", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.name, "name", "", "name of the channel")
	flags.StringVar(&o.input, "input", "", "file of width x height x 4 bytes: red, green, blue, alpha")
	flags.StringVar(&o.output, "output", "", "file for the last response")
	flags.IntVar(&o.width, "width", 0, "pixels per row")
	flags.IntVar(&o.height, "height", 0, "rows")
	flags.IntVar(&o.count, "count", 1, "how often to send the picture")
	flags.IntVar(&o.inflight, "inflight", 1, "pictures under way at the same time")
	flags.BoolVar(&o.json, "json", false, "print one JSON object")
	waitName := flags.String("wait", "hybrid", "how to wait: spin, hybrid or block")
	if flags.Parse(args) != nil {
		return o, errFlags
	}
	var err error
	o.wait, err = zeroduplex.ParseWaitStrategy(*waitName)
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.input == "":
		err = errors.New("--input is missing")
	case o.width < 1 || o.height < 1:
		err = errors.New("--width and --height must be at least 1")
	case o.count < 1 || o.inflight < 1:
		err = errors.New("--count and --inflight must be at least 1")
	}
	return o, err
}

func send(ctx context.Context, o options, stdout io.Writer) (err error) {
	picture, err := os.ReadFile(o.input)
	if err != nil {
		return err
	}
	geometry := filter.Packed(o.width, o.height)
	if len(picture) != geometry.Size() {
		return fmt.Errorf("%s has %d bytes, a picture of %d x %d has %d", o.input, len(picture), o.width, o.height, geometry.Size())
	}
	client, err := zeroduplex.DefaultFactory().CreateClient(ctx, o.name, zeroduplex.WithWait(o.wait))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	metadata, err := json.Marshal(geometry)
	if err != nil {
		return err
	}
	if err := client.SetMetadata(metadata); err != nil {
		return err
	}

	run := exchange{client: client, picture: picture, pending: map[uint64]request{}}
	if err := run.all(ctx, o.count, o.inflight); err != nil {
		return err
	}
	if o.output != "" {
		if err := os.WriteFile(o.output, run.last, 0o644); err != nil {
			return err
		}
	}
	times := stats.Summarize(run.samples)
	r := report{Frames: o.count, Bytes: o.count * len(picture), MedianNS: times.P50, P99NS: times.P99, CopiedBySDK: run.copied}
	if r.ShmBytes, err = shmBytes(o.name); err != nil {
		return err
	}
	return r.print(stdout, o.json)
}

// exchange is one run of requests and their responses.
type exchange struct {
	client  zeroduplex.DuplexClient
	picture []byte
	pending map[uint64]request
	samples []int64
	last    []byte
	copied  int
}

type request struct {
	committed time.Time
	place     *byte // where the request stands in shared memory
}

func (e *exchange) all(ctx context.Context, count, inflight int) error {
	for sent := 0; len(e.samples) < count; {
		if sent < count && sent-len(e.samples) < inflight {
			if err := e.request(ctx); err != nil {
				return err
			}
			sent++
		} else if err := e.response(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (e *exchange) request(ctx context.Context) error {
	buffer, err := e.client.AcquireRequestBuffer(ctx, len(e.picture), 0)
	if err != nil {
		return err
	}
	copy(buffer.Data(), e.picture) // a camera or a decoder would write here itself
	r := request{place: &buffer.Data()[0], committed: time.Now()}
	sequence, err := buffer.Commit()
	e.pending[sequence] = r
	return err
}

func (e *exchange) response(ctx context.Context) error {
	response, err := e.client.ReceiveResponse(ctx)
	received := time.Now()
	if err != nil {
		return err
	}
	defer response.Release()
	sent := e.pending[response.Sequence()]
	delete(e.pending, response.Sequence())
	e.samples = append(e.samples, int64(received.Sub(sent.committed)))
	if response.Size() == 0 || &response.Data()[0] != sent.place {
		e.copied += response.Size()
	}
	if e.last == nil {
		e.last = bytes.Clone(response.Data())
	} else if !bytes.Equal(e.last, response.Data()) {
		return fmt.Errorf("response %d differs from the first", response.Sequence())
	}
	return nil
}

// shmBytes is what the channel takes in shared memory: one object, or two of v1, and four semaphores of 32 bytes.
func shmBytes(name string) (int64, error) {
	total := int64(4 * 32)
	objects := []string{name}
	if _, err := os.Stat("/dev/shm/" + name); err != nil {
		objects = []string{name + "_request", name + "_response"}
	}
	for _, object := range objects {
		info, err := os.Stat("/dev/shm/" + object)
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	return total, nil
}

func (r report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	_, err := fmt.Fprintf(w, "%d frames, %d bytes, median %v, 99th percentile %v, %d bytes copied by the SDK, %d bytes of shared memory\n",
		r.Frames, r.Bytes, time.Duration(r.MedianNS), time.Duration(r.P99NS), r.CopiedBySDK, r.ShmBytes)
	return err
}
