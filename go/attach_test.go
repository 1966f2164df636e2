//go:build linux

package zeroduplex

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
	"github.com/zeroduplex/zeroduplex/go/internal/lock"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

func init() {
	roles["connect-as"] = connectAs
	roles["serve-as"] = serveAs
}

func TestNamesAreChecked(t *testing.T) {
	bad := []string{"", ".", ".hidden", "sem.x", "a/b", "a b", "ä", "a\x00b", "a\n", strings.Repeat("x", 201)}
	for _, name := range bad {
		_, err := DefaultFactory().CreateInPlaceDuplexServer(name, DefaultBufferConfig())
		requireError(t, err, ErrInvalidName)
		require.ErrorIs(t, err, ErrInvalidArgument, "a bad name is a kind of bad argument")
		_, err = DefaultFactory().CreateClient(context.Background(), name)
		requireError(t, err, ErrInvalidName)
	}
	for _, suffix := range []string{"A.b_c-9", strings.Repeat("x", 200-len(namePrefix))} {
		p := &place{t: t, name: namePrefix + suffix, config: NewBufferConfig(0, 128)}
		require.NoError(t, p.create().Close())
	}
}

func TestOptionsAreChecked(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	for _, o := range []ServerOption{
		WithWorkers(0), WithWorkers(-1), WithResetTimeout(-1), WithStopTimeout(-1), WithMode(0o400), WithMode(os.ModeDir | 0o700),
		WithMode(os.ModeSetuid | 0o700), WithErrorFunc(nil), WithWait(9), WithWait(-1), WithSpinWindow(-1),
	} {
		_, err := DefaultFactory().CreateInPlaceDuplexServer(p.name, p.config, o)
		requireError(t, err, ErrInvalidArgument)
	}
	p.serve(echo)
	for _, o := range []ClientOption{
		WithConnectTimeout(-1), WithCallTimeout(-1), WithSendTimeout(-1), WithLap(7), WithWait(9), WithSpinWindow(-1),
	} {
		requireError(t, p.tryConnect(o), ErrInvalidArgument)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	name := newName(t)
	for _, c := range []BufferConfig{
		{}, NewBufferConfig(0, 127), NewBufferConfig(0, math.MaxUint64), NewBufferConfig(0, wire.MaxPayloadSize+1),
		NewBufferConfig(wire.MaxMetadataSize+1, 1024), NewBufferConfig(math.MaxUint64, 1024),
	} {
		_, err := DefaultFactory().CreateInPlaceDuplexServer(name, c)
		requireError(t, err, ErrInvalidArgument)
	}
	_, err := DefaultFactory().CreateInPlaceDuplexServer(name, NewBufferConfig(0, 1<<45))
	requireError(t, err, ErrOutOfMemory)
}

func TestSegmentIsAsLargeAsTheDesignSays(t *testing.T) {
	for _, tc := range []struct{ metadata, payload, length int64 }{{4096, 1 << 20, 1056960}, {0, 1000, 1216}} {
		p := newObject(t, uint64(tc.metadata), uint64(tc.payload))
		s := p.create()
		info, err := os.Stat(wire.ObjectPath(p.name))
		require.NoError(t, err)
		require.Equal(t, tc.length, info.Size())
		require.NoError(t, s.Close())
	}
}

func TestNoServer(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrServerNotFound)
	start := time.Now()
	requireError(t, p.tryConnect(WithConnectTimeout(30*time.Millisecond)), ErrServerNotFound)
	require.GreaterOrEqual(t, time.Since(start), 30*time.Millisecond)
	t.Run("the context's deadline counts, too", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		_, err := DefaultFactory().CreateClient(ctx, p.name, WithConnectTimeout(soon))
		requireError(t, err, ErrServerNotFound)
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		failed := started(func() error {
			_, err := DefaultFactory().CreateClient(ctx, p.name, WithConnectTimeout(time.Hour))
			return err
		})
		cancel()
		err := wait(t, failed)
		requireError(t, err, ErrCancelled)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, ErrServerNotFound, "why it took so long")
	})
}

