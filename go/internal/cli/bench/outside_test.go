package bench

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/document"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/protocol"
)

// scripts are programs for a test: a server that does what it should, unless another is given, and a client.
type scripts struct{ server, client string }

const (
	goodServer = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done"
	// goodClient answers for five samples.
	goodClient = `echo '{"p50_ns":300,"p99_ns":900,"samples":5,"limit_p50_ns":0,"cpu":0,"clock_ns":20}'`
	// ownClient tells what ours must tell.
	ownClient = `echo '{"p50_ns":300,"p99_ns":900,"p999_ns":950,"samples":5,"limit_p50_ns":100,"cpu":0,"clock_ns":20,"elapsed_ns":2000,"client":{"cpu_ns":1,"ran_on":[]},"server":{"ran_on":[]}}'`
)

// ownServer is a server of ours as the driver sees it: the channel's files are there while it lives.
func ownServer() string {
	files := strings.Join(protocol.Paths(protocol.InPlace, "$2"), " ") // its arguments begin with --name NAME
	return "for file in " + files + "; do echo >$file; done; trap 'rm " + files + "; exit 0' TERM; echo ready; while :; do sleep 0.01; done"
}

// write puts the programs into folder/name and returns that.
func (s scripts) write(t *testing.T, folder, name string) string {
	folder = filepath.Join(folder, name)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	if s.server == "" {
		s.server = goodServer
	}
	for program, body := range map[string]string{"bench-server": s.server, "bench-client": s.client} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, program), []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	}
	return folder
}

// runOutside measures a pair of ours, which is made of scripts too, and an outside one in two settings of two passes.
func runOutside(t *testing.T, outside scripts) (document.Document, error) {
	folder := t.TempDir()
	scripts{server: ownServer(), client: ownClient}.write(t, filepath.Join(folder, "peers"), "go")
	o := options{kind: "rtt", passes: 2, count: 5, inflight: "1", sizes: "64,128", waits: "spin", cpus: "-1,-1", peers: filepath.Join(folder, "peers"),
		outside: "other=" + outside.write(t, folder, "elsewhere")}
	p, err := o.plan()
	require.NoError(t, err)
	return p.run(t.Context(), io.Discard)
}

func TestAnOutsidePeerIsComparedWithOurLimit(t *testing.T) {
	d, err := runOutside(t, scripts{client: goodClient})
	require.NoError(t, err)
	require.Len(t, d.Results, 4)
	ours := d.Results[0]
	assert.Equal(t, []any{"go", false, 5, int64(300), int64(950), int64(100), 3.0, ptr(5)}, []any{ours.Client, ours.Outside, ours.Samples, ours.P50NS, ours.P999NS, ours.LimitP50NS, ours.RatioToLimit, ours.ShmBytes})
	assert.Equal(t, document.Result{Client: "other", Server: "other", Outside: true, Size: 64, Wait: "spin", Inflight: 1, Touch: "none", Samples: 5, P50NS: 300, P99NS: 900, LimitP50NS: 100, RatioToLimit: 3}, d.Results[1])
}

func TestWhatAnOutsidePeerCannotDoIsNoMeasurement(t *testing.T) {
	refusal := "echo 'no busy wait here' >&2; echo 'and more' >&2; exit 3"
	for _, outside := range []scripts{{client: refusal}, {server: refusal, client: goodClient}} {
		d, err := runOutside(t, outside)
		require.NoError(t, err)
		require.Len(t, d.Results, 4)
		assert.Equal(t, document.Result{Client: "other", Server: "other", Outside: true, Unsupported: "no busy wait here", Size: 64, Wait: "spin", Inflight: 1, Touch: "none"}, d.Results[1])
		var text strings.Builder
		require.NoError(t, write(d, &text))
		assert.Contains(t, text.String(), "unsupported")
	}
	// Some settings only.
	d, err := runOutside(t, scripts{client: `case "$*" in *"--size 128"*) ` + refusal + ` ;; esac; ` + goodClient})
	require.NoError(t, err)
	assert.EqualValues(t, 300, d.Results[1].P50NS)
	assert.Zero(t, d.Results[3].P50NS)
	assert.Equal(t, "no busy wait here", d.Results[3].Unsupported)
}

