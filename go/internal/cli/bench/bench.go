// Package bench is `zeroduplex bench`: what a channel between two processes costs, beside what the machine allows at all.
//
// Client and server are processes of their own, of any language that has bench peers, each pinned to a CPU. The raw limit
// is measured by the same two threads between the blocks of the same run; package benchproto says how.
package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/peers"
	"github.com/zeroduplex/zeroduplex/go/internal/protocol"
	"github.com/zeroduplex/zeroduplex/go/internal/stats"
	"github.com/zeroduplex/zeroduplex/go/internal/table"
)

// SchemaVersion is the version of the JSON form.
const SchemaVersion = 1

const usage = `usage: zeroduplex bench rtt|frames|dual [--json] [--cpus CLIENT,SERVER] [--passes N] [--pairs go/go,…] [--peers FOLDER] [--out FILE]
             [--sizes B,…] [--waits spin,…] [--inflight M,…] [--count K]

rtt     round trips that touch nothing but the frame number, against one cache line bounced between the same two threads;
        up to 4096 bytes by a call, which copies the request in, above by a buffer that is filled in place
frames  fill a frame, invert a byte per page in the server, read a byte per page: against two threads of one process
dual    the same in place and over two buffers of ZeroBuffer v1 with as much room each: time, and shared memory

Every configuration is measured once in each pass, all pairs of languages in turn; the figures are medians over the passes.`

// Document is the JSON form of a benchmark.
type Document struct {
	SchemaVersion int      `json:"schema_version"`
	Kind          string   `json:"kind"` // rtt, frames or dual
	Host          Host     `json:"host"`
	Passes        int      `json:"passes"`
	Results       []Result `json:"results"`
}

// Result is one configuration. Times are nanoseconds, medians over the passes.
type Result struct {
	Client       string  `json:"client"`
	Server       string  `json:"server"`
	Size         int     `json:"size"`
	Wait         string  `json:"wait"`
	Inflight     int     `json:"inflight"`
	Touch        string  `json:"touch"`
	P50NS        int64   `json:"p50_ns"`
	P99NS        int64   `json:"p99_ns"`
	Samples      int     `json:"samples"` // per pass
	LimitP50NS   int64   `json:"limit_p50_ns"`
	RatioToLimit float64 `json:"ratio_to_limit"`
	// Frames only: the same work done by two threads of the client's process.
	ThreadsP50NS   int64   `json:"threads_p50_ns,omitempty"`
	ThreadsP99NS   int64   `json:"threads_p99_ns,omitempty"`
	RatioToThreads float64 `json:"ratio_to_threads,omitempty"`
	// Dual only: the same over v1's two buffers, and the bytes of shared memory that either takes.
	DualP50NS    int64   `json:"dual_p50_ns,omitempty"`
	DualP99NS    int64   `json:"dual_p99_ns,omitempty"`
	RatioToDual  float64 `json:"ratio_to_dual,omitempty"`
	ShmBytes     int64   `json:"shm_bytes,omitempty"`
	DualShmBytes int64   `json:"dual_shm_bytes,omitempty"`
	ShmRatio     float64 `json:"shm_ratio,omitempty"`
}

type options struct {
	kind                         string
	json                         bool
	cpus, pairs, peers           string
	passes                       int
	sizes, waits, inflight, file string
	count                        int
}

// measured are the frames of one measurement: enough for a steady 99th percentile, few enough to end.
const (
	smallCount = 20_000
	largeCount = 400
	frameSize  = 3_110_416 // a 1920 x 1080 picture in 12 bits per pixel and a header, as cameras give it
)

// Run runs the command and returns its exit code.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	set := flags.New("zeroduplex bench", usage, stderr)
	var o options
	set.BoolVar(&o.json, "json", false, "print JSON")
	set.StringVar(&o.cpus, "cpus", "", "CPUs of client and server, as 0,1; -1 for any (default: the first two)")
	set.StringVar(&o.pairs, "pairs", "", "client/server pairs, as go/cpp,cpp/cpp (default: all)")
	set.StringVar(&o.peers, "peers", peers.Folder(), "folder of the peers of all languages")
	set.StringVar(&o.file, "out", "", "file to write the JSON form to as well")
	set.IntVar(&o.passes, "passes", 3, "how often to measure everything")
	set.IntVar(&o.count, "count", 0, "frames per measurement, 0 to choose by size and wait")
	set.StringVar(&o.sizes, "sizes", "", "bytes per frame (default: 64,4096,65536,1048576,25000000, frames: 3110416, dual: "+dualSizes+")")
	set.StringVar(&o.waits, "waits", "", "wait strategies (default: spin,hybrid,block, frames and dual: hybrid)")
	set.StringVar(&o.inflight, "inflight", "1", "frames on their way at the same time")
	positional, code, ok := set.Parse(args, "rtt, frames or dual")
	if !ok {
		return code
	}
	o.kind = positional[0]
	plan, err := o.plan()
	if err != nil {
		return set.Misuse(err)
	}
	document, err := plan.run(ctx, stderr)
	if err != nil {
		return set.Fail(err)
	}
	return set.Finish(o.report(document, stdout))
}

