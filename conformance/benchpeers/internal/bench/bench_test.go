package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// loop is a peer within one goroutine: what is sent waits in a queue and is handled when it is received.
type loop struct {
	filler  *Filler
	handler *Handler
	frames  [][]byte
	lose    bool
}

func (l *loop) Send(n uint64) error {
	data := make([]byte, l.filler.size)
	l.filler.Fill(data, n)
	l.frames = append(l.frames, data)
	return nil
}

func (l *loop) Receive(n uint64) error {
	data := l.frames[0]
	l.frames = l.frames[1:]
	l.handler.Handle(data)
	if l.lose {
		data = data[1:]
	}
	return l.filler.Check(data, n)
}

func (l *loop) Close() error { return nil }

func TestWorkIsCheckedUnderEveryTouchAndSize(t *testing.T) {
	for _, touch := range []Touch{TouchNone, TouchFill, TouchPage, TouchAll} {
		for _, size := range []int{8, 9, 63, 64, 65, 4096, 4097, 100_001} {
			for _, inflight := range []int{1, 16} {
				o := Options{Size: size, Inflight: inflight, Touch: touch, Count: 600, Warmup: 7}
				result, err := measure(o, &loop{filler: NewFiller(o), handler: NewHandler(o)})
				if err != nil || result.Samples != 600 {
					t.Errorf("%s, %d bytes, %d in flight: %+v, %v", touch, size, inflight, result, err)
				}
				o.Corrupt = 300
				if _, err = measure(o, &loop{filler: NewFiller(o), handler: NewHandler(o)}); err == nil || !strings.Contains(err.Error(), "frame 300") {
					t.Errorf("%s, %d bytes, %d in flight: a wrong byte in frame 300 gave %v", touch, size, inflight, err)
				}
			}
		}
	}
}

func TestEveryByteCountsWhenAllAreTouched(t *testing.T) {
	for _, size := range []int{8, 64, 200} {
		o := Options{Size: size, Touch: TouchAll}
		filler, handler := NewFiller(o), NewHandler(o)
		for wrong := range size {
			data := make([]byte, size)
			filler.Fill(data, 258)
			handler.Handle(data)
			data[wrong] ^= 0x80
			if filler.Check(data, 258) == nil {
				t.Errorf("byte %d of %d is wrong, which was not seen", wrong, size)
			}
		}
	}
}

func TestAShortAnswerIsSeen(t *testing.T) {
	o := Options{Size: 64, Inflight: 1, Touch: TouchNone, Count: 1}
	if _, err := measure(o, &loop{filler: NewFiller(o), handler: NewHandler(o), lose: true}); err == nil {
		t.Error("63 bytes of 64 passed")
	}
}

func TestPercentilesPickTheStatedIndex(t *testing.T) {
	thousand := make([]int64, 1000)
	for i := range thousand {
		thousand[i] = int64(i)
	}
	for q, want := range map[float64]int64{0: 0, 0.5: 500, 0.99: 990, 0.999: 999, 1: 999} {
		if got := percentile(thousand, q); got != want {
			t.Errorf("%v: %d instead of %d", q, got, want)
		}
	}
}

// local is a peer that serves nothing and whose client is a loop.
var local = Peer{
	Unsupported: func(o Options) string {
		if o.Spin() {
			return "busy waiting"
		}
		return ""
	},
	Listen: func(o Options) (<-chan error, error) {
		ended := make(chan error, 1)
		if o.Size == 9 {
			ended <- errors.New("broken")
		}
		if o.Size == 10 {
			return nil, errors.New("no room")
		}
		return ended, nil
	},
	Connect: func(o Options) (Client, error) {
		if o.Size == 10 {
			return nil, errors.New("nobody there")
		}
		return &loop{filler: NewFiller(o), handler: NewHandler(o)}, nil
	},
}

func start(program, args string) (code int, stdout, stderr string) {
	ctx, cancel := context.WithCancel(context.Background())
	if !strings.Contains(args, "--size 9") {
		cancel() // as SIGTERM does, so that a server ends once it is ready
	}
	defer cancel()
	var out, complaints bytes.Buffer
	code = run(ctx, local, program, strings.Fields(args), &out, &complaints)
	return code, out.String(), complaints.String()
}

func TestPrograms(t *testing.T) {
	for _, c := range []struct {
		program, args  string
		code           int
		stdout, stderr string
	}{
		{"bench-server", "--name x --limit-object /none", exitOK, "ready\n", ""},
		{"bench-server", "--name x --size 9", exitFailed, "ready\n", "bench-server: serving ended: broken\n"},
		{"bench-server", "--name x --size 10", exitFailed, "", "bench-server: no room\n"},
		{"bench-client", "--name x --size 10", exitFailed, "", "bench-client: nobody there\n"},
		{"bench-client", "--name x --wait spin", exitUnsupported, "", "bench-client: not supported: busy waiting\n"},
		{"bench-client", "--name x --wait now", exitUsage, "", "bench-client: --wait \"now\" is not one of spin, hybrid, block\n"},
		{"bench-client", "--name x --touch some", exitUsage, "", "bench-client: --touch \"some\" is not one of none, fill, page, all\n"},
		{"bench-client", "--name x --size 0", exitUsage, "", "bench-client: --size and --inflight must be at least 1\n"},
		{"bench-client", "--name x --count 0", exitUsage, "", "bench-client: --count must be at least 1, --warmup and --corrupt not negative\n"},
		{"bench-client", "--name x more", exitUsage, "", "bench-client: unexpected argument \"more\"\n"},
		{"bench-client", "", exitUsage, "", "bench-client: --name is missing\n"},
		{"bench-server", "--help", exitOK, "", usage + "\n"},
		{"bench", "--name x", exitUsage, "", "bench: start it as bench-server or as bench-client\n"},
	} {
		code, stdout, stderr := start(c.program, c.args)
		if code != c.code || stdout != c.stdout || stderr != c.stderr {
			t.Errorf("%s %s: %d, %q, %q", c.program, c.args, code, stdout, stderr)
		}
	}
}

func TestTheClientPrintsOneLine(t *testing.T) {
	code, stdout, stderr := start("bench-client", "--name x --count 50 --threads-cpu 1 --touch all")
	var result map[string]int64
	if err := json.Unmarshal([]byte(stdout), &result); code != exitOK || stderr != "" || err != nil {
		t.Fatalf("%d, %q, %q, %v", code, stdout, stderr, err)
	}
	if result["samples"] != 50 || result["cpu"] != -1 || result["limit_p50_ns"] != 0 || result["p999_ns"] < result["p50_ns"] {
		t.Errorf("%v", result)
	}
}

func TestPinningSaysWhatFailed(t *testing.T) {
	if err := pinProcess(1023); err == nil || !strings.Contains(err.Error(), "pinning to CPU 1023") {
		t.Errorf("%v", err)
	}
}