func TestFailuresOfOutsidePeersAreNoMeasurement(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	for want, outside := range map[string]scripts{
		"exit status 4: broken":         {client: "echo broken >&2; exit 4"},
		"it ended before it was ready":  {server: "exit 1", client: "exit 0"},
		"reading the client's result":   {client: "echo '{\"p50_ns\":'"},
		"is not of 5 samples":           {client: `echo '{"p50_ns":1,"p99_ns":2,"samples":4}'`},
		"is told --cpu -1":              {server: `case "$*" in *--protocol*) exit 1 ;; *) echo "is told ${13} ${14}${15}" >&2; exit 1 ;; esac`, client: "exit 0"},
		"exit status 9":                 {server: strings.Replace(goodServer, "exit 0", "exit 9", 1), client: "echo no >&2; exit 3"},
		"measured before, and in pass ": {client: "if [ -e " + once + " ]; then echo no >&2; exit 3; fi; : >" + once + "; " + goodClient},
	} {
		d, err := runOutside(t, outside)
		require.NoError(t, err)
		require.Len(t, d.Results, 4)
		assert.EqualValues(t, 300, d.Results[0].P50NS, "ours are measured all the same")
		failed := d.Results[1]
		assert.Contains(t, failed.Failed, want)
		failed.Failed = ""
		assert.Equal(t, document.Result{Client: "other", Server: "other", Outside: true, Size: 64, Wait: "spin", Inflight: 1, Touch: "none"}, failed)
		assert.Contains(t, d.Failures()[0], "other, 64 bytes, spin, touch none: ")
		var text strings.Builder
		require.NoError(t, write(d, &text))
		assert.Contains(t, text.String(), "failed")
	}
}

func TestTheCommandFailsWhenAnOutsidePeerDoes(t *testing.T) {
	folder := t.TempDir()
	scripts{server: ownServer(), client: ownClient}.write(t, filepath.Join(folder, "peers"), "go")
	other := scripts{client: "echo broken >&2; exit 4"}.write(t, folder, "elsewhere")
	file := filepath.Join(folder, "out.json")
	var stdout, stderr strings.Builder
	args := []string{"rtt", "--passes", "1", "--count", "5", "--sizes", "64", "--waits", "spin", "--cpus", "-1,-1", "--peers", filepath.Join(folder, "peers"), "--out", file}
	assert.Equal(t, flags.OK, Run(t.Context(), args, &stdout, &stderr), stderr.String())
	assert.Equal(t, flags.Failed, Run(t.Context(), append(args, "--outside", "other="+other), &stdout, &stderr))
	assert.Contains(t, stderr.String(), "outside peers failed, the rest was measured:\nother, 64 bytes, spin, touch none: elsewhere bench-client: exit status 4: broken")
	assert.FileExists(t, file)

	assert.Equal(t, flags.Usage, Run(t.Context(), append(args, "--outside", "other="+filepath.Join(folder, "none")), &stdout, &stderr))
	assert.Equal(t, flags.Failed, Run(t.Context(), append(args, "--out", folder), &stdout, &stderr))
}

func TestOursMustSupportAndTellEverything(t *testing.T) {
	for client, want := range map[string]string{
		"echo no >&2; exit 3": "exit status 3: no",
		goodClient:            "does not say what client and server used",
		strings.Replace(ownClient, `"limit_p50_ns":100`, `"limit_p50_ns":0`, 1): "lacks a limit",
	} {
		folder := t.TempDir()
		scripts{server: ownServer(), client: client}.write(t, folder, "go")
		p, err := options{kind: "rtt", passes: 1, count: 5, inflight: "1", sizes: "64", cpus: "-1,-1", peers: folder}.plan()
		require.NoError(t, err)
		_, err = p.run(t.Context(), io.Discard)
		assert.ErrorContains(t, err, want)
	}
	folder := t.TempDir()
	scripts{client: ownClient}.write(t, folder, "go")
	p, err := options{kind: "rtt", passes: 1, count: 5, inflight: "1", sizes: "64", waits: "spin", cpus: "-1,-1", peers: folder}.plan()
	require.NoError(t, err)
	_, err = p.run(t.Context(), io.Discard)
	assert.ErrorContains(t, err, "were never seen together")
}

func TestOutsideRefuses(t *testing.T) {
	folder := t.TempDir()
	good := scripts{client: "exit 0"}.write(t, folder, "good")
	for list, want := range map[string]string{
		"other":                           `"other" is not NAME=FOLDER`,
		"=" + good:                        "is not NAME=FOLDER",
		"other=":                          "is not NAME=FOLDER",
		"a/b=" + good:                     "is not NAME=FOLDER",
		"go=" + good:                      `the name "go" is taken`,
		"a=" + good + ",a=" + good:        `the name "a" is taken`,
		"a=" + filepath.Join(folder, "-"): "is no folder of bench-server and bench-client",
	} {
		_, err := outsidePairs(list)
		assert.ErrorContains(t, err, want, list)
	}
	pairs, err := outsidePairs("a=" + good + ",b=" + good)
	require.NoError(t, err)
	require.Len(t, pairs, 2)
	assert.Equal(t, []string{"b", "b"}, []string{pairs[1].client, pairs[1].server})
}
