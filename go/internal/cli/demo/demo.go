// Package demo is `zeroduplex demo`: a real picture, changed in place by another process, through every pair of languages.
package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/filter"
	"github.com/zeroduplex/zeroduplex/go/internal/peers"
	"github.com/zeroduplex/zeroduplex/go/internal/picture"
	"github.com/zeroduplex/zeroduplex/go/internal/table"
)

const usage = `usage: zeroduplex demo [--image PATH] [--out FOLDER] [--peers FOLDER] [--count N] [--inflight M]

Sends a PNG or JPEG picture through shared memory to a server that inverts or blurs it where it stands, for every
client and server language there is, compares every result with one computed here, and writes the pictures and a
contact sheet. Without --image it takes the photograph that Go's standard library is tested with.`

const inflightDefault = 2

type options struct {
	image, out, peers string
	count, inflight   int
}

// filters are what the demo shows, in this order.
var filters = []struct {
	name  string
	apply func([]byte, filter.Geometry) error
	file  string
}{
	{"invert", filter.Invert, "after.png"},
	{"blur", filter.Blur, "after-blur.png"},
}

// clientReport is the JSON that a filter-client prints.
type clientReport struct {
	Frames      uint64 `json:"frames"`
	Bytes       uint64 `json:"bytes"`
	MedianNS    int64  `json:"median_ns"`
	P99NS       int64  `json:"p99_ns"`
	CopiedBySDK uint64 `json:"copied_by_sdk"`
	ShmBytes    uint64 `json:"shm_bytes"`
}

// Run runs the command and returns its exit code.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	set := flags.New("zeroduplex demo", usage, stderr)
	var o options
	set.StringVar(&o.image, "image", "", "PNG or JPEG picture")
	set.StringVar(&o.out, "out", filepath.Join("build", "demo"), "folder for the results")
	set.StringVar(&o.peers, "peers", peers.Folder(), "folder of the peers of all languages")
	set.IntVar(&o.count, "count", 0, "frames per pair and filter, 0 to choose by the picture's size")
	set.IntVar(&o.inflight, "inflight", inflightDefault, "frames on their way at the same time")
	if _, code, ok := set.Parse(args); !ok {
		return code
	}
	if o.count < 0 || o.inflight < 1 {
		return set.Misuse(errors.New("--count must not be negative, --inflight at least 1"))
	}
	return set.Finish(o.run(ctx, stdout))
}

func (o options) run(ctx context.Context, stdout io.Writer) (err error) {
	languages, err := peers.Find(o.peers, "filter-server", "filter-client")
	if err != nil {
		return err
	}
	path, err := o.picture(ctx)
	if err != nil {
		return err
	}
	before, err := picture.Load(path)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "zeroduplex-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	s := show{options: o, ctx: ctx, before: before, geometry: filter.Packed(before.Rect.Dx(), before.Rect.Dy()), scratch: scratch, languages: languages}
	if err := s.run(filepath.Base(path)); err != nil {
		return err
	}
	return s.tell(stdout, path)
}

