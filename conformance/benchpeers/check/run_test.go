package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	server = "trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done"
	line   = `{"p50_ns":3,"p99_ns":4,"p999_ns":5,"samples":20,"cpu":-1,"clock_ns":1,"limit_p50_ns":0}`
	// honest has its client fail when the server was told to answer wrongly, which the server leaves word of.
	honestServer = `case "$*" in *--corrupt*) touch "${0%/*}/wrong";; esac; ` + server
	honestClient = `[ -e "${0%/*}/wrong" ] && { echo wrong >&2; exit 1; }; echo '` + line + "'"
	refusal      = "echo 'cannot' >&2; exit 3"
)

// scripts makes a peer of two shell scripts.
func scripts(t *testing.T, server, client string) programs {
	folder := t.TempDir()
	for program, body := range map[string]string{"bench-server": server, "bench-client": client} {
		if err := os.WriteFile(filepath.Join(folder, program), []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return programs{folder: folder, name: "test"}
}

func TestAPeerIsJudged(t *testing.T) {
	print := func(from, to string) string { return "echo '" + strings.Replace(line, from, to, 1) + "'" }
	for _, c := range []struct {
		what, server, client string
		unsupported          bool
		want                 string // "": passes
	}{
		{"an honest peer", honestServer, honestClient, false, ""},
		{"a client that checks nothing", server, "echo '" + line + "'", false, "with a wrong byte in frame 15 the client printed"},
		{"a client that cannot say what is wrong", honestServer, strings.Replace(honestClient, "echo wrong >&2; ", "", 1), false, "with a wrong byte"},
		{"too few frames", server, print(":20", ":19"), false, "is not of 20 frames"},
		{"a limit of its own", server, print(`"limit_p50_ns":0`, `"limit_p50_ns":7`), false, "is not of 20 frames"},
		{"percentiles that fall", server, print(`"p999_ns":5`, `"p999_ns":1`), false, "is not of 20 frames"},
		{"a figure too few", server, print(`"clock_ns":1,`, ""), false, "lacks a figure"},
		{"no JSON", server, "echo fast", false, "invalid character"},
		{"two lines", server, "echo one; echo two", false, "is not one line"},
		{"a client that fails", server, "echo lost >&2; exit 1", false, "bench-client ended with code 1: lost"},
		{"a server that is not ready", "echo steady; exit 1", "exit 0", false, `printed "steady\n" instead of ready`},
		{"a server that fails at its end", strings.Replace(server, "exit 0", "exit 4", 1), "echo '" + line + "'", false, "bench-server ended with code 4"},
		{"refused though supported", refusal, refusal, false, "bench-server ended with code 3: cannot"},
		{"a refusal", refusal, refusal, true, ""},
		{"supported though it should not be", "exit 0", refusal, true, "bench-server should not support this, and said: nothing"},
		{"refused by the server only", refusal, "exit 1", true, "bench-client should not support this"},
		{"a refusal without a reason", refusal, "exit 3", true, "instead of one line about what is not supported"},
	} {
		err := scripts(t, c.server, c.client).check(t.Context(), setting{size: 64, inflight: 1, wait: "block", touch: "all"}, !c.unsupported)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.what, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, which does not say %q", c.what, err, c.want)
		}
	}
}

func TestAMissingProgramIsAFailure(t *testing.T) {
	if err := (programs{folder: t.TempDir(), name: "test"}).check(t.Context(), setting{size: 64, inflight: 1, wait: "block", touch: "none"}, true); err == nil {
		t.Error("an empty folder passed")
	}
}

func TestNamesChoosePeers(t *testing.T) {
	for _, c := range []struct{ names, want []string }{{nil, []string{"unix-socket", "pyzmq"}}, {[]string{"grpc-go", "unix-socket"}, []string{"unix-socket", "grpc-go"}}} {
		chosen, err := named(c.names)
		if err != nil || len(chosen) < 2 || chosen[0].name != c.want[0] || chosen[len(chosen)-1].name != c.want[1] {
			t.Errorf("%v chose %v, %v", c.names, chosen, err)
		}
	}
	if chosen, err := named([]string{"unix-socket", "nobody"}); err == nil || !strings.Contains(err.Error(), `no bench peer "nobody"`) {
		t.Errorf("nobody chose %v, %v", chosen, err)
	}
}