func TestConnectWaitsForItsServer(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	connected := started(func() error {
		c, err := DefaultFactory().CreateClient(context.Background(), p.name, WithConnectTimeout(soon))
		if err != nil {
			return err
		}
		r, err := c.Call(context.Background(), []byte("x"))
		if err != nil {
			return err
		}
		r.Release()
		return c.Close()
	})
	time.Sleep(20 * time.Millisecond) // so that the client usually waits; either way it must work
	p.serve(echo)
	require.NoError(t, wait(t, connected))
}

func TestSecondClient(t *testing.T) {
	eachPlace(t, smallPayload, func(t *testing.T, p *place) {
		p.serve(echo)
		first := p.connect()
		requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrWriterAlreadyConnected)
		requireError(t, p.tryConnect(WithConnectTimeout(20*time.Millisecond)), ErrWriterAlreadyConnected)
		r, err := first.Call(until(t), []byte("unharmed"))
		require.NoError(t, err)
		r.Release()

		second := started(func() error {
			c, err := DefaultFactory().CreateClient(context.Background(), p.name, p.options([]ClientOption{WithConnectTimeout(soon)})...)
			if err != nil {
				return err
			}
			return c.Close()
		})
		require.NoError(t, first.Close())
		require.NoError(t, wait(t, second), "it was waiting for the first to leave")
	})
}

// segmentBytes is a copy of a living channel's segment.
func segmentBytes(t *testing.T) []byte {
	p := newObject(t, 256, 1024)
	s := p.create()
	content, err := os.ReadFile(wire.ObjectPath(p.name))
	require.NoError(t, err)
	require.NoError(t, s.Close())
	return content
}