// picture is the path of the picture to show.
func (o options) picture(ctx context.Context) (string, error) {
	if o.image != "" {
		return o.image, nil
	}
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("looking for a picture in the Go toolchain (give one with --image): %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "src", "image", "testdata", "video-001.png"), nil
}

// show is one demo with one picture.
type show struct {
	options
	ctx       context.Context
	before    *image.NRGBA
	geometry  filter.Geometry
	scratch   string
	languages []peers.Language
	results   table.Table
	sheet     picture.Sheet
}

// frames is how often each pair gets the picture: about 200 MB, at least five times and at most a hundred times.
func (s *show) frames() int {
	if s.count > 0 {
		return s.count
	}
	return min(100, max(5, 200_000_000/s.geometry.Size()))
}

func (s *show) run(name string) error {
	if err := os.WriteFile(s.raw(), s.before.Pix, 0o600); err != nil {
		return err
	}
	if err := picture.Save(filepath.Join(s.out, "before.png"), s.before); err != nil {
		return err
	}
	s.results.Columns = []table.Column{table.Left("client"), table.Left("server"), table.Left("filter"), table.Right("frames"), table.Right("MB"),
		table.Right("median"), table.Right("p99"), table.Right("copied by SDK"), table.Right("shared memory"), table.Left("result")}
	s.sheet.Title = "ZeroDuplex"
	s.sheet.Subtitle = fmt.Sprintf("%s, %d x %d: one process writes it, another changes it where it stands, no byte is copied", name, s.geometry.Width, s.geometry.Height)
	for _, f := range filters {
		want := bytes.Clone(s.before.Pix)
		if err := f.apply(want, s.geometry); err != nil {
			return err
		}
		row := []picture.Cell{{Picture: s.before, Title: "before", Note: "what the client wrote"}}
		var after *image.NRGBA
		for _, client := range s.languages {
			for _, server := range s.languages {
				report, got, err := s.exchange(client, server, f.name)
				if err == nil {
					err = s.compare(want, got)
				}
				if err != nil {
					return fmt.Errorf("%s client, %s server, %s: %w", client.Name, server.Name, f.name, err)
				}
				s.results.Add(client.Name, server.Name, f.name, table.Count(report.Frames), table.Megabytes(report.Bytes),
					table.Nanoseconds(report.MedianNS), table.Nanoseconds(report.P99NS), table.Count(report.CopiedBySDK),
					table.Megabytes(report.ShmBytes)+" MB", "identical")
				if after, err = picture.Of(got, s.geometry.Width, s.geometry.Height); err != nil {
					return err
				}
				row = append(row, picture.Cell{Picture: after, Title: client.Name + " > " + server.Name,
					Note: fmt.Sprintf("%s, median %s, identical", f.name, strings.ReplaceAll(table.Nanoseconds(report.MedianNS), "µ", "u"))})
			}
		}
		s.sheet.Rows = append(s.sheet.Rows, row)
		if err := picture.Save(filepath.Join(s.out, f.file), after); err != nil {
			return err
		}
	}
	return picture.Save(filepath.Join(s.out, "contact-sheet.png"), s.sheet.Draw())
}

func (s *show) raw() string { return filepath.Join(s.scratch, "before.rgba") }

// exchange runs one server and one client and returns the client's report and the last picture it got back.
func (s *show) exchange(client, server peers.Language, filterName string) (report clientReport, pixels []byte, err error) {
	channel := fmt.Sprintf("zd-demo-%d-%s-%s-%s", os.Getpid(), client.Name, server.Name, filterName)
	const header, block = 64, 64
	frame := header + (s.geometry.Size()+block-1)/block*block
	running, err := server.Peer("filter-server").Start(s.ctx, "--name", channel, "--filter", filterName,
		"--payload-size", strconv.Itoa((s.inflight+1)*frame))
	if err != nil {
		return report, nil, err
	}
	defer func() {
		_, stopped := running.Stop()
		err = errors.Join(err, stopped)
		if left := peers.Leftovers(channel); err == nil && len(left) > 0 {
			err = fmt.Errorf("left behind: %s", strings.Join(left, ", "))
		}
	}()
	output := filepath.Join(s.scratch, "after.rgba")
	printed, err := client.Peer("filter-client").Run(s.ctx, "--name", channel, "--input", s.raw(), "--output", output,
		"--width", strconv.Itoa(s.geometry.Width), "--height", strconv.Itoa(s.geometry.Height),
		"--count", strconv.Itoa(s.frames()), "--inflight", strconv.Itoa(s.inflight), "--json")
	if err != nil {
		return report, nil, err
	}
	if err := json.Unmarshal(printed, &report); err != nil {
		return report, nil, fmt.Errorf("reading the client's report %q: %w", printed, err)
	}
	if report.Frames != uint64(s.frames()) {
		return report, nil, fmt.Errorf("the client reports %d frames, it was to send %d", report.Frames, s.frames())
	}
	if report.CopiedBySDK != 0 {
		return report, nil, fmt.Errorf("%d bytes of responses did not stand where their requests stood", report.CopiedBySDK)
	}
	pixels, err = os.ReadFile(output)
	return report, pixels, errors.Join(err, os.Remove(output)) // so that the next pair cannot show this one's picture
}

// compare says where two pictures differ first.
func (s *show) compare(want, got []byte) error {
	if len(want) != len(got) {
		return fmt.Errorf("the result has %d bytes, the picture %d", len(got), len(want))
	}
	for i := range want {
		if want[i] != got[i] {
			pixel := i / 4
			return fmt.Errorf("pixel (%d, %d), channel %c: %d instead of %d", pixel%s.geometry.Width, pixel/s.geometry.Width, "RGBA"[i%4], got[i], want[i])
		}
	}
	return nil
}

func (s *show) tell(stdout io.Writer, path string) error {
	fmt.Fprintf(stdout, "%s, %d × %d, %s bytes per frame, %d in flight\n", path, s.geometry.Width, s.geometry.Height, table.Count(s.geometry.Size()), s.inflight)
	if err := s.results.Write(stdout); err != nil {
		return err
	}
	_, err := fmt.Fprintf(stdout, "median and p99: from the commit of a request to its response. identical: to the same filter computed in this process.\n%s  %s  %s\n",
		filepath.Join(s.out, "before.png"), filepath.Join(s.out, "after.png"), filepath.Join(s.out, "contact-sheet.png"))
	return err
}
