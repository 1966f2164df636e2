//go:build linux

package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func init() {
	roles["reader"] = readerRole
	roles["writer"] = writerRole
	roles["reader-without-room"] = readerWithoutRoom
}

// sizeOf is the size of a role's n-th frame.
func sizeOf(n uint64) int { return int(n*37%300) + 1 }

// readerRole creates a buffer of 4096 bytes and does what it is told, line by line.
func readerRole(args []string) error {
	w, err := ParseWaitStrategy(args[1])
	if err != nil {
		return err
	}
	mode := uint64(0o600)
	if len(args) > 2 {
		if mode, err = strconv.ParseUint(args[2], 8, 32); err != nil {
			return err
		}
	}
	r, err := NewReader(args[0], NewBufferConfig(256, 4096), WithWait(w), WithReadTimeout(time.Hour), WithMode(os.FileMode(mode)))
	if err != nil {
		child.Say(err.Error())
		return nil
	}
	child.Say("reading")
	for {
		order, err := child.Heard()
		if err != nil {
			return r.Close()
		}
		switch order {
		case "hold": // a frame, until the end
			if _, err := r.ReadFrame(context.Background()); err != nil {
				return err
			}
			child.Say("holding")
		case "read": // until the writer is gone
			n := uint64(0)
			for {
				f, err := r.ReadFrame(context.Background())
				if errors.Is(err, ErrWriterDead) {
					break
				}
				if err != nil {
					return err
				}
				n++
				if f.Sequence() != n || f.Size() != sizeOf(n) {
					return fmt.Errorf("frame %d of %d bytes instead of frame %d of %d", f.Sequence(), f.Size(), n, sizeOf(n))
				}
				for i, b := range f.Data() {
					if b != byte(n+uint64(i)) {
						return fmt.Errorf("byte %d of frame %d is wrong", i, n)
					}
				}
				f.Release()
				if n%1000 == 0 {
					child.Say("getting on")
				}
			}
			c := r.buffer.counters()
			child.Say(fmt.Sprint("read ", n, " ", c[:5]))
		}
	}
}

// writerRole attaches and does what it is told.
func writerRole(args []string) error {
	s, err := ParseWaitStrategy(args[1])
	if err != nil {
		return err
	}
	options := []WriterOption{WithWait(s), WithWriteTimeout(time.Hour), WithConnectTimeout(0)}
	if len(args) > 2 {
		options = append(options, AllowOtherUsers())
	}
	w, err := NewWriter(context.Background(), args[0], options...)
	if err != nil {
		child.Say(err.Error())
		return nil
	}
	child.Say("attached")
	for {
		order, err := child.Heard()
		if err != nil {
			return w.Close()
		}
		switch order {
		case "acquire": // and never commit
			b, err := w.AcquireFrameBuffer(context.Background(), 1000)
			if err != nil {
				return err
			}
			clear(b.Data())
			child.Say("acquired")
		case "close":
			if err := w.Close(); err != nil {
				return err
			}
			child.Say("closed")
		default: // so many frames
			count, err := strconv.ParseUint(order, 10, 64)
			if err != nil {
				return err
			}
			for range count {
				n := w.ring.Last() + 1
				if _, err := w.WriteFrame(context.Background(), frameOf(n, sizeOf(n))); err != nil {
					return err
				}
			}
			child.Say("written")
		}
	}
}

// readerWithoutRoom has a /dev/shm of its own that is too small.
func readerWithoutRoom(args []string) error {
	if err := unix.Mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m"); err != nil {
		return err
	}
	_, err := NewReader(args[0], NewBufferConfig(0, 2<<20))
	child.Say(fmt.Sprint(err))
	entries, err := os.ReadDir("/dev/shm")
	child.Say(fmt.Sprint("left: ", len(entries)))
	return err
}

func startReader(t *testing.T, name string, w WaitStrategy) *child.Process {
	t.Helper()
	p := child.Start(t, "reader", []string{name, w.String()})
	p.Expect("reading")
	return p
}

func startWriter(t *testing.T, name string, w WaitStrategy) *child.Process {
	t.Helper()
	p := child.Start(t, "writer", []string{name, w.String()})
	p.Expect("attached")
	return p
}

// removeStream removes what a killed reader left, as the next one of the name does.
func removeStream(t *testing.T, p *place) {
	t.Helper()
	r, err := NewReader(p.name, p.config)
	require.NoError(t, err)
	require.NoError(t, r.Close())
}

func TestStreamBetweenProcesses(t *testing.T) {
	for _, reading := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		for _, writing := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
			t.Run(reading.String()+" reads, "+writing.String()+" writes", func(t *testing.T) {
				p := newObject(t, 256, 4096)
				reader := startReader(t, p.name, reading)
				writer := startWriter(t, p.name, writing)
				reader.Tell("read")
				writer.Tell("20000")
				for range 20 {
					reader.Expect("getting on")
				}
				writer.Expect("written")
				writer.Tell("close")
				writer.Expect("closed")
				var n, free, written, read, writePos, readPos uint64
				_, err := fmt.Sscanf(reader.Line(), "read %d [%d %d %d %d %d]", &n, &free, &writePos, &readPos, &written, &read)
				require.NoError(t, err)
				require.EqualValues(t, 20000, n)
				require.EqualValues(t, 4096, free)
				require.Equal(t, writePos, readPos)
				require.Equal(t, written, read)
				require.Greater(t, written, uint64(20000), "markers count")
				writer.Finish()
				reader.Finish()
			})
		}
	}
}

