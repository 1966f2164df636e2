//go:build linux

package zeroduplex

import (
	"context"
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/birth"
	"github.com/zeroduplex/zeroduplex/go/internal/sem"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func TestNoBuffer(t *testing.T) {
	p := newObject(t, 0, 1024)
	requireError(t, p.tryWrite(WithConnectTimeout(0)), ErrBufferNotFound)
	start := time.Now()
	requireError(t, p.tryWrite(WithConnectTimeout(30*time.Millisecond)), ErrBufferNotFound)
	require.GreaterOrEqual(t, time.Since(start), 30*time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := NewWriter(ctx, p.name, WithConnectTimeout(soon))
	requireError(t, err, ErrBufferNotFound)
	cancelled, end := context.WithCancel(context.Background())
	failed := started(func() error { _, err := NewWriter(cancelled, p.name, WithConnectTimeout(time.Hour)); return err })
	end()
	err = wait(t, failed)
	requireError(t, err, ErrCancelled)
	require.ErrorIs(t, err, ErrBufferNotFound, "why it took so long")
}

func TestAWriterWaitsForItsReader(t *testing.T) {
	p := newObject(t, 0, 1024)
	attached := started(func() error {
		w, err := NewWriter(context.Background(), p.name, WithConnectTimeout(soon))
		if err != nil {
			return err
		}
		if _, err := w.WriteFrame(context.Background(), frameOf(1, 5)); err != nil {
			return err
		}
		return w.Close()
	})
	r := p.read()
	require.NoError(t, wait(t, attached))
	receive(t, r, 1, 5).Release()
}

func TestASecondWriter(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		r, w := p.stream()
		err := p.tryWrite(WithConnectTimeout(0))
		requireError(t, err, ErrWriterAlreadyConnected)
		require.ErrorContains(t, err, "its process has pid")
		send(t, w, 10)
		receive(t, r, 1, 10).Release()
		require.True(t, r.IsWriterConnected(), "the refused one undid nothing")
		waiting := started(func() error {
			next, err := NewWriter(context.Background(), p.name, p.writerOptions([]WriterOption{WithConnectTimeout(soon)})...)
			if err == nil {
				err = next.Close()
			}
			return err
		})
		require.NoError(t, w.Close())
		require.NoError(t, wait(t, waiting), "it waits for its turn")
	})
}

func TestADeadWritersPlaceIsTaken(t *testing.T) {
	p := newObject(t, 0, 1024)
	r, w := p.stream()
	send(t, w, 10)
	r.buffer.Oieb.WriterPid.Store(nobody)
	next := p.write()
	send(t, next, 20)
	receive(t, r, 1, 10).Release()
	receive(t, r, 1, 20).Release()
	require.True(t, r.IsWriterConnected())
}

func TestWhatIsNoBufferOfALivingReader(t *testing.T) {
	me := uint64(os.Getpid())
	spoiled := func(offset int, value uint64) []byte {
		b := v1Image(0, me)
		binary.LittleEndian.PutUint64(b[offset:], value)
		return b
	}
	unfinished := spoiled(0x20, 0) // by a published reader, which stores its pid last
	binary.LittleEndian.PutUint64(unfinished[0x58:], 0)
	for what, c := range map[string]struct {
		content []byte
		want    error
		text    string
	}{
		"no size yet":             {nil, ErrBufferNotFound, "only 0 bytes yet"},
		"no block yet":            {make([]byte, 127), ErrBufferNotFound, "only 127 bytes yet"},
		"no identity yet":         {spoiled(0, 0), ErrBufferNotFound, "not ready yet"},
		"half an identity":        {spoiled(0, 128), ErrBufferNotFound, "not ready yet"},
		"no sizes and no pid yet": {unfinished, ErrBufferNotFound, "or is not ready yet"},
		"a closed reader":         {v1Image(0, 0), ErrBufferNotFound, "has closed it"},
		"a dead reader":           {v1Image(0, nobody), ErrReaderDead, "its reader had pid"},
		"no semaphores":           {v1Image(0, me), ErrBufferNotFound, "semaphores cannot be opened"},
		"version 2 with 128":      {spoiled(0, 128|2<<32), ErrVersionMismatch, "v2.0.0 with an info block of 128 bytes, this writer speaks v1.0.0 with 128"},
		"another info block":      {spoiled(0, 88|1<<32), ErrVersionMismatch, "v1.0.0 with an info block of 88 bytes"},
		"in place":                {spoiled(0, wire.OiebV2IdentityWord), ErrVersionMismatch, "v2.0.0 with an info block of 88 bytes"},
		"metadata not rounded":    {spoiled(0x08, 255), ErrCorrupted, "sizes 255 and 1024 make no buffer"},
		"payload beyond limits":   {spoiled(0x20, ^uint64(0)), ErrCorrupted, "make no buffer"},
		"payload beyond the file": {spoiled(0x20, 2048), ErrCorrupted, "the buffer says 2432 bytes, the object has 1408"},
		"shorter than the file":   {spoiled(0x20, 960), ErrCorrupted, "the buffer says 1344 bytes, the object has 1408"},
	} {
		t.Run(what, func(t *testing.T) {
			p := newObject(t, 256, 1024)
			require.NoError(t, os.WriteFile(wire.ObjectPath(p.name), c.content, 0o600))
			err := p.tryWrite(WithConnectTimeout(0))
			requireError(t, err, c.want)
			require.ErrorContains(t, err, c.text)
			after, err := os.ReadFile(wire.ObjectPath(p.name))
			require.NoError(t, err)
			require.Equal(t, append([]byte{}, c.content...), append([]byte{}, after...), "no pid, nothing")
			require.NoError(t, os.Remove(wire.ObjectPath(p.name)))
		})
	}
	for what, c := range map[string]struct {
		spoil func(b *streamBuffer)
		text  string
	}{
		"write_pos":  {func(b *streamBuffer) { b.Oieb.PayloadWritePos.Store(1025) }, "payload_write_pos 1025"},
		"free_bytes": {func(b *streamBuffer) { b.Oieb.PayloadFreeBytes.Store(1025) }, "payload_free_bytes 1025"},
	} {
		t.Run(what+" beyond the payload", func(t *testing.T) {
			p := newObject(t, 256, 1024)
			r := p.read()
			c.spoil(r.buffer)
			err := p.tryWrite(WithConnectTimeout(0))
			requireError(t, err, ErrCorrupted)
			require.ErrorContains(t, err, c.text)
			require.Zero(t, r.buffer.Oieb.WriterPid.Load(), "the attempt was undone")
		})
	}
	t.Run("a directory", func(t *testing.T) {
		p := newObject(t, 256, 1024)
		mkdir(t, wire.ObjectPath(p.name))
		requireError(t, p.tryWrite(WithConnectTimeout(0)), ErrSystem)
		rmdir(t, wire.ObjectPath(p.name))
	})
}

