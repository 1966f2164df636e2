package bench

import (
	"encoding/binary"
	"fmt"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
)

// filler writes frames and checks what came back. The pattern is one page, so that filling is a run of memory copies from
// the fastest cache, as near to memset as Go comes.
type filler struct {
	touch   benchproto.Touch
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

// check reads what the server changed of frame n.
func (w *filler) check(data []byte, n uint64) error {
	if w.touch == benchproto.TouchNone {
		return nil
	}
	step := benchproto.Page
	if w.touch == benchproto.TouchAll {
		step = 1
	}
	want := ^byte(n)
	for i := 0; i < len(data); i += step {
		if data[i] != want {
			return fmt.Errorf("byte %d of frame %d is %d, expected %d", i, n, data[i], want)
		}
	}
	return nil
}
