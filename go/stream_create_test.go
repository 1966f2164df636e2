//go:build linux

package zeroduplex

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
	"github.com/zeroduplex/zeroduplex/go/internal/lock"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// v1Image is the file of a v1 buffer of these pids, in offsets written out.
func v1Image(writer, reader uint64) []byte {
	b := make([]byte, 1408)
	binary.LittleEndian.PutUint64(b, 128|1<<32)
	binary.LittleEndian.PutUint64(b[0x08:], 256)
	binary.LittleEndian.PutUint64(b[0x20:], 1024)
	binary.LittleEndian.PutUint64(b[0x28:], 1024)
	binary.LittleEndian.PutUint64(b[0x50:], writer)
	binary.LittleEndian.PutUint64(b[0x58:], reader)
	return b
}

func TestNamesOfBuffers(t *testing.T) {
	for _, name := range []string{"", ".", ".hidden", "sem.x", "a/b", "ä", strings.Repeat("x", 201)} {
		_, err := NewReader(name, DefaultV1BufferConfig())
		requireError(t, err, ErrInvalidName)
		_, err = NewWriter(t.Context(), name)
		requireError(t, err, ErrInvalidName)
	}
	p := &place{t: t, name: namePrefix + strings.Repeat("x", 200-len(namePrefix)), config: NewBufferConfig(0, 64)}
	r, w := p.stream()
	require.Equal(t, p.name, r.Name())
	require.Equal(t, p.name, w.Name())
	require.NoError(t, w.Close())
	require.NoError(t, r.Close())
	require.Empty(t, leftovers(p.name))
}

func TestOptionsOfReadersAndWriters(t *testing.T) {
	p := newObject(t, 0, 1024)
	for _, o := range []ReaderOption{
		WithReadTimeout(-1), WithMode(0o400), WithMode(os.ModeDir | 0o700), WithWait(9), WithSpinWindow(-1),
	} {
		requireError(t, p.tryRead(o), ErrInvalidArgument)
	}
	p.read()
	for _, o := range []WriterOption{WithConnectTimeout(-1), WithWriteTimeout(-1), WithWait(-1), WithSpinWindow(-1)} {
		requireError(t, p.tryWrite(o), ErrInvalidArgument)
	}
}

func TestConfigurationOfABuffer(t *testing.T) {
	name := newName(t)
	for _, c := range []BufferConfig{
		NewBufferConfig(0, math.MaxUint64), NewBufferConfig(0, wire.MaxPayloadSize+1), NewBufferConfig(wire.MaxMetadataSize+1, 1024), NewBufferConfigOver(0, nil),
	} {
		_, err := NewReader(name, c)
		requireError(t, err, ErrInvalidArgument)
	}
	_, err := NewReader(name, NewBufferConfig(0, 1<<45))
	requireError(t, err, ErrOutOfMemory)
	require.Empty(t, leftovers(name), "nothing of it is left")

	require.Equal(t, NewBufferConfig(4096, 256<<20), DefaultV1BufferConfig())
	for _, tc := range []struct{ metadata, payload, length uint64 }{{100, 1000, 1280}, {256, 1024, 1408}, {0, 0, 128}, {64, 0, 192}} {
		p := newObject(t, tc.metadata, tc.payload)
		r := p.read()
		info, err := os.Stat(wire.ObjectPath(p.name))
		require.NoError(t, err)
		require.EqualValues(t, tc.length, info.Size())
		require.Equal(t, os.FileMode(0o600), info.Mode())
		require.NoError(t, r.Close())
	}
	p := newObject(t, 0, 0)
	_, w := p.stream()
	_, err = w.WriteFrame(until(t), []byte{1})
	requireError(t, err, ErrFrameTooLarge)
}

func TestModeOfABuffer(t *testing.T) {
	p := newObject(t, 0, 64)
	p.read(WithMode(0o640))
	for _, path := range []string{wire.ObjectPath(p.name), wire.SemaphorePath(wire.DataWrittenSemaphore(p.name)), wire.SemaphorePath(wire.DataReadSemaphore(p.name))} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o640), info.Mode(), path)
	}
}

func TestASecondReader(t *testing.T) {
	eachPlace(t, 1024, func(t *testing.T, p *place) {
		r, w := p.stream()
		requireError(t, p.tryRead(), ErrReaderAlreadyConnected)
		t.Run("found by its pid when /tmp is another one", func(t *testing.T) {
			if p.view != nil {
				t.Skip("memory that is given has no name under which another reader would find it")
			}
			require.NoError(t, os.Remove(wire.LockPath(p.name)))
			require.NoError(t, os.Remove(wire.LockCsharpPath(temporaryFolder(), p.name)))
			err := p.tryRead()
			requireError(t, err, ErrReaderAlreadyConnected)
			require.ErrorContains(t, err, "its process has pid")
			require.Len(t, leftovers(p.name), 3, "the refused attempt left no lock file and harmed no other")
		})
		send(t, w, 10)
		receive(t, r, 1, 10).Release()
	})
}