// plan is what is going to be measured.
type plan struct {
	kind                 string
	passes               int
	clientCPU, serverCPU int
	pairs                []pair
	settings             []setting
}

// pair is two languages and their programs.
type pair struct {
	client, server               string
	clientProgram, serverProgram peers.Command
}

// setting is one way to exchange frames.
type setting struct {
	size, inflight, count, warmup int
	wait                          string
	touch                         benchproto.Touch
	threads                       bool
	dual                          bool
}

func (o options) plan() (plan, error) {
	p := plan{kind: o.kind, passes: o.passes}
	sizes, waits, touch := "64,4096,65536,1048576,25000000", "spin,hybrid,block", benchproto.TouchNone
	switch o.kind {
	case "rtt":
	case "frames":
		sizes, waits, touch = strconv.Itoa(frameSize), "hybrid", benchproto.TouchPage
	case "dual":
		sizes, waits, touch = dualSizes, "hybrid", benchproto.TouchPage
	default:
		return p, fmt.Errorf("%q is not one of rtt, frames, dual", o.kind)
	}
	if o.passes < 1 || o.count < 0 {
		return p, errors.New("--passes must be at least 1, --count not negative")
	}
	if o.sizes != "" {
		sizes = o.sizes
	}
	if o.waits != "" {
		waits = o.waits
	}
	sizeList, err1 := integers("--sizes", sizes, 0)
	inflightList, err2 := integers("--inflight", o.inflight, 1)
	if err := errors.Join(err1, err2); err != nil {
		return p, err
	}
	for _, wait := range strings.Split(waits, ",") {
		if !slices.Contains([]string{"spin", "hybrid", "block"}, wait) {
			return p, fmt.Errorf("wait %q is not one of spin, hybrid, block", wait)
		}
		for _, size := range sizeList {
			for _, inflight := range inflightList {
				s := setting{size: size, inflight: inflight, wait: wait, touch: touch, threads: o.kind == "frames", dual: o.kind == "dual", count: o.count}
				s.chooseCount()
				p.settings = append(p.settings, s)
			}
		}
	}
	if err := p.place(o.cpus); err != nil {
		return p, err
	}
	return p, p.choosePairs(o)
}

func (s *setting) chooseCount() {
	if s.count == 0 {
		s.count = smallCount
		if s.touch != benchproto.TouchNone {
			s.count = largeCount
		}
	}
	s.warmup = max(1, s.count/10)
}

func integers(name, list string, least int) (values []int, err error) {
	for _, item := range strings.Split(list, ",") {
		value, err := strconv.Atoi(item)
		if err != nil || value < least {
			return nil, fmt.Errorf("%s: %q is no number of at least %d", name, item, least)
		}
		values = append(values, value)
	}
	return values, nil
}

// place chooses the CPUs: client on the first, server on the second where there are two.
func (p *plan) place(cpus string) error {
	if cpus == "" {
		allowed, err := allowedCPUs()
		if err != nil {
			return err
		}
		p.clientCPU, p.serverCPU = allowed[0], allowed[min(1, len(allowed)-1)]
		return nil
	}
	chosen, err := integers("--cpus", cpus, -1)
	if err != nil {
		return err
	}
	if len(chosen) != 2 {
		return fmt.Errorf("--cpus wants two numbers, %q has %d", cpus, len(chosen))
	}
	p.clientCPU, p.serverCPU = chosen[0], chosen[1]
	return nil
}

