// Package benchproto is what the benchmark's driver, its clients and its servers agree on, in every language.
//
// Two processes are measured against the raw limit of the machine: one cache line bounced between the same two
// threads that exchange frames. To keep everything else off both CPUs the limit is run inside a handler: the client
// asks for AskLine and sends a frame, the server's handler and the client then bounce the ball, and the frame is answered.
//
// The ball lives in a control file of FileSize bytes that the driver makes and removes; both processes map it shared
// and writable. Little-endian, everything else zero:
//
//	0x000  u64  magic   FileMagic
//	0x080  u64  rounds     written by the client before it asks, 1 to MaxRounds
//	0x088  u64  asked      what the handler of the next frame is to do, 0 for its ordinary work; the client takes it back after the answer
//	0x100  u64  ball       alone on its cache lines and on those that the prefetcher pairs with it
//	0x180       the server's Note:
//	  +0   u64  allocated  bytes on the heap so far, and one more; 0: its language cannot tell
//	  +8   u64  cpu        the CPU that its handler runs on, and one more; 0: not known
//	  +16  u64  cpu_ns     CPU time of the process so far
//	  +24  u64  minor      page faults of the process so far
//	  +32  u64  major
//	0x1A8  u64  memory     the server's share of the channel's memory in bytes, and one more; 0: it was not asked or cannot tell
//
//	client: ball = 0, rounds = n, send; for i = 1..n: store(release) ball = 2i-1, spin (acquire) until ball == 2i
//	server: read rounds once;           for i = 1..n: spin (acquire) until ball == 2i-1, store(release) ball = 2i
//
// Where both sleep, the limit is a semaphore's: AskSemaphores makes the same two threads post to each other through the
// two named semaphores of SemaphoreName, rounds times, in the layout that the channel's own semaphores have:
//
//	client: rounds = n, send; n times: post "ping", wait for "pong"
//	server: read rounds once; n times: wait for "ping", post "pong"
//
// AskNote makes the handler write its note, AskMemory its SharedMemory. All give up after StallLimit without progress, so that a dead
// peer ends the measurement and not the machine's CPU time.
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
	// AskedOffset is where the client says what it asks for.
	AskedOffset = 0x088
	// BallOffset is where the ball is, NoteOffset where the server's note is.
	BallOffset = 0x100
	NoteOffset = 0x180
	// MemoryOffset is where the server says how much shared memory it has mapped.
	MemoryOffset = 0x1A8

	// What the client may ask for: a limit batch over the cache line, one over semaphores, and what the server knows about itself and
	// about its share of the channel's memory.
	AskNothing    uint64 = 0
	AskLine       uint64 = 1
	AskSemaphores uint64 = 2
	AskNote       uint64 = 3
	AskMemory     uint64 = 4
	// LimitRounds is the length of one limit batch and LimitWarmup how many of its first samples are dropped.
	LimitRounds = 2000
	LimitWarmup = 100
	// SemaphoreRounds and SemaphoreWarmup are the same for a batch over semaphores.
	SemaphoreRounds = 500
	SemaphoreWarmup = 25
	// MaxRounds bounds what a server accepts.
	MaxRounds = 1_000_000
	// StallLimit is how long either side spins without progress before it gives up.
	StallLimit = 10 * time.Second

	// Blocks is into how many blocks a measurement is cut; after each a limit batch is run.
	Blocks = 20
	// Page is the distance between the bytes that TouchPage changes, AnswerSize how many bytes TouchFill changes.
	Page       = 4096
	AnswerSize = 8
)

// ErrStalled says that the peer stopped answering in a limit batch.
var ErrStalled = errors.New("the peer did not return the ball for 10 s")

// PayloadSize is the ring that every language's server gives a measurement: room for the frames in flight and one more.
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