func TestABufferAndAnInPlaceChannelOfOneName(t *testing.T) {
	p := newObject(t, 256, smallPayload)
	t.Run("the channel first", func(t *testing.T) {
		s := p.serve(echo)
		err := p.tryRead()
		requireError(t, err, ErrNameInUse)
		requireError(t, p.tryWrite(WithConnectTimeout(0)), ErrVersionMismatch)
		require.NoError(t, os.Remove(wire.LockPath(p.name)))
		require.NoError(t, os.Remove(wire.LockCsharpPath(temporaryFolder(), p.name)))
		err = p.tryRead()
		requireError(t, err, ErrNameInUse)
		require.ErrorContains(t, err, "living server")
		require.NoError(t, s.Close())
	})
	t.Run("the buffer first", func(t *testing.T) {
		r := p.read()
		requireError(t, p.tryCreate(), ErrNameInUse)
		requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrVersionMismatch)
		require.NoError(t, os.Remove(wire.LockPath(p.name)))
		require.NoError(t, os.Remove(wire.LockCsharpPath(temporaryFolder(), p.name)))
		requireError(t, p.tryCreate(), ErrNameInUse)
		require.NoError(t, r.Close())
	})
}

func TestTheNameOfABufferIsSomethingElses(t *testing.T) {
	me := uint64(os.Getpid())
	for what, content := range map[string][]byte{
		"text": []byte("my precious notes, which nobody may delete"), "short": {1}, "zeros, but too few": make([]byte, 40),
		"another number": binary.LittleEndian.AppendUint64(nil, 99), "version 3 of v2": binary.LittleEndian.AppendUint64(nil, wire.OiebV2Size|3<<32),
	} {
		t.Run(what, func(t *testing.T) {
			p := newObject(t, 0, 1024)
			require.NoError(t, os.WriteFile(wire.ObjectPath(p.name), content, 0o600))
			requireError(t, p.tryRead(), ErrNameInUse)
			left, err := os.ReadFile(wire.ObjectPath(p.name))
			require.NoError(t, err)
			require.Equal(t, content, left, "it is not ours to touch")
			require.NoError(t, os.Remove(wire.ObjectPath(p.name)))
		})
	}
	t.Run("directory", func(t *testing.T) {
		p := newObject(t, 0, 1024)
		mkdir(t, wire.ObjectPath(p.name))
		requireError(t, p.tryRead(), ErrNameInUse)
		rmdir(t, wire.ObjectPath(p.name))
	})
	t.Run("living reader", func(t *testing.T) {
		p := newObject(t, 0, 1024)
		require.NoError(t, os.WriteFile(wire.ObjectPath(p.name), v1Image(nobody, me), 0o600))
		requireError(t, p.tryRead(), ErrReaderAlreadyConnected)
		require.NoError(t, os.Remove(wire.ObjectPath(p.name)))
	})
	for what, content := range map[string][]byte{
		"dead reader and writer":      v1Image(nobody, nobody),
		"dead reader, living writer":  v1Image(me, nobody),
		"closed reader":               v1Image(me, 0),
		"v2 without a living server":  append(binary.LittleEndian.AppendUint64(nil, wire.OiebV2IdentityWord), make([]byte, 4088)...),
		"v2 whose creator died early": make([]byte, 4096),
		"no size yet":                 {},
	} {
		t.Run(what+" is taken over", func(t *testing.T) {
			p := newObject(t, 0, 1024)
			require.NoError(t, os.WriteFile(wire.ObjectPath(p.name), content, 0o600))
			require.NoError(t, os.WriteFile(wire.SemaphorePath(wire.DataWrittenSemaphore(p.name)), []byte("\x07"), 0o600))
			r, w := p.stream()
			require.Zero(t, r.buffer.dataWritten.Value(), "the semaphores are fresh")
			send(t, w, 10)
			receive(t, r, 1, 10).Release()
		})
	}
}

func TestOwnerLocksOfV1KeepReadersAway(t *testing.T) {
	p := newObject(t, 0, 1024)
	v1, err := lock.AcquireOwner(p.name)
	require.NoError(t, err)
	requireError(t, p.tryRead(), ErrReaderAlreadyConnected)
	require.NoError(t, v1.Release())
	p.read()
}

func TestWhatAKilledReaderLeft(t *testing.T) {
	p := newObject(t, 0, 1024)
	reader := startReader(t, p.name, WaitHybrid)
	w := p.write()
	requireError(t, p.tryRead(), ErrReaderAlreadyConnected)
	reader.Kill()
	require.Len(t, leftovers(p.name), 5, "object, two semaphores, two lock files")
	for _, kind := range []string{"object", "data-written", "data-read"} {
		require.NoError(t, os.WriteFile(wire.TemporaryPath(p.name, kind), nil, 0o600))
	}
	requireError(t, p.tryWrite(WithConnectTimeout(0)), ErrReaderDead)
	r := p.read() // though a writer is still attached
	next := p.write()
	send(t, next, 10)
	receive(t, r, 1, 10).Release()
	eventually(t, func() bool { _, err := w.WriteFrame(until(t), []byte{1}); return errors.Is(err, ErrReaderDead) }, "its reader is dead")
	require.NoError(t, w.Close(), "which harms nobody")
	send(t, next, 20)
	receive(t, r, 2, 20).Release()
}