// choosePairs makes all pairs of languages, or those that were asked for.
func (p *plan) choosePairs(o options) error {
	languages, err := peers.Find(o.peers, "bench-server", "bench-client")
	if err != nil {
		return err
	}
	wanted := map[string]bool{}
	if o.pairs != "" {
		for _, name := range strings.Split(o.pairs, ",") {
			wanted[name] = true
		}
	}
	for _, client := range languages {
		for _, server := range languages {
			name := client.Name + "/" + server.Name
			if o.pairs == "" || wanted[name] {
				p.pairs = append(p.pairs, pair{client: client.Name, server: server.Name,
					clientProgram: client.Peer("bench-client"), serverProgram: server.Peer("bench-server")})
				delete(wanted, name)
			}
		}
	}
	for name := range wanted {
		return fmt.Errorf("--pairs: there is no pair %q", name)
	}
	return nil
}

// run measures everything, the pairs of a setting right after each other, as often as there are passes.
func (p plan) run(ctx context.Context, progress io.Writer) (Document, error) {
	d := Document{SchemaVersion: SchemaVersion, Kind: p.kind, Host: describeHost(p.clientCPU, p.serverCPU), Passes: p.passes}
	measured := make([][]figures, len(p.settings)*len(p.pairs))
	for pass := range p.passes {
		for i, s := range p.settings {
			for j, pair := range p.pairs {
				fmt.Fprintf(progress, "pass %d of %d: %s/%s, %s bytes, %s, %d in flight\n", pass+1, p.passes, pair.client, pair.server, table.Count(s.size), s.wait, s.inflight)
				result, err := p.measureBoth(ctx, pair, s, pass)
				if err != nil {
					return d, fmt.Errorf("%s client, %s server, %d bytes, %s: %w", pair.client, pair.server, s.size, s.wait, err)
				}
				measured[i*len(p.pairs)+j] = append(measured[i*len(p.pairs)+j], result)
			}
		}
	}
	for i, s := range p.settings {
		for j, pair := range p.pairs {
			d.Results = append(d.Results, combine(pair, s, measured[i*len(p.pairs)+j]))
		}
	}
	return d, nil
}

// measure runs one client against one server, and says what their channel takes in shared memory.
func (p plan) measure(ctx context.Context, pair pair, s setting, protocolName string) (result benchproto.ClientResult, shm int64, err error) {
	channel := fmt.Sprintf("zd-bench-%d", os.Getpid())
	control := "/dev/shm/" + channel + ".control"
	if err := benchproto.CreateControlFile(control); err != nil {
		return result, 0, err
	}
	defer func() { err = errors.Join(err, os.Remove(control)) }()
	common := []string{"--name", channel, "--size", strconv.Itoa(s.size), "--inflight", strconv.Itoa(s.inflight), "--wait", s.wait,
		"--limit-object", control, "--touch", string(s.touch)}
	server, err := pair.serverProgram.Start(ctx, append(common, "--cpu", strconv.Itoa(p.serverCPU), "--protocol", protocolName)...)
	if err != nil {
		return result, 0, err
	}
	defer func() {
		_, stopped := server.Stop()
		err = errors.Join(err, stopped)
	}()
	threadsCPU := -1
	if s.threads {
		threadsCPU = max(0, p.serverCPU)
	}
	memory := watchMemory(channel, protocolName)
	printed, err := pair.clientProgram.Run(ctx, append(common, "--cpu", strconv.Itoa(p.clientCPU), "--count", strconv.Itoa(s.count),
		"--warmup", strconv.Itoa(s.warmup), "--threads-cpu", strconv.Itoa(threadsCPU))...)
	shm = memory()
	if err != nil {
		return result, 0, err
	}
	if err := json.Unmarshal(printed, &result); err != nil {
		return result, 0, fmt.Errorf("reading the client's result %q: %w", printed, err)
	}
	// v1 has no limit to be compared with.
	if result.Samples != s.count || result.P50NS <= 0 || result.LimitP50NS <= 0 && protocolName == protocol.InPlace {
		return result, 0, fmt.Errorf("the client's result %q is not of %d samples", strings.TrimSpace(string(printed)), s.count)
	}
	if s.dual && shm == 0 {
		return result, 0, fmt.Errorf("the objects of %s were never seen together", channel)
	}
	return result, shm, nil
}