// forge puts a file under a fresh name, as if its server lived, and returns the name.
func forge(t *testing.T, content []byte) *place {
	t.Helper()
	p := newObject(t, 256, 1024)
	path := wire.ObjectPath(p.name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	ok, err := lock.TryByte(int(f.Fd()), wire.LockByteServer)
	require.NoError(t, err)
	require.True(t, ok)
	t.Cleanup(func() {
		require.NoError(t, f.Close())
		require.NoError(t, os.Remove(path))
	})
	return p
}

func TestOtherVersionsAreRefused(t *testing.T) {
	good := segmentBytes(t)
	v1 := make([]byte, 8192)
	binary.LittleEndian.PutUint32(v1, wire.OiebV1Size)
	v1[4] = 1
	v3 := bytes.Clone(good)
	v3[4] = 3
	for text, content := range map[string][]byte{
		"the segment is ZeroBuffer v1.0.0, this client speaks v2.0.0": v1,
		"the segment is v3.0.0, this client speaks v2.0.0":            v3,
	} {
		p := forge(t, content)
		start := time.Now()
		err := p.tryConnect(WithConnectTimeout(time.Hour))
		requireError(t, err, ErrVersionMismatch)
		require.ErrorContains(t, err, text)
		require.Less(t, time.Since(start), soon, "time does not heal that")
	}
}

func TestBrokenSegmentsAreRefused(t *testing.T) {
	good := segmentBytes(t)
	const response = wire.OiebV2Size
	change := func(offset int, value uint64) []byte {
		b := bytes.Clone(good)
		binary.LittleEndian.PutUint64(b[offset:], value)
		return b
	}
	for what, content := range map[string][]byte{
		"tiny":                          good[:100],
		"cut off":                       good[:len(good)-64],
		"too long":                      append(bytes.Clone(good), make([]byte, 64)...),
		"only the blocks":               good[:200],
		"unknown oieb_size":             change(0, 89|2<<32),
		"response block not ready":      change(response, 0),
		"response block of v1":          change(response, 128|1<<32),
		"blocks of different versions":  change(response, 88|2<<32|1<<40),
		"payload sizes differ":          change(response+wire.OiebV2PayloadSizeOffset, 2048),
		"payload no multiple of 64":     change(wire.OiebV2PayloadSizeOffset, 1023),
		"payload too small":             change(wire.OiebV2PayloadSizeOffset, 64),
		"payload that overflows":        change(wire.OiebV2PayloadSizeOffset, math.MaxUint64-63),
		"metadata beyond the object":    change(wire.OiebV2MetadataSizeOffset, 1<<20),
		"metadata not rounded":          change(wire.OiebV2MetadataSizeOffset, 255),
		"response metadata overflowing": change(response+wire.OiebV2MetadataSizeOffset, math.MaxUint64),
	} {
		t.Run(what, func(t *testing.T) {
			requireError(t, forge(t, content).tryConnect(WithConnectTimeout(0)), ErrCorrupted)
		})
	}
	t.Run("not ready yet", func(t *testing.T) {
		err := forge(t, change(0, 0)).tryConnect(WithConnectTimeout(0))
		requireError(t, err, ErrServerNotFound)
		require.ErrorContains(t, err, "not ready")
	})
	t.Run("empty", func(t *testing.T) {
		requireError(t, forge(t, nil).tryConnect(WithConnectTimeout(0)), ErrServerNotFound)
	})
	t.Run("without semaphores", func(t *testing.T) {
		err := forge(t, good).tryConnect(WithConnectTimeout(0))
		requireError(t, err, ErrServerNotFound)
		require.ErrorContains(t, err, "semaphores")
	})
	t.Run("a directory", func(t *testing.T) {
		p := newObject(t, 0, 1024)
		require.NoError(t, os.Mkdir(wire.ObjectPath(p.name), 0o700))
		requireError(t, p.tryConnect(WithConnectTimeout(0)), ErrSystem)
		require.NoError(t, os.Remove(wire.ObjectPath(p.name)))
	})
}

func TestLaterMinorVersionsAreAccepted(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	s := p.serve(echo)
	later := wire.OiebV2IdentityWord | 7<<40
	s.current.seg.Response.Identity().Store(later)
	s.current.seg.Request.Identity().Store(later)
	c := p.connect()
	r, err := c.Call(until(t), nil)
	require.NoError(t, err)
	r.Release()
}

// connectAs tries to connect to the channel and says how that went.
func connectAs(args []string) error {
	options := []ClientOption{WithConnectTimeout(0)}
	if args[1] == "allow" {
		options = append(options, AllowOtherUsers())
	}
	c, err := DefaultFactory().CreateClient(context.Background(), args[0], options...)
	if err != nil {
		child.Say(strings.ReplaceAll(err.Error(), "\n", " "))
		return nil
	}
	r, err := c.Call(context.Background(), []byte("from another user"))
	if err != nil {
		return err
	}
	child.Say(string(r.Data()))
	r.Release()
	return c.Close()
}

func TestOtherUsers(t *testing.T) {
	old := syscall.Umask(0o077) // the mode asked for is the mode wanted
	defer syscall.Umask(old)
	const nobody = 65534
	for _, tc := range []struct {
		mode    os.FileMode
		allow   string
		answers string
	}{
		{0o600, "allow", `permission_denied: the object's mode does not let us in`},
		{0o666, "refuse", `permission_denied: the object belongs to user 0`},
		{0o666, "allow", "from another user"},
	} {
		t.Run(fmt.Sprintf("%o, %s", tc.mode, tc.allow), func(t *testing.T) {
			p := newObject(t, 0, smallPayload)
			p.serve(echo, WithMode(tc.mode))
			other := child.Start(t, "connect-as", []string{p.name, tc.allow}, child.As(nobody, nobody))
			require.Contains(t, other.Line(), tc.answers)
			other.Finish()
		})
	}
}

// serveAs serves an echo until the test ends, or says why it cannot.
func serveAs(args []string) error {
	s, err := DefaultFactory().CreateInPlaceDuplexServer(args[0], NewBufferConfig(0, smallPayload))
	if err != nil {
		child.Say(err.Error())
		return nil
	}
	if err := s.Start(context.Background(), echo); err != nil {
		return err
	}
	child.Say("serving")
	_, _ = child.Heard()
	return s.Close()
}

func TestTheServersOwnerIsCheckedEvenByRoot(t *testing.T) {
	p := newObject(t, 0, smallPayload)
	const nobody = 65534
	server := child.Start(t, "serve-as", []string{p.name}, child.As(nobody, nobody))
	server.Expect("serving")
	err := p.tryConnect(WithConnectTimeout(0))
	requireError(t, err, ErrPermissionDenied)
	require.ErrorIs(t, err, os.ErrPermission)
	require.ErrorContains(t, err, "65534")
	c := p.connect(AllowOtherUsers())
	r, err := c.Call(until(t), []byte("x"))
	require.NoError(t, err)
	r.Release()
	require.NoError(t, c.Close())
	server.Finish()
}
