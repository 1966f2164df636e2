package hostile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// canary is what the bytes before the memory that was given out hold.
const canary = 0xA5

// Arena is memory between two pages that nobody may touch: an access behind its end is a fault, a write before what it gave is found by Intact.
// It is no heap memory, so the race detector does not look at it: here the other side may write whenever it likes.
type Arena struct {
	mapping []byte
	usable  []byte
	given   uint64
}

// NewArena makes room for size bytes. It lives as long as the process unless it is freed.
func NewArena(size uint64) (*Arena, error) {
	page := uint64(os.Getpagesize())
	size = (size + page - 1) / page * page
	mapping, err := unix.Mmap(-1, 0, int(size+2*page), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, err
	}
	a := &Arena{mapping: mapping, usable: mapping[page : page+size : page+size]}
	if err := errors.Join(unix.Mprotect(mapping[:page], unix.PROT_NONE), unix.Mprotect(mapping[page+size:], unix.PROT_NONE)); err != nil {
		return nil, errors.Join(err, a.Free())
	}
	for i := range a.usable {
		a.usable[i] = canary
	}
	return a, nil
}

// Give is size zeroed bytes that end where the guard begins. What it gave before is void.
func (a *Arena) Give(size uint64) []byte {
	for i := uint64(len(a.usable)) - a.given; i < uint64(len(a.usable))-min(size, a.given); i++ {
		a.usable[i] = canary
	}
	a.given = size
	b := a.usable[uint64(len(a.usable))-size:]
	clear(b)
	return b
}

// Intact reports whether nothing was written before what was given.
func (a *Arena) Intact() bool {
	for _, b := range a.usable[:uint64(len(a.usable))-a.given] {
		if b != canary {
			return false
		}
	}
	return true
}

// Free unmaps it.
func (a *Arena) Free() error { return unix.Munmap(a.mapping) }