func TestCloseNeverRemovesASuccessor(t *testing.T) {
	p := newObject(t, 0, 1024)
	old := p.read()
	// Somebody cleaned up behind the reader's back, and another reader came.
	for _, path := range leftovers(p.name) {
		require.NoError(t, os.Remove(path))
	}
	r := p.read()
	require.NoError(t, old.Close())
	require.GreaterOrEqual(t, len(leftovers(p.name)), 3, "object and semaphores are the next one's")
	w := p.write()
	send(t, w, 10)
	receive(t, r, 1, 10).Release()
}

func TestManyReadersWantOneName(t *testing.T) {
	p := newObject(t, 0, 1024)
	var alive, created atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		all.Add(1)
		go func() {
			defer all.Done()
			for range 50 {
				r, err := NewReader(p.name, p.config)
				if err != nil {
					if !errors.Is(err, ErrReaderAlreadyConnected) {
						t.Error(err)
						return
					}
					continue
				}
				created.Add(1)
				if n := alive.Add(1); n != 1 {
					t.Errorf("%d readers of one name", n)
				}
				alive.Add(-1)
				if err := r.Close(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	all.Wait()
	require.NotZero(t, created.Load())
}

// Attaching in the middle of creation waits for its end, and never sees half a buffer.
func TestWritersDuringCreation(t *testing.T) {
	p := newObject(t, 256, 1024)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	var attached atomic.Int32
	for range 2 {
		writers.Add(1)
		go func() {
			defer writers.Done()
			for {
				select {
				case <-stop:
					return
				default:
				}
				w, err := NewWriter(t.Context(), p.name, WithConnectTimeout(0))
				if err != nil {
					if !errors.Is(err, ErrBufferNotFound) && !errors.Is(err, ErrWriterAlreadyConnected) {
						t.Error(err)
						return
					}
					continue
				}
				attached.Add(1)
				if _, err := w.WriteFrame(passed(t), []byte{1}); err != nil && !errors.Is(err, ErrReaderDead) && !errors.Is(err, ErrBufferFull) {
					t.Error(err)
				}
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for i := 0; i < 100 || attached.Load() < 20; i++ {
		r, err := NewReader(p.name, p.config)
		require.NoError(t, err)
		if i%2 == 0 {
			eventually(t, func() bool { return r.buffer.Oieb.PayloadWrittenCount.Load() > 0 }, "a frame came")
			f, err := r.ReadFrame(until(t))
			require.NoError(t, err)
			require.Equal(t, []byte{1}, f.Data())
			f.Release()
		}
		require.NoError(t, r.Close())
	}
	close(stop)
	writers.Wait()
}

func TestABufferOfAnotherUser(t *testing.T) {
	p := newObject(t, 0, 1024)
	other := child.Start(t, "reader", []string{p.name, "hybrid", "0600"}, child.As(65534, 65534), child.Env("TMPDIR="+os.TempDir()+"/missing"))
	other.Expect("reading")
	err := p.tryWrite(WithConnectTimeout(0))
	requireError(t, err, ErrPermissionDenied)
	require.ErrorIs(t, err, os.ErrPermission)
	require.ErrorContains(t, err, "belongs to user 65534")
	w := p.write(AllowOtherUsers()) // root opens everything
	send(t, w, 10)
	require.NoError(t, w.Close())
	other.Finish()

	t.Run("whom we keep out", func(t *testing.T) {
		p := newObject(t, 0, 1024)
		r := p.read()
		refused := child.Start(t, "writer", []string{p.name, "hybrid"}, child.As(65534, 65534))
		require.Contains(t, refused.Line(), "permission_denied")
		refused.Finish()
		require.NoError(t, r.Close())
		p.read(WithMode(0o666))
		refused = child.Start(t, "writer", []string{p.name, "hybrid"}, child.As(65534, 65534))
		require.Contains(t, refused.Line(), "belongs to user 0; allow other users")
		refused.Finish()
		allowed := child.Start(t, "writer", []string{p.name, "hybrid", "others"}, child.As(65534, 65534))
		allowed.Expect("attached")
		allowed.Finish()
	})
	t.Run("whose name we want", func(t *testing.T) {
		p := newObject(t, 0, 1024)
		p.read()
		require.NoError(t, os.Remove(wire.LockPath(p.name)))
		require.NoError(t, os.Remove(wire.LockCsharpPath(temporaryFolder(), p.name)))
		refused := child.Start(t, "reader", []string{p.name, "hybrid", "0600"}, child.As(65534, 65534))
		require.Contains(t, refused.Line(), "name_in_use: another user's object has this name")
		refused.Finish()
	})
}

func TestNoRoomInSharedMemory(t *testing.T) {
	p := newObject(t, 0, 1024)
	small := child.Start(t, "reader-without-room", []string{p.name}, child.OwnMounts())
	require.Contains(t, small.Line(), "out_of_memory")
	small.Expect("left: 0")
	small.Finish()
}