// A buffer that lost its name is another reader's by now, and so are the semaphores of that name.
func TestABufferThatIsTakenOverWhileAWriterAttaches(t *testing.T) {
	p := newObject(t, 256, 1024)
	p.read()
	a := streamAttacher{name: p.name}
	object, err := openForTest(p.name)
	require.NoError(t, err)
	require.NoError(t, os.Remove(wire.ObjectPath(p.name)))
	_, _, err = a.tryObject(object)
	requireError(t, err, ErrBufferNotFound)
	require.ErrorContains(t, err, "gone again")
	require.NoError(t, object.Close())
}

// Published readers for Python leave their semaphores behind, and the next one replaces them when its buffer looks complete already.
func TestAFormerReadersSemaphoresAreNotTaken(t *testing.T) {
	p := newObject(t, 256, 1024)
	renew := func(of func(string) string) birth.Time {
		s, err := sem.Replace(wire.SemaphorePath(of(p.name)), wire.TemporaryPath(p.name, "test"), 0o600)
		require.NoError(t, err)
		defer s.Close()
		return s.Born()
	}
	renew(wire.DataReadSemaphore)
	left := renew(wire.DataWrittenSemaphore)
	known := left != birth.Time{} // some kernels do not keep it
	for made := false; !made; {   // the kernel's clock has ticks
		_ = os.Remove(wire.ObjectPath(p.name))
		require.NoError(t, os.WriteFile(wire.ObjectPath(p.name), v1Image(0, uint64(os.Getpid())), 0o600))
		object, err := openForTest(p.name)
		require.NoError(t, err)
		made = !known || left.Before(object.object.Born())
		require.NoError(t, object.Close())
	}
	for _, of := range []func(string) string{wire.DataWrittenSemaphore, wire.DataReadSemaphore} {
		if known {
			err := p.tryWrite(WithConnectTimeout(0))
			requireError(t, err, ErrBufferNotFound)
			require.ErrorContains(t, err, "older than it")
		}
		renew(of)
	}
	p.write()
	for _, path := range leftovers(p.name) {
		require.NoError(t, os.Remove(path))
	}
}

func TestBuffersInGivenMemory(t *testing.T) {
	name := newName(t)
	view, err := NewSharedMemoryView(alignedBytes(1408))
	require.NoError(t, err)
	small, err := NewSharedMemoryView(alignedBytes(127))
	require.NoError(t, err)
	config := BufferConfig{MetadataSize: 256, PayloadSize: 1024, Memory: view}
	_, err = NewReader(name, BufferConfig{MetadataSize: 256, PayloadSize: 1088, Memory: view})
	requireError(t, err, ErrInvalidArgument)
	require.ErrorContains(t, err, "the memory has 1408 bytes, the segment takes 1472")
	require.Empty(t, leftovers(name))

	_, err = NewWriter(t.Context(), name, WithMemory(small))
	requireError(t, err, ErrInvalidArgument)
	_, err = NewWriter(t.Context(), name, WithMemory(view), WithConnectTimeout(0))
	requireError(t, err, ErrBufferNotFound)
	for range 3 { // the same memory can be used again
		r, err := NewReader(name, config)
		require.NoError(t, err)
		w, err := NewWriter(t.Context(), name, WithMemory(view))
		require.NoError(t, err)
		send(t, w, 100)
		receive(t, r, 1, 100).Release()
		require.NoError(t, w.Close())
		require.NoError(t, r.Close())
		_, err = NewWriter(t.Context(), name, WithMemory(view), WithConnectTimeout(0))
		requireError(t, err, ErrBufferNotFound)
	}
}
