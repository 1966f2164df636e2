// Package benchproto is what the benchmark's driver, its clients and its servers agree on, in every language.
//
// Two processes are measured against the raw limit of the machine: one cache line bounced between the same two
// threads that exchange frames. To keep everything else off both CPUs the limit is run inside a handler: the client
// sends a frame with OpcodeLimit, the server's handler and the client then bounce the ball, and the frame is answered.
//
// The ball lives in a control file of FileSize bytes that the driver makes and removes; both processes map it shared
// and writable. Little-endian, everything else zero:
//
//	0x000  u64  magic   FileMagic
//	0x080  u64  rounds  written by the client before it sends the frame, 1 to MaxRounds
//	0x100  u64  ball    alone on its cache lines and on those that the prefetcher pairs with it
//
//	client: ball = 0, rounds = n, send; for i = 1..n: store(release) ball = 2i-1, spin (acquire) until ball == 2i
//	server: read rounds once;           for i = 1..n: spin (acquire) until ball == 2i-1, store(release) ball = 2i
//
// Both give up after StallLimit without progress, so that a dead peer ends the measurement and not the machine's CPU time.
package benchproto

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// FileSize is the exact length of the control file.
	FileSize = 4096
	// FileMagic stands at offset 0: "ZDBENCH1" in memory order.
	FileMagic uint64 = 0x3148434E4542445A
	// RoundsOffset is where the client says how often the ball goes there and back.
	RoundsOffset = 0x080
	// BallOffset is where the ball is.
	BallOffset = 0x100

	// OpcodeLimit asks the server's handler for a limit batch; every other frame is an ordinary one.
	OpcodeLimit uint32 = 1
	// LimitRounds is the length of one limit batch and LimitWarmup how many of its first samples are dropped.
	LimitRounds = 2000
	LimitWarmup = 100
	// MaxRounds bounds what a server accepts.
	MaxRounds = 1_000_000
	// StallLimit is how long either side spins without progress before it gives up.
	StallLimit = 10 * time.Second

	// Blocks is into how many blocks a measurement is cut; after each a limit batch is run.
	Blocks = 20
	// Page is the distance between the bytes that TouchPage changes.
	Page = 4096
)

// ErrStalled says that the peer stopped bouncing the ball.
var ErrStalled = errors.New("the peer did not return the ball for 10 s")

// Touch says how much of a frame both sides touch.
type Touch string

// What --touch accepts.
const (
	TouchNone Touch = "none" // the frame number only
	TouchPage Touch = "page" // client fills all, server inverts and client reads one byte per page
	TouchAll  Touch = "all"  // client fills all, server inverts and client reads all
)

// ParseTouch accepts exactly the three values.
func ParseTouch(s string) (Touch, error) {
	switch t := Touch(s); t {
	case TouchNone, TouchPage, TouchAll:
		return t, nil
	}
	return "", fmt.Errorf("touch %q is not one of none, page, all", s)
}

// ClientResult is the one line of JSON that a bench client prints.
type ClientResult struct {
	P50NS        int64 `json:"p50_ns"`
	P99NS        int64 `json:"p99_ns"`
	Samples      int   `json:"samples"`
	LimitP50NS   int64 `json:"limit_p50_ns"`
	CPU          int   `json:"cpu"`
	ClockNS      int64 `json:"clock_ns"`
	ThreadsP50NS int64 `json:"threads_p50_ns"`
	ThreadsP99NS int64 `json:"threads_p99_ns"`
}

// PayloadSize is the ring that both languages' servers give a measurement: room for the frames in flight and one more.
func PayloadSize(size, inflight uint64) uint64 {
	const block = 64
	return (inflight + 1) * (block + (size+block-1)/block*block)
}

// BlockSizes cuts count frames into at most Blocks blocks that differ by one frame at most.
func BlockSizes(count int) []int {
	blocks := min(Blocks, count)
	sizes := make([]int, blocks)
	for i := range sizes {
		sizes[i] = count*(i+1)/blocks - count*i/blocks
	}
	return sizes
}

// CreateControlFile makes a fresh control file at path, which must not exist.
func CreateControlFile(path string) error {
	image := make([]byte, FileSize)
	binary.LittleEndian.PutUint64(image, FileMagic)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("creating the benchmark's control file: %w", err)
	}
	_, err = file.Write(image)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(fmt.Errorf("writing the benchmark's control file: %w", err), os.Remove(path))
	}
	return nil
}
