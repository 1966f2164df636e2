// Peer shm-doorbell: shared memory by hand. A frame lies in a mapped file for good; one byte over a Unix socket says whose turn it is.
// Nothing guards the memory: it is the least that any library can cost whose peers share memory and wake each other through a socket.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/conformance/benchpeers/internal/bench"
	"github.com/zeroduplex/zeroduplex/conformance/benchpeers/internal/unixsock"
)

func main() {
	bench.Main(bench.Peer{
		Unsupported: func(bench.Options) string { return "" },
		Listen:      listen,
		Connect:     connect,
	})
}

// bell is what is sent for a frame; its value says nothing.
var bell = []byte{0}

func path(o bench.Options) string { return "/dev/shm/zeroduplex-bench-" + o.Name }

// slots cuts the memory, which both sides map from file, into a frame for each that is on its way.
func slots(o bench.Options, file *os.File) ([][]byte, error) {
	const cacheLine = 64
	stride := (o.Size + cacheLine - 1) / cacheLine * cacheLine
	if err := file.Truncate(int64(stride * o.Inflight)); err != nil {
		return nil, fmt.Errorf("giving the shared memory its size: %w", err)
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, stride*o.Inflight, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("mapping the shared memory: %w", err)
	}
	frames := make([][]byte, o.Inflight)
	for i := range frames {
		frames[i] = memory[i*stride : i*stride+o.Size]
	}
	return frames, nil
}

func listen(o bench.Options) (<-chan error, error) {
	return unixsock.Serve(o.Name, o.Spin(), func(conn *unixsock.Conn) error { return serve(o, conn) })
}

// serve maps what the client made before it connected.
func serve(o bench.Options, conn *unixsock.Conn) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	file, err := os.OpenFile(path(o), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	frames, err := slots(o, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	handler, bells := bench.NewHandler(o), make([]byte, o.Inflight)
	for next := 0; ; {
		n, err := conn.Read(bells)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range n {
			handler.Handle(frames[next])
			next = (next + 1) % len(frames)
			if _, err := conn.Write(bells[i : i+1]); err != nil {
				return err
			}
		}
	}
}

type client struct {
	*bench.Filler
	conn   *unixsock.Conn
	frames [][]byte
	bells  []byte
	rung   int // bells that were read and whose frames were not asked for yet
}

func connect(o bench.Options) (_ bench.Client, err error) {
	file, err := os.OpenFile(path(o), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	frames, err := slots(o, file)
	if err == nil {
		runtime.LockOSThread()
		c := &client{Filler: bench.NewFiller(o), frames: frames, bells: make([]byte, o.Inflight)}
		if c.conn, err = unixsock.Connect(o.Name, o.Spin()); err == nil {
			// The first frame's answer says that the server has mapped the memory, whose name is of no use any more.
			if err = errors.Join(c.Send(0), c.Receive(0)); err == nil {
				return c, errors.Join(file.Close(), os.Remove(path(o)))
			}
			err = errors.Join(err, c.Close())
		}
	}
	return nil, errors.Join(err, file.Close(), os.Remove(path(o)))
}

func (c *client) slot(n uint64) []byte { return c.frames[n%uint64(len(c.frames))] }

func (c *client) Send(n uint64) error {
	c.Fill(c.slot(n), n)
	_, err := c.conn.Write(bell)
	return err
}

func (c *client) Receive(n uint64) error {
	for c.rung == 0 {
		rung, err := c.conn.Read(c.bells)
		if err != nil {
			return fmt.Errorf("awaiting frame %d: %w", n, err)
		}
		c.rung = rung
	}
	c.rung--
	return c.Check(c.slot(n), n)
}

func (c *client) Close() error { return c.conn.Close() }
