// Command check runs every outside peer of the benchmark in every setting: what it should do, it must do and report as agreed; what it does
// not do, it must say; and an answer with one wrong byte must make its client fail.
//
//	check FOLDER [NAME...]   with FOLDER/NAME/bench-server and bench-client, as build.sh leaves them; without names all of them
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
)

// peer is one that must be there, and what it does not support.
type peer struct {
	name    string
	waits   []string // that it lacks
	touches []string
}

var spin = []string{"spin"}

var peers = []peer{
	{name: "unix-socket"},
	{name: "shm-doorbell"},
	{name: "grpc-go", waits: spin},
	{name: "zeromq"},
	{name: "iceoryx2"},
	{name: "iceoryx2-answer", touches: []string{"page", "all"}},
	{name: "zerobuffer-ipc", waits: spin},
	{name: "multiprocessing-shm", waits: spin},
	{name: "pyzmq"},
}

// setting is one way to exchange frames.
type setting struct {
	size, inflight int
	wait, touch    string
}

func (s setting) String() string {
	return fmt.Sprintf("%d bytes, %s, %s, %d in flight", s.size, s.wait, s.touch, s.inflight)
}

// settings are all waits and touches, and the largest frames. The size is neither a multiple of anything nor below a page.
func settings() (all []setting) {
	for _, wait := range []string{"block", "hybrid", "spin"} {
		for i, touch := range []string{"none", "fill", "page", "all"} {
			all = append(all, setting{size: 100_003, inflight: 1 + 3*(i%2), wait: wait, touch: touch})
		}
	}
	return append(all, setting{size: 64, inflight: 1, wait: "block", touch: "all"}, setting{size: 64, inflight: 16, wait: "block", touch: "none"},
		setting{size: 25_000_000, inflight: 1, wait: "block", touch: "fill"})
}

func (p peer) supports(s setting) bool {
	return !slices.Contains(p.waits, s.wait) && !slices.Contains(p.touches, s.touch)
}

// named are the peers of these names, all of them without any.
func named(names []string) ([]peer, error) {
	for _, name := range names {
		if !slices.ContainsFunc(peers, func(p peer) bool { return p.name == name }) {
			return nil, fmt.Errorf("there is no bench peer %q", name)
		}
	}
	if len(names) == 0 {
		return peers, nil
	}
	return slices.DeleteFunc(slices.Clone(peers), func(p peer) bool { return !slices.Contains(names, p.name) }), nil
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: check FOLDER [NAME...]")
		os.Exit(2)
	}
	chosen, err := named(os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "check:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	passed, failed := 0, 0
	for _, p := range chosen {
		fmt.Println("checking the bench peer", p.name)
		programs := programs{folder: filepath.Join(os.Args[1], p.name), name: fmt.Sprintf("check-%d-%s", os.Getpid(), p.name)}
		for _, s := range settings() {
			if err := programs.check(ctx, s, p.supports(s)); err != nil {
				fmt.Printf("FAIL  %s, %s: %v\n", p.name, s, err)
				failed++
			} else {
				passed++
			}
		}
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}
