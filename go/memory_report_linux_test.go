//go:build linux

package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

const lapPayload = 8 << 20

// lapFaults is how many page faults the client's first lap through the ring takes, which writes to every page of it.
func lapFaults(t *testing.T, c *InPlaceDuplexChannel) int {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, after unix.Rusage
	require.NoError(t, unix.Getrusage(unix.RUSAGE_THREAD, &before))
	const frame = lapPayload/4 - int(wire.FrameHeaderV2Size)
	for range 4 {
		b, err := c.AcquireRequestBuffer(context.Background(), frame, 0)
		require.NoError(t, err)
		data := b.Data()
		for i := 0; i < len(data); i += os.Getpagesize() {
			data[i] = 1
		}
		sequence, err := b.Commit()
		require.NoError(t, err)
		r, err := c.ReceiveResponseFor(until(t), sequence)
		require.NoError(t, err)
		r.Release()
	}
	require.NoError(t, unix.Getrusage(unix.RUSAGE_THREAD, &after))
	return int(after.Minflt - before.Minflt)
}

func TestTheFirstLapOfAPrefaultedClientTakesNoFaults(t *testing.T) {
	pages := lapPayload / os.Getpagesize()
	p := newObject(t, 0, lapPayload)
	s := p.serve(invert, WithPrefault())
	require.Equal(t, MemoryReport{Prefaulted: true}, s.MemoryReport())
	c := p.connect(WithPrefault(), WithLap(LapNeeded))
	require.Equal(t, MemoryReport{Prefaulted: true}, c.MemoryReport())
	require.Less(t, lapFaults(t, c), pages/10)
	require.NoError(t, c.Close())
	require.True(t, c.MemoryReport().Prefaulted, "it can be asked for after the end")

	plain := p.connect(WithLap(LapNeeded))
	require.Equal(t, MemoryReport{}, plain.MemoryReport())
	if hugeMount(t) {
		return // a fault there brings a huge page; shm's tests count with mounts of their own
	}
	require.Greater(t, lapFaults(t, plain), pages*9/10, "all but what connecting and the shared blocks touch")
}

// hugeMount reports whether this machine's shared memory comes in huge pages unasked.
func hugeMount(t *testing.T) bool {
	p := newObject(t, 0, lapPayload)
	return p.create(WithHugePages()).MemoryReport().HugePageBytes > 0
}

func TestTheObjectThatFollowsOneThatWasGivenUpIsPrefaultedToo(t *testing.T) {
	g := newGate()
	p := newObject(t, 0, smallPayload)
	s := p.serve(g.handle, WithPrefault(), WithResetTimeout(20*time.Millisecond))
	first := s.current.seg
	c := p.connect()
	sequence, err := c.SendRequest(until(t), []byte("hang"))
	require.NoError(t, err)
	g.expect(t, sequence)
	require.NoError(t, c.Close())
	p.connect(WithConnectTimeout(soon)) // the object was given up
	g.pass <- nil
	s.mu.Lock()
	require.NotSame(t, first, s.current.seg)
	s.mu.Unlock()
	require.Equal(t, MemoryReport{Prefaulted: true}, s.MemoryReport())
}

func TestHugePagesAreAWish(t *testing.T) {
	p := newObject(t, 0, lapPayload)
	s := p.serve(echo, WithHugePages())
	c := p.connect(WithHugePages(), WithPrefault())
	for _, r := range []MemoryReport{s.MemoryReport(), c.MemoryReport()} {
		require.True(t, r.Prefaulted)
		require.Equal(t, r.HugePageBytes == 0, r.Reason != "", "%+v", r)
	}
	r, err := c.Call(until(t), []byte("works"))
	require.NoError(t, err)
	r.Release()
	require.NoError(t, c.Close())
	asked := p.connect(WithHugePages())
	require.False(t, asked.MemoryReport().Prefaulted)
	require.Contains(t, asked.MemoryReport().Reason, "asked for")
}

