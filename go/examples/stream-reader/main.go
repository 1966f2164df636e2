// Command stream-reader creates a ZeroBuffer v1 buffer and reads the frames that a stream-writer sends.
//
//	stream-reader --name N --frames F [--size A | --size A-B | --sizes a,b,c] [--seed S] [--payload-size B] [--metadata-size B] [--hold K] [--verify] [--json]
//
// It prints "ready" when a writer can attach. --hold keeps the last K frames and releases them newest first; --verify looks at every byte.
// Exit codes: 0 all frames came and were right, 1 failed, 2 wrong flags.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/internal/sizes"
)

// patience is how long to wait for a frame, and for the writer in the first place.
const patience = 30 * time.Second

type options struct {
	name         string
	frames       uint64
	sizes        *sizes.Sizes // nil: not known
	payload      uint64
	metadata     uint64
	hold         int
	verify, json bool
}

type report struct {
	Role             string  `json:"role"`
	Frames           uint64  `json:"frames"`
	Bytes            uint64  `json:"bytes"`
	Seconds          float64 `json:"seconds"`
	Mismatches       uint64  `json:"mismatches"` // wrong numbers and sizes, and frames with a wrong byte
	PayloadSize      uint64  `json:"payload_size"`
	PayloadFreeBytes uint64  `json:"payload_free_bytes"`
	WrittenCount     uint64  `json:"written_count"` // frames and wrap markers
	ReadCount        uint64  `json:"read_count"`
	MetadataBytes    int     `json:"metadata_bytes"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("stream-reader", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.name, "name", "", "name of the buffer")
	flags.Uint64Var(&o.frames, "frames", 0, "how many frames to read")
	flags.Uint64Var(&o.payload, "payload-size", 256<<20, "bytes of the ring of frames")
	flags.Uint64Var(&o.metadata, "metadata-size", 4096, "bytes of the metadata block")
	flags.IntVar(&o.hold, "hold", 1, "frames to keep before they are released, newest first")
	flags.BoolVar(&o.verify, "verify", false, "look at every byte")
	flags.BoolVar(&o.json, "json", false, "print one JSON object")
	var given sizes.Flags
	given.Bind(flags)
	if flags.Parse(args) != nil {
		return 2
	}
	var err error
	if given.Given() {
		o.sizes, err = given.Parse()
	}
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.hold < 1:
		err = errors.New("--hold must be at least 1")
	}
	if err != nil {
		fmt.Fprintln(stderr, "stream-reader:", err)
		return 2
	}
	if err := o.read(ctx, stdout); err != nil {
		fmt.Fprintln(stderr, "stream-reader:", err)
		return 1
	}
	return 0
}

func (o options) read(ctx context.Context, stdout io.Writer) (err error) {
	reader, err := zeroduplex.NewReader(o.name, zeroduplex.NewBufferConfig(o.metadata, o.payload), zeroduplex.WithReadTimeout(patience))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	fmt.Fprintln(stdout, "ready")
	r := report{Role: "reader"}
	if err := o.all(ctx, reader, &r); err != nil {
		return fmt.Errorf("after %d frames: %w", r.Frames, err)
	}
	metadata, err := reader.Metadata()
	if err != nil {
		return err
	}
	state, err := reader.State()
	if err != nil {
		return err
	}
	r.MetadataBytes, r.PayloadSize, r.PayloadFreeBytes = len(metadata), state.PayloadSize, state.PayloadFreeBytes
	r.WrittenCount, r.ReadCount = state.WrittenCount, state.ReadCount
	if err := r.print(stdout, o.json); err != nil {
		return err
	}
	if r.Mismatches > 0 {
		return fmt.Errorf("%d mismatches in %d frames", r.Mismatches, r.Frames)
	}
	return nil
}

// all reads the frames and releases every one of them.
func (o options) all(ctx context.Context, reader *zeroduplex.Reader, r *report) error {
	var held []zeroduplex.ReceivedFrame
	var begun time.Time
	for r.Frames < o.frames {
		frame, err := reader.ReadFrame(ctx)
		if err != nil {
			return err
		}
		if begun.IsZero() {
			begun = time.Now()
		}
		r.Frames++
		r.Bytes += uint64(frame.Size())
		held = append(held, frame)
		if frame.Sequence() != r.Frames || o.sizes != nil && frame.Size() != o.sizes.Next() {
			r.Mismatches++
		}
		if len(held) == o.hold || r.Frames == o.frames {
			for _, frame := range slices.Backward(held) {
				if o.verify && !right(frame) {
					r.Mismatches++
				}
				frame.Release()
			}
			held = held[:0]
		}
	}
	r.Seconds = time.Since(begun).Seconds()
	return nil
}

// right looks at a frame in shared memory, as late as possible: nobody may have changed it while it was kept.
func right(frame zeroduplex.ReceivedFrame) bool {
	for i, b := range frame.Data() {
		if b != byte(frame.Sequence()+uint64(i)) {
			return false
		}
	}
	return true
}

func (r report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	_, err := fmt.Fprintf(w, "%d frames, %d bytes in %.3f s, %d wrong, %d of %d bytes free, %d bytes of metadata\n",
		r.Frames, r.Bytes, r.Seconds, r.Mismatches, r.PayloadFreeBytes, r.PayloadSize, r.MetadataBytes)
	return err
}
