package bench

import (
	"encoding/binary"
	"fmt"
	"unsafe"
)

// Touch says how much of a frame both sides touch.
type Touch string

// What --touch accepts.
const (
	TouchNone Touch = "none" // the frame number only, which the client finds again
	TouchFill Touch = "fill" // client fills all, server inverts the first 8 bytes, client reads these and the last one
	TouchPage Touch = "page" // client fills all, server inverts and client reads one byte per page
	TouchAll  Touch = "all"  // client fills all, server inverts and client reads all
)

const (
	page   = 4096
	answer = 8 // bytes that TouchFill changes
)

// Filler is the client's work. The pattern is one page, so that filling is a run of copies from the fastest cache.
type Filler struct {
	touch   Touch
	size    int
	pattern [page]byte
}

// NewFiller makes the work of one client. It is for one goroutine at a time.
func NewFiller(o Options) *Filler { return &Filler{touch: o.Touch, size: o.Size} }

// Fill writes frame n into data, which has the frame's size.
func (f *Filler) Fill(data []byte, n uint64) {
	if f.touch == TouchNone {
		if len(data) >= 8 {
			binary.LittleEndian.PutUint64(data, n)
		}
		return
	}
	if value := byte(n); f.pattern[0] != value {
		for i := range f.pattern {
			f.pattern[i] = value
		}
	}
	for len(data) > 0 {
		data = data[copy(data, f.pattern[:]):]
	}
}

// Check reads what the server changed of frame n, and enough to tell an answer that was lost or mixed up.
func (f *Filler) Check(data []byte, n uint64) error {
	if len(data) != f.size {
		return fmt.Errorf("frame %d came back with %d bytes instead of %d", n, len(data), f.size)
	}
	switch f.touch {
	case TouchNone:
		if len(data) >= 8 && binary.LittleEndian.Uint64(data) != n {
			return fmt.Errorf("frame %d came back with the number %d", n, binary.LittleEndian.Uint64(data))
		}
		return nil
	case TouchFill:
		if last := len(data) - 1; last >= answer && data[last] != byte(n) {
			return fmt.Errorf("byte %d of frame %d is %d, expected %d", last, n, data[last], byte(n))
		}
		return wantBytes(data[:min(answer, len(data))], n, 1)
	case TouchPage:
		return wantBytes(data, n, page)
	}
	want := 0x0101010101010101 * uint64(^byte(n))
	var different uint64
	words, rest := words(data)
	for ; len(words) >= 8; words = words[8:] {
		w := (*[8]uint64)(words)
		different |= (w[0] ^ want) | (w[1] ^ want) | (w[2] ^ want) | (w[3] ^ want) | (w[4] ^ want) | (w[5] ^ want) | (w[6] ^ want) | (w[7] ^ want)
	}
	for _, word := range words {
		different |= word ^ want
	}
	if different != 0 {
		return wantBytes(data, n, 1) // says which
	}
	return wantBytes(rest, n, 1)
}

func wantBytes(data []byte, n uint64, step int) error {
	want := ^byte(n)
	for i := 0; i < len(data); i += step {
		if data[i] != want {
			return fmt.Errorf("byte %d of frame %d is %d, expected %d", i, n, data[i], want)
		}
	}
	return nil
}

// Handler is the server's work.
type Handler struct {
	touch   Touch
	corrupt int
	frames  int
}

// NewHandler makes the work of one server. It is for one goroutine at a time.
func NewHandler(o Options) *Handler { return &Handler{touch: o.Touch, corrupt: o.Corrupt} }

// Handle changes a request into its response.
func (h *Handler) Handle(data []byte) {
	switch h.touch {
	case TouchFill:
		invertBytes(data[:min(answer, len(data))], 1)
	case TouchPage:
		invertBytes(data, page)
	case TouchAll:
		words, rest := words(data)
		for ; len(words) >= 8; words = words[8:] {
			w := (*[8]uint64)(words)
			w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7] = ^w[0], ^w[1], ^w[2], ^w[3], ^w[4], ^w[5], ^w[6], ^w[7]
		}
		for i := range words {
			words[i] = ^words[i]
		}
		invertBytes(rest, 1)
	}
	if h.frames++; h.frames == h.corrupt {
		data[0] ^= 1
	}
}

func invertBytes(data []byte, step int) {
	for i := 0; i < len(data); i += step {
		data[i] = ^data[i]
	}
}

// words are the aligned words of data, and the bytes behind them; data that is not aligned is all rest.
func words(data []byte) (words []uint64, rest []byte) {
	if len(data) < 8 || uintptr(unsafe.Pointer(&data[0]))%8 != 0 {
		return nil, data
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(&data[0])), len(data)/8), data[len(data)&^7:]
}