func TestAKilledWriter(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		for _, order := range []string{"3", "acquire"} {
			t.Run(w.String()+", "+order, func(t *testing.T) {
				p := newObject(t, 256, 4096)
				r := p.read(WithWait(w))
				writer := startWriter(t, p.name, w)
				writer.Tell("2")
				writer.Expect("written")
				writer.Tell(order)
				writer.Line()
				var left uint64 = 2
				if order == "3" {
					left = 5
				}
				receive(t, r, 1, sizeOf(1)).Release()
				writer.Kill()
				require.False(t, r.IsWriterConnected())
				for n := uint64(2); n <= left; n++ {
					receive(t, r, n, sizeOf(n)).Release() // what it left comes first
				}
				start := time.Now()
				_, err := r.ReadFrame(until(t))
				requireError(t, err, ErrWriterDead)
				require.ErrorContains(t, err, "is dead")
				require.Less(t, time.Since(start), wire.DefaultV2WaitSlice+3*time.Second)
				_, err = r.ReadFrame(passed(t))
				requireError(t, err, ErrWriterDead)

				next := p.write(WithConnectTimeout(0))
				send(t, next, 7)
				receive(t, r, 1, 7).Release()
				r.buffer.allFree(t)
			})
		}
	}
}

// Nobody has waited for its end yet, so the kernel still knows its pid.
func TestAWriterThatIsAZombie(t *testing.T) {
	p := newObject(t, 256, 4096)
	r := p.read()
	writer := startWriter(t, p.name, WaitHybrid)
	require.True(t, r.IsWriterConnected())
	writer.Signal(syscall.SIGKILL)
	_, err := r.ReadFrame(until(t))
	requireError(t, err, ErrWriterDead)
	require.NoError(t, syscall.Kill(writer.Pid(), 0), "it is a zombie")
	send(t, p.write(), 5)
	receive(t, r, 1, 5).Release()
	writer.Kill()
}

func TestAKilledReader(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		t.Run(w.String(), func(t *testing.T) {
			p := newObject(t, 256, 4096)
			reader := startReader(t, p.name, w)
			writer := p.write(WithWait(w))
			send(t, writer, 4080)
			waiting := started(func() error { _, err := writer.WriteFrame(until(t), []byte{1}); return err })
			reader.Kill()
			start := time.Now()
			err := wait(t, waiting)
			requireError(t, err, ErrReaderDead)
			require.ErrorContains(t, err, "is dead")
			require.Less(t, time.Since(start), wire.DefaultV2WaitSlice+3*time.Second)
			require.False(t, writer.IsReaderConnected())
			require.NoError(t, writer.Close())
			removeStream(t, p)
		})
	}
	t.Run("with room left", func(t *testing.T) {
		p := newObject(t, 256, 4096)
		reader := startReader(t, p.name, WaitHybrid)
		writer := p.write()
		reader.Tell("hold")
		send(t, writer, 10)
		reader.Expect("holding")
		reader.Kill()
		eventually(t, func() bool {
			_, err := writer.WriteFrame(until(t), []byte{1})
			if err != nil {
				requireError(t, err, ErrReaderDead)
			}
			return err != nil
		}, "it writes to nobody")
		_, err := writer.WriteFrame(until(t), []byte{1})
		requireError(t, err, ErrReaderDead)
		require.NoError(t, writer.Close())
		removeStream(t, p)
	})
}

func TestPausedProcessesOfAStreamLoseNothing(t *testing.T) {
	p := newObject(t, 256, 4096)
	reader := startReader(t, p.name, WaitHybrid)
	writer := startWriter(t, p.name, WaitHybrid)
	reader.Tell("read")
	writer.Tell("1000000")
	for range 2 {
		for _, paused := range []*child.Process{reader, writer} {
			reader.Expect("getting on")
			paused.Signal(syscall.SIGSTOP)
			// Longer than the slices after which the other side looks whether it lives.
			time.Sleep(3 * wire.DefaultV2WaitSlice)
			paused.Signal(syscall.SIGCONT)
			reader.Expect("getting on")
		}
	}
	writer.Kill()
	for reader.Line() == "getting on" {
	}
	reader.Finish()
}

func TestIdleReadersAndWritersUseNoProcessor(t *testing.T) {
	p := newObject(t, 256, 4096)
	reader := startReader(t, p.name, WaitHybrid)
	writer := startWriter(t, p.name, WaitHybrid)
	reader.Tell("hold")
	writer.Tell("1")
	reader.Expect("holding")
	writer.Expect("written")
	reader.Tell("hold") // which never comes
	blocked := newObject(t, 256, 4096)
	r := blocked.read()
	second := startWriter(t, blocked.name, WaitHybrid)
	second.Tell("1000") // more than there is room for
	eventually(t, func() bool { return r.buffer.dataRead.Sleepers() > 0 }, "it is full")
	child.RequireIdle(t, reader.Pid(), second.Pid())
	second.Kill()
	writer.Kill()
	reader.Kill()
	removeStream(t, p)
}
