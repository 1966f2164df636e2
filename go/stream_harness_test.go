//go:build linux

package zeroduplex

import (
	"context"
	"encoding/binary"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
	"github.com/zeroduplex/zeroduplex/go/internal/sem"
	"github.com/zeroduplex/zeroduplex/go/internal/shm"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// nobody is a pid above what the kernel gives.
const nobody = uint64(1<<22 + 1)

// read creates a v1 buffer. It is closed at the end of the test.
func (p *place) read(options ...ReaderOption) *Reader {
	p.t.Helper()
	r, err := NewReader(p.name, p.config, options...)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { require.NoError(p.t, r.Close()) })
	return r
}

func (p *place) writerOptions(options []WriterOption) []WriterOption {
	if p.view != nil {
		options = append(options, WithMemory(p.view))
	}
	return options
}

// write attaches a writer. It is closed at the end of the test.
func (p *place) write(options ...WriterOption) *Writer {
	p.t.Helper()
	w, err := NewWriter(context.Background(), p.name, p.writerOptions(options)...)
	require.NoError(p.t, err)
	p.t.Cleanup(func() { require.NoError(p.t, w.Close()) })
	return w
}

// tryWrite is the error of a writer that must not get in.
func (p *place) tryWrite(options ...WriterOption) error {
	p.t.Helper()
	w, err := NewWriter(context.Background(), p.name, p.writerOptions(options)...)
	if err == nil {
		_ = w.Close()
	}
	require.Error(p.t, err)
	return err
}

// tryRead is the error of a reader that must not get in.
func (p *place) tryRead(options ...ReaderOption) error {
	p.t.Helper()
	r, err := NewReader(p.name, p.config, options...)
	if err == nil {
		_ = r.Close()
	}
	require.Error(p.t, err)
	return err
}

// stream is a reader and a writer.
func (p *place) stream() (*Reader, *Writer) {
	p.t.Helper()
	return p.read(), p.write()
}

// frameOf is a frame's contents by its sequence number.
func frameOf(sequence uint64, size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(sequence + uint64(i))
	}
	return data
}

// send writes frames of these sizes.
func send(t testing.TB, w *Writer, sizes ...int) {
	t.Helper()
	for _, size := range sizes {
		next := w.ring.Last() + 1
		sequence, err := w.WriteFrame(until(t), frameOf(next, size))
		require.NoError(t, err)
		require.Equal(t, next, sequence)
	}
}

// receive reads a frame and checks it.
func receive(t testing.TB, r *Reader, sequence uint64, size int) ReceivedFrame {
	t.Helper()
	f, err := r.ReadFrame(until(t))
	require.NoError(t, err)
	require.Equal(t, sequence, f.Sequence())
	require.Equal(t, size, f.Size())
	require.Equal(t, frameOf(sequence, size), f.Data())
	return f
}

// passed is a context whose deadline has passed: whoever gets it tries once.
func passed(t testing.TB) context.Context {
	ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	t.Cleanup(cancel)
	return ctx
}

// ended is a cancelled context.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// counters is what a test looks at after each step: free bytes, write_pos, read_pos, written_count, read_count, and the values of sem-w and sem-r.
type counters [7]uint64

func (b *streamBuffer) counters() counters {
	o := b.Oieb
	return counters{o.PayloadFreeBytes.Load(), o.PayloadWritePos.Load(), o.PayloadReadPos.Load(), o.PayloadWrittenCount.Load(), o.PayloadReadCount.Load(),
		uint64(b.dataWritten.Value()), uint64(b.dataRead.Value())}
}

func (b *streamBuffer) is(t testing.TB, want ...uint64) {
	t.Helper()
	require.Equal(t, counters(want), b.counters())
}

// allFree makes sure that nothing was lost: everything is free, and everything that was written was read.
func (b *streamBuffer) allFree(t testing.TB) {
	t.Helper()
	c := b.counters()
	require.Equal(t, uint64(len(b.Payload)), c[0], "free bytes")
	require.Equal(t, c[1], c[2], "positions")
	require.Equal(t, c[3], c[4], "counts")
	require.Zero(t, c[5], "tokens of frames")
	require.LessOrEqual(t, c[6], uint64(wire.DataReadTokenLimit))
}

// sleeps waits until somebody sleeps on a semaphore.
func sleeps(t testing.TB, s *sem.Semaphore) {
	t.Helper()
	eventually(t, func() bool { return s.Sleepers() > 0 }, "nobody sleeps")
}

// panics returns the error that a call panics with.
func panics(t testing.TB, call func()) (err error) {
	t.Helper()
	defer func() {
		caught, ok := recover().(error)
		require.True(t, ok, "no error was thrown")
		err = caught
	}()
	call()
	return nil
}

// overflow gives a buffer's sem-w the highest value there is.
func overflow(t testing.TB, name string) {
	t.Helper()
	storeTokens(t, name, wire.SemaphoreValueMax)
}

// storeTokens makes as many frames seem to be announced, as a broken writer may.
func storeTokens(t testing.TB, name string, value uint32) {
	t.Helper()
	f, err := os.OpenFile(wire.SemaphorePath(wire.DataWrittenSemaphore(name)), os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteAt(binary.LittleEndian.AppendUint32(nil, value), 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func openForTest(name string) (*SharedMemory, error) {
	object, err := shm.Open(name, true)
	return &SharedMemory{object: object}, err
}

// pauseFor stops a process for a while.
func pauseFor(p *child.Process, d time.Duration) {
	p.Signal(syscall.SIGSTOP)
	time.Sleep(d)
	p.Signal(syscall.SIGCONT)
}
