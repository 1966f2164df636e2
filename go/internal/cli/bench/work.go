package bench

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
)

// filler writes frames and checks what came back. The pattern is one page, so that filling is a run of memory copies from
// the fastest cache, as near to memset as Go comes.
type filler struct {
	touch   benchproto.Touch
	size    int
	pattern [benchproto.Page]byte
}

// fill writes frame n.
func (w *filler) fill(data []byte, n uint64) {
	if w.touch == benchproto.TouchNone {
		if len(data) >= 8 {
			binary.LittleEndian.PutUint64(data, n)
		}
		return
	}
	if value := byte(n); w.pattern[0] != value {
		for i := range w.pattern {
			w.pattern[i] = value
		}
	}
	for len(data) > 0 {
		data = data[copy(data, w.pattern[:]):]
	}
}

// check reads what the server changed of frame n, and so much more that an exchange that lost something cannot pass.
func (w *filler) check(data []byte, n uint64) error {
	if len(data) != w.size {
		return fmt.Errorf("frame %d came back with %d bytes instead of %d", n, len(data), w.size)
	}
	switch w.touch {
	case benchproto.TouchNone:
		if len(data) >= 8 && binary.LittleEndian.Uint64(data) != n {
			return fmt.Errorf("frame %d came back with the number %d", n, binary.LittleEndian.Uint64(data))
		}
		return nil
	case benchproto.TouchFill:
		answer := min(benchproto.AnswerSize, len(data))
		if last := len(data) - 1; last >= answer && data[last] != byte(n) {
			return fmt.Errorf("byte %d of frame %d is %d, expected %d", last, n, data[last], byte(n))
		}
		return wantBytes(data[:answer], n, 1)
	case benchproto.TouchPage:
		return wantBytes(data, n, benchproto.Page)
	}
	words, rest := words(data)
	want := 0x0101010101010101 * uint64(^byte(n))
	var different uint64
	for ; len(words) >= 8; words = words[8:] {
		w := (*[8]uint64)(words)
		// ^ and | bind equally.
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

// wantBytes checks every byte that is a multiple of step away from the first.
func wantBytes(data []byte, n uint64, step int) error {
	want := ^byte(n)
	for i := 0; i < len(data); i += step {
		if data[i] != want {
			return fmt.Errorf("byte %d of frame %d is %d, expected %d", i, n, data[i], want)
		}
	}
	return nil
}

// invert is the server's work on a frame.
func invert(data []byte, touch benchproto.Touch) {
	switch touch {
	case benchproto.TouchFill:
		invertBytes(data[:min(benchproto.AnswerSize, len(data))], 1)
	case benchproto.TouchPage:
		invertBytes(data, benchproto.Page)
	case benchproto.TouchAll:
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
}

func invertBytes(data []byte, step int) {
	for i := 0; i < len(data); i += step {
		data[i] = ^data[i]
	}
}

// words are the aligned words of data, and the bytes behind them. A frame's data stands on a 64-byte boundary; data that does not is all rest.
func words(data []byte) (words []uint64, rest []byte) {
	if len(data) < 8 || uintptr(unsafe.Pointer(&data[0]))%8 != 0 {
		return nil, data
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(&data[0])), len(data)/8), data[len(data)&^7:]
}
