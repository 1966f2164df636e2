package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"
)

// draft is a response under construction: in the response buffer, so that it need not be copied, or beside it where the ring has no place for
// a frame of its size.
type draft struct {
	writer *Writer
	ctx    context.Context // ends when no answer waits for room any more
	buffer FrameBuffer
	placed bool // data is the buffer's
	begun  bool
	data   []byte
}

// begin makes room for size bytes. It waits until the client has released enough.
func (d *draft) begin(size int) error {
	p := pause{ctx: d.ctx, timeout: forever}
	b, err := d.writer.acquire(&p, opAcquire, size)
	switch {
	case err == nil:
		d.buffer, d.placed, d.data = b, true, b.data
	case errors.Is(err, ErrFrameTooLarge):
		d.data = make([]byte, size) // it may become smaller, and has a place then
	default:
		return err
	}
	d.begun = true
	return nil
}

// resize changes the size and keeps the contents. The data may stand elsewhere afterwards.
func (d *draft) resize(size int) {
	if d.placed {
		if d.buffer.resize(size) {
			d.data = d.buffer.data
			return
		}
		d.data = append([]byte{}, d.data...)
		d.abort()
	}
	if size > cap(d.data) {
		d.data = append(make([]byte, 0, size), d.data...)
	}
	d.data = d.data[:size]
}

// commit sends the response.
func (d *draft) commit() error {
	if d.placed {
		d.placed = false
		_, err := d.buffer.Commit()
		return err
	}
	_, err := d.writer.WriteFrame(d.ctx, d.data)
	return err
}

// abort gives the room back.
func (d *draft) abort() {
	if d.placed {
		d.placed = false
		d.buffer.Abort()
	}
}

// apologise sends an error's message instead, at least one byte and as much of it as has a place.
func (d *draft) apologise(reason error) error {
	message := fmt.Sprint(reason) // unlike reason.Error it survives an Error method that panics
	if message == "" {
		message = ErrorCodeHandlerFailed.String()
	}
	message = cut(message, d.writer.largest(len(message)))
	if message == "" {
		message = "?"
	}
	_, err := d.writer.WriteFrame(d.ctx, []byte(message))
	return err
}

// cut shortens a text to limit bytes, at a character's boundary.
func cut(text string, limit int) string {
	n := min(len(text), limit)
	for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
