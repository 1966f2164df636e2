// Peer unix-socket: what two processes get from the kernel without any library. A frame is its length in eight bytes and its bytes, over
// one Unix stream socket; the server answers from the buffer that it read into.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/zeroduplex/zeroduplex/conformance/benchpeers/internal/bench"
	"github.com/zeroduplex/zeroduplex/conformance/benchpeers/internal/unixsock"
)

// header is the size of the length, so large that what follows it is aligned.
const header = 8

func main() {
	bench.Main(bench.Peer{
		Unsupported: func(bench.Options) string { return "" },
		Listen: func(o bench.Options) (<-chan error, error) {
			return unixsock.Serve(o.Name, o.Spin(), func(conn *unixsock.Conn) error { return serve(o, conn) })
		},
		Connect: connect,
	})
}

// reader cuts a connection into frames. It reads as much as is there, and gives frames where they came to lie.
type reader struct {
	conn       *unixsock.Conn
	buffer     []byte
	begin, end int // of what was read and not given yet
}

func newReader(o bench.Options, conn *unixsock.Conn) *reader {
	return &reader{conn: conn, buffer: make([]byte, o.Inflight*(header+o.Size))}
}

// next is a frame with its header, valid until the next call.
func (r *reader) next() ([]byte, error) {
	for {
		if unread := r.buffer[r.begin:r.end]; len(unread) >= header {
			size := binary.LittleEndian.Uint64(unread)
			if size > uint64(len(r.buffer)-header) {
				return nil, fmt.Errorf("a frame of %d bytes was announced, there is room for %d", size, len(r.buffer)-header)
			}
			if frame := header + int(size); len(unread) >= frame {
				r.begin += frame
				return unread[:frame], nil
			}
		}
		if err := r.more(); err != nil {
			return nil, err
		}
	}
}

func (r *reader) more() error {
	if r.begin > 0 {
		r.end = copy(r.buffer, r.buffer[r.begin:r.end])
		r.begin = 0
	}
	n, err := r.conn.Read(r.buffer[r.end:])
	r.end += n
	return err
}

func serve(o bench.Options, conn *unixsock.Conn) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	frames, handler := newReader(o, conn), bench.NewHandler(o)
	for {
		frame, err := frames.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		handler.Handle(frame[header:])
		if _, err := conn.Write(frame); err != nil {
			return err
		}
	}
}

type client struct {
	*bench.Filler
	conn   *unixsock.Conn
	frames *reader
	frame  []byte // to be sent
	alone  bool   // with never more than one frame on its way, the server always reads
}

func connect(o bench.Options) (bench.Client, error) {
	conn, err := unixsock.Connect(o.Name, o.Spin())
	if err != nil {
		return nil, err
	}
	runtime.LockOSThread()
	c := &client{Filler: bench.NewFiller(o), conn: conn, frames: newReader(o, conn), frame: make([]byte, header+o.Size), alone: o.Inflight == 1}
	binary.LittleEndian.PutUint64(c.frame, uint64(o.Size))
	return c, nil
}

// Send writes a frame. Where the server may be waiting for room itself, it reads responses meanwhile, which makes that room.
func (c *client) Send(n uint64) error {
	c.Fill(c.frame[header:], n)
	if c.alone {
		_, err := c.conn.Write(c.frame)
		return err
	}
	for rest := c.frame; len(rest) > 0; {
		written, readable, err := c.conn.WriteSome(rest)
		if err == nil && readable {
			err = c.frames.more()
		}
		if err != nil {
			return err
		}
		rest = rest[written:]
	}
	return nil
}

func (c *client) Receive(n uint64) error {
	frame, err := c.frames.next()
	if err != nil {
		return fmt.Errorf("awaiting frame %d: %w", n, err)
	}
	return c.Check(frame[header:], n)
}

func (c *client) Close() error { return c.conn.Close() }
