// Command stream-writer writes frames into a ZeroBuffer v1 buffer that a stream-reader created.
//
//	stream-writer --name N --frames F (--size A | --size A-B | --sizes a,b,c) [--seed S] [--metadata-file F] [--zero-copy] [--timeout MS] [--json]
//
// Byte i of frame n is (n + i) mod 256. With --zero-copy the frames are filled where they stand in shared memory.
// Exit codes: 0 all frames are written, 1 failed, 2 wrong flags.
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
	"syscall"
	"time"

	"github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/internal/sizes"
)

type options struct {
	name, metadata string
	frames         uint64
	sizes          *sizes.Sizes
	zeroCopy, json bool
	timeout        time.Duration
}

type report struct {
	Role         string  `json:"role"`
	Frames       uint64  `json:"frames"`
	Bytes        uint64  `json:"bytes"`
	Seconds      float64 `json:"seconds"`
	WrittenCount uint64  `json:"written_count"` // frames and wrap markers
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("stream-writer", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.name, "name", "", "name of the buffer")
	flags.Uint64Var(&o.frames, "frames", 0, "how many frames to write")
	flags.StringVar(&o.metadata, "metadata-file", "", "file whose content becomes the buffer's metadata")
	flags.BoolVar(&o.zeroCopy, "zero-copy", false, "fill frames where they stand")
	flags.BoolVar(&o.json, "json", false, "print one JSON object")
	timeout := flags.Int("timeout", 5000, "milliseconds to wait for room")
	var given sizes.Flags
	given.Bind(flags)
	if flags.Parse(args) != nil {
		return 2
	}
	var err error
	o.sizes, err = given.Parse()
	o.timeout = time.Duration(*timeout) * time.Millisecond
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(stderr, "stream-writer:", err)
		return 2
	}
	if err := o.write(ctx, stdout); err != nil {
		fmt.Fprintln(stderr, "stream-writer:", err)
		return 1
	}
	return 0
}

func (o options) write(ctx context.Context, stdout io.Writer) (err error) {
	writer, err := zeroduplex.NewWriter(ctx, o.name, zeroduplex.WithWriteTimeout(o.timeout))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()
	if o.metadata != "" {
		content, err := os.ReadFile(o.metadata)
		if err != nil {
			return err
		}
		if err := writer.SetMetadata(content); err != nil {
			return err
		}
	}
	r := report{Role: "writer"}
	begun := time.Now()
	for r.Frames < o.frames {
		size := o.sizes.Next()
		if err := o.frame(ctx, writer, r.Frames+1, size); err != nil {
			return fmt.Errorf("frame %d of %d bytes: %w", r.Frames+1, size, err)
		}
		r.Frames++
		r.Bytes += uint64(size)
	}
	r.Seconds = time.Since(begun).Seconds()
	state, err := writer.State()
	r.WrittenCount = state.WrittenCount
	return errors.Join(err, r.print(stdout, o.json))
}

// frame writes one frame: by copying it, or by filling it in shared memory.
func (o options) frame(ctx context.Context, writer *zeroduplex.Writer, sequence uint64, size int) error {
	if !o.zeroCopy {
		data := make([]byte, size)
		fill(data, sequence)
		_, err := writer.WriteFrame(ctx, data)
		return err
	}
	buffer, err := writer.AcquireFrameBuffer(ctx, size)
	if err != nil {
		return err
	}
	fill(buffer.Data(), sequence) // a camera or a decoder would write here itself
	_, err = buffer.Commit()
	return err
}

func fill(data []byte, sequence uint64) {
	for i := range data {
		data[i] = byte(sequence + uint64(i))
	}
}

func (r report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	_, err := fmt.Fprintf(w, "%d frames, %d bytes in %.3f s\n", r.Frames, r.Bytes, r.Seconds)
	return err
}