// combine takes the median of each figure over the passes.
func combine(pair pair, s setting, passes []figures) Result {
	median := func(figure func(figures) int64) int64 {
		var values []int64
		for _, pass := range passes {
			values = append(values, figure(pass))
		}
		return stats.Summarize(values).P50
	}
	r := Result{Client: pair.client, Server: pair.server, Size: s.size, Wait: s.wait, Inflight: s.inflight, Touch: string(s.touch), Samples: s.count,
		P50NS:        median(func(f figures) int64 { return f.P50NS }),
		P99NS:        median(func(f figures) int64 { return f.P99NS }),
		LimitP50NS:   median(func(f figures) int64 { return f.LimitP50NS }),
		ThreadsP50NS: median(func(f figures) int64 { return f.ThreadsP50NS }),
		ThreadsP99NS: median(func(f figures) int64 { return f.ThreadsP99NS }),
		DualP50NS:    median(func(f figures) int64 { return f.dual.P50NS }),
		DualP99NS:    median(func(f figures) int64 { return f.dual.P99NS }),
	}
	if s.dual {
		r.ShmBytes, r.DualShmBytes = passes[0].shm, passes[0].dualShm // of every pass
	}
	r.RatioToLimit = ratio(r.P50NS, r.LimitP50NS)
	r.RatioToThreads = ratio(r.P50NS, r.ThreadsP50NS)
	r.RatioToDual = ratio(r.P50NS, r.DualP50NS)
	r.ShmRatio = ratio(r.ShmBytes, r.DualShmBytes)
	return r
}

// ratio is a/b with three decimals, 0 without b.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(float64(a)/float64(b), 'f', 3, 64), 64) // its own output always parses
	return rounded
}

func (o options) report(d Document, stdout io.Writer) error {
	encoded, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	encoded = append(encoded, '\n')
	if o.file != "" {
		if err := os.WriteFile(o.file, encoded, 0o644); err != nil {
			return err
		}
	}
	if o.json {
		_, err = stdout.Write(encoded)
		return err
	}
	return d.write(stdout)
}

func (d Document) write(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d CPUs, kernel %s, client on CPU %d, server on CPU %d, medians over %d passes\n",
		d.Host.CPU, d.Host.CPUs, d.Host.Kernel, d.Host.ClientCPU, d.Host.ServerCPU, d.Passes)
	t := table.Table{Columns: []table.Column{table.Left("client"), table.Left("server"), table.Right("bytes"), table.Left("wait"), table.Right("in flight"),
		table.Right("median"), table.Right("p99"), table.Right("limit"), table.Right("× limit")}}
	if d.Kind == "frames" {
		t.Columns = append(t.Columns, table.Right("two threads"), table.Right("× threads"))
	}
	if d.Kind == "dual" {
		t.Columns = append(t.Columns, table.Right("two buffers"), table.Right("× buffers"), table.Right("memory"), table.Right("of two"), table.Right("× memory"))
	}
	for _, r := range d.Results {
		cells := []string{r.Client, r.Server, table.Count(r.Size), r.Wait, table.Count(r.Inflight), table.Nanoseconds(r.P50NS), table.Nanoseconds(r.P99NS),
			table.Nanoseconds(r.LimitP50NS), fmt.Sprintf("%.2f", r.RatioToLimit)}
		switch d.Kind {
		case "frames":
			cells = append(cells, table.Nanoseconds(r.ThreadsP50NS), fmt.Sprintf("%.2f", r.RatioToThreads))
		case "dual":
			cells = append(cells, table.Nanoseconds(r.DualP50NS), fmt.Sprintf("%.2f", r.RatioToDual), table.Count(int(r.ShmBytes)), table.Count(int(r.DualShmBytes)),
				fmt.Sprintf("%.4f", r.ShmRatio))
		}
		t.Add(cells...)
	}
	return t.Write(w)
}

// Host is where it was measured.
type Host struct {
	CPU       string `json:"cpu"`
	CPUs      int    `json:"cpus"`
	Kernel    string `json:"kernel"`
	GoVersion string `json:"go_version"`
	Arch      string `json:"arch"`
	ClientCPU int    `json:"client_cpu"` // -1: not pinned
	ServerCPU int    `json:"server_cpu"`
}

func describeHost(clientCPU, serverCPU int) Host {
	h := Host{CPU: "unknown processor", CPUs: runtime.NumCPU(), Kernel: "unknown", GoVersion: runtime.Version(), Arch: runtime.GOARCH, ClientCPU: clientCPU, ServerCPU: serverCPU}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		h.Kernel = strings.TrimSpace(string(release))
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, line := range strings.Split(string(info), "\n") {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				h.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	return h
}