func TestPagesOfTheApplicationsMemoryAreItsOwn(t *testing.T) {
	p := newHeap(t, 0, smallPayload)
	s := p.serve(echo, WithPrefault())
	c := p.connect(WithHugePages())
	for _, r := range []MemoryReport{s.MemoryReport(), c.MemoryReport()} {
		require.False(t, r.Prefaulted)
		require.Contains(t, r.Reason, "application's own")
	}
	require.NoError(t, c.Close())
	require.Equal(t, MemoryReport{}, p.connect().MemoryReport())
}

func TestAClientThatHasNoMemoryForAPageLeavesNothing(t *testing.T) {
	child.Start(t, "no room for pages", nil, child.OwnMounts()).Finish()
}

func init() { roles["no room for pages"] = noRoomForPages }

// noRoomForPages connects to a server whose pages are not reserved, in a /dev/shm that somebody else fills.
func noRoomForPages([]string) error {
	if err := errors.Join(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), unix.Mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m")); err != nil {
		return err
	}
	name := namePrefix + "full"
	s, err := DefaultFactory().CreateInPlaceDuplexServer(name, NewBufferConfig(0, 256<<10))
	if err != nil {
		return err
	}
	object := s.current.seg.provider.(*SharedMemory).object.Descriptor()
	if err := unix.Fallocate(object, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, 64<<10, 64<<10); err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &fs); err != nil {
		return err
	}
	const filler = "/dev/shm/filler"
	if err := os.WriteFile(filler, make([]byte, fs.Bavail*uint64(fs.Bsize)), 0o600); err != nil {
		return err
	}
	if _, err = DefaultFactory().CreateClient(context.Background(), name, WithPrefault()); !errors.Is(err, ErrOutOfMemory) {
		return fmt.Errorf("want out of memory, got %w", err)
	}
	if s.current.seg.life.clientAlive() {
		return errors.New("the refused client still holds its lock")
	}
	if err := os.Remove(filler); err != nil {
		return err
	}
	c, err := DefaultFactory().CreateClient(context.Background(), name, WithPrefault())
	if err != nil {
		return err
	}
	return errors.Join(c.Close(), s.Close())
}

func TestMemoryReportsOfV1(t *testing.T) {
	name := newName(t)
	r, err := NewReader(name, NewBufferConfig(0, smallPayload), WithPrefault())
	require.NoError(t, err)
	w, err := NewWriter(context.Background(), name, WithPrefault())
	require.NoError(t, err)
	require.Equal(t, MemoryReport{Prefaulted: true}, r.MemoryReport())
	require.Equal(t, MemoryReport{Prefaulted: true}, w.MemoryReport())
	require.NoError(t, w.Close())
	require.NoError(t, r.Close())

	channel := newName(t)
	s, err := DefaultFactory().CreateImmutableServer(channel, NewBufferConfig(0, smallPayload), WithPrefault())
	require.NoError(t, err)
	require.NoError(t, s.Start(context.Background(), echo))
	require.True(t, s.MemoryReport().Prefaulted)
	c, err := DefaultFactory().CreateClient(context.Background(), channel, WithPrefault(), WithResponseConfig(NewBufferConfig(0, smallPayload)))
	require.NoError(t, err)
	response, err := c.Call(until(t), []byte("works"))
	require.NoError(t, err)
	response.Release()
	require.Equal(t, MemoryReport{Prefaulted: true}, c.MemoryReport())
	require.Equal(t, MemoryReport{Prefaulted: true}, s.MemoryReport())
	require.NoError(t, c.Close())
	require.NoError(t, s.Close())
}

func TestTheReportOnTwoMappings(t *testing.T) {
	done, not := MemoryReport{Prefaulted: true, HugePageBytes: 5}, MemoryReport{Reason: "why"}
	require.Equal(t, MemoryReport{Prefaulted: true, HugePageBytes: 10}, done.and(done))
	require.Equal(t, MemoryReport{HugePageBytes: 5, Reason: "why"}, done.and(not))
	require.Equal(t, MemoryReport{Reason: "why"}, not.and(not))
	require.Equal(t, MemoryReport{Reason: "why; also"}, not.and(MemoryReport{Reason: "also"}))
}
