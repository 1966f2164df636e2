package zeroduplex

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/zeroduplex/zeroduplex/go/internal/hostile"
	"github.com/zeroduplex/zeroduplex/go/internal/ring"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

const (
	hostileMetadata       = 64
	hostilePayload        = 1024
	longestHostileProgram = 256
	// farTooLong is what no call with a timeout of at most a few milliseconds may take, however busy the machine is.
	farTooLong = 20 * time.Second
)

// hostilePeer is the memory of a channel, whose other side is a program of bytes. It uses the ring as a right peer would, and stores
// whatever it likes wherever it likes, the semaphores included.
type hostilePeer struct {
	t       testing.TB
	name    string
	arena   *hostile.Arena
	flipper *hostile.Flipper
	layout  wire.SegmentV2

	program    *hostile.Program
	mem        []byte
	ring       ring.Memory
	semaphores [][]byte // mapped by us: their first 8 bytes are anybody's
	tally      map[string]int
}

func newHostilePeer(t testing.TB) *hostilePeer {
	t.Helper()
	l, ok := wire.ResolveSegmentV2(hostileMetadata, hostileMetadata, hostilePayload)
	require.True(t, ok)
	arena, err := hostile.NewArena(l.Length)
	require.NoError(t, err)
	p := &hostilePeer{t: t, name: newName(t), arena: arena, flipper: hostile.NewFlipper(), layout: l, tally: map[string]int{}}
	t.Cleanup(func() {
		p.flipper.Close()
		p.unmapSemaphores()
		require.NoError(t, arena.Free())
	})
	return p
}

// begin starts a program on fresh memory.
func (p *hostilePeer) begin(t testing.TB, input []byte) *SharedMemoryView {
	p.t = t
	p.program = hostile.NewProgram(input[:min(len(input), longestHostileProgram)])
	p.mem = p.arena.Give(p.layout.Length)
	view, err := NewSharedMemoryView(p.mem)
	require.NoError(t, err)
	s := overlay(p.name, view, p.layout)
	p.ring = s.Memory
	p.tally["programs"]++
	return view
}

func (p *hostilePeer) mapSemaphores() {
	for _, k := range segmentSemaphores {
		f, err := os.OpenFile(wire.SemaphorePath(k.name(p.name)), os.O_RDWR, 0)
		require.NoError(p.t, err)
		mem, err := unix.Mmap(int(f.Fd()), 0, wire.NamedSemaphoreSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		require.NoError(p.t, errors.Join(err, f.Close()))
		p.semaphores = append(p.semaphores, mem)
	}
}

func (p *hostilePeer) unmapSemaphores() {
	for _, s := range p.semaphores {
		require.NoError(p.t, unix.Munmap(s))
	}
	p.semaphores = nil
}

// word decides for a word that the peer may write.
func (p *hostilePeer) word() hostile.Word {
	block := func(r wire.Region) []byte { return p.mem[r.Offset : r.Offset+r.Size] }
	switch p.program.Byte() % 8 {
	case 0, 1:
		return p.program.Field("oieb_v2", block(p.layout.OiebRequest))
	case 2:
		return p.program.Field("oieb_v2", block(p.layout.OiebResponse))
	case 3, 4, 5:
		return p.program.Field("frame_header_v2", p.ring.Payload[p.program.Below(hostilePayload/wire.BlockAlignment)*wire.BlockAlignment:])
	case 6:
		return hostile.WordAt(p.mem[p.program.Below(p.layout.Length/8)*8:], 8)
	default:
		return p.program.Field("named_semaphore", p.semaphores[p.program.Below(uint64(len(p.semaphores)))])
	}
}

func (p *hostilePeer) interfere(flips bool) {
	word := p.word()
	now := word.Load()
	then := p.program.Value(now, hostilePayload)
	p.tally["writes"]++
	if flips {
		p.flipper.Start(word, now, then)
	} else {
		word.Store(then)
	}
}

// forge changes a field of the header before data, of a frame that was handed over a moment ago: the other side is likely to look at it first
// as it is now.
func (p *hostilePeer) forge(data []byte) {
	if p.program.Byte()%8 != 0 || cap(data) == 0 { // what has no bytes does not say where it is
		return
	}
	at := uintptr(unsafe.Pointer(unsafe.SliceData(data))) - uintptr(unsafe.Pointer(unsafe.SliceData(p.ring.Payload)))
	word := p.program.Field("frame_header_v2", p.ring.Payload[at-wire.FrameHeaderV2Size:])
	word.Store(p.program.Value(word.Load(), hostilePayload))
	p.tally["forged"]++
}

// inside fails the test for bytes that are not the payload's.
func (p *hostilePeer) inside(data []byte) {
	start, at := uintptr(unsafe.Pointer(unsafe.SliceData(p.ring.Payload))), uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	if cap(data) > 0 && (at < start || at+uintptr(cap(data)) > start+hostilePayload) {
		p.t.Fatalf("%d bytes outside of the payload", len(data))
	}
}

// typed fails the test for an error that is none of the package's, and for a call that took too long.
func (p *hostilePeer) typed(since time.Time, err error) bool {
	if took := time.Since(since); took > farTooLong {
		p.t.Fatalf("a call took %v: %v", took, err)
	}
	if err == nil {
		return true
	}
	var own *Error
	var handler *HandlerError
	switch {
	case errors.As(err, &own):
		p.tally[own.Code.String()]++
	case errors.As(err, &handler):
		p.tally["handler_failed"]++
	default:
		p.t.Fatalf("an error that is not the package's: %v", err)
	}
	return false
}

// runClient lets a program be the server of a real client.
func (p *hostilePeer) runClient(t testing.TB, input []byte, flips bool) {
	view := p.begin(t, input)
	defer p.flipper.Stop()
	s := overlay(p.name, view, p.layout)
	require.NoError(t, s.initialise(p.layout, nil))
	s.Request.Identity().Store(wire.OiebV2IdentityWord)
	for _, sem := range p.semaphores {
		clear(sem)
		hostile.WordAt(sem[wire.NamedSemaphoreSharedOffset:], 4).Store(uint64(wire.SemaphoreSharedFlag))
	}
	if p.program.Byte()%4 == 0 {
		for range 1 + p.program.Byte()%2 {
			p.interfere(flips)
		}
	}
	started := time.Now()
	wait := []WaitStrategy{WaitHybrid, WaitBlock, WaitSpin}[p.program.Byte()%3]
	d, err := DefaultFactory().CreateClient(context.Background(), p.name, WithMemory(view), WithConnectTimeout(0), WithWait(wait),
		WithSpinWindow(20*time.Microsecond), WithCallTimeout(50*time.Microsecond), WithSendTimeout(50*time.Microsecond))
	if !p.typed(started, err) {
		return
	}
	p.tally["attached"]++
	server := ring.NewServer(p.ring)
	var taken []ring.Claimed
	var held []Response
	for p.program.More() {
		p.clientStep(d, flips, server, &taken, &held)
	}
	for _, r := range held {
		r.Release()
	}
	started = time.Now()
	p.typed(started, d.Close())
	p.flipper.Stop()
	if !p.arena.Intact() {
		t.Fatal("something was written before the segment")
	}
}

func (p *hostilePeer) clientStep(d DuplexClient, flips bool, server *ring.Server, taken *[]ring.Claimed, held *[]Response) {
	ctx, started := context.Background(), time.Now()
	keep := func(r Response, err error) {
		if p.typed(started, err) {
			p.inside(r.Data())
			p.tally["received"]++
			if p.program.Byte()%2 == 0 {
				r.Release()
			} else {
				*held = append(*held, r)
			}
		}
	}
	request := func() Request {
		size := int(p.program.Below(hostilePayload))
		return Request{Data: make([]byte, size), Capacity: size * int(p.program.Byte()%2), OneWay: p.program.Byte()%8 == 7}
	}
	switch p.program.Byte() % 16 {
	case 0, 1:
		_, err := d.Send(ctx, request())
		p.typed(started, err)
	case 2:
		b, err := d.AcquireRequestBuffer(ctx, int(p.program.Below(hostilePayload)), 0)
		if !p.typed(started, err) {
			return
		}
		p.inside(b.Data())
		if p.program.Byte()%4 == 0 {
			b.Abort()
			return
		}
		_, err = b.Commit()
		p.typed(started, err)
	case 3, 4:
		keep(d.ReceiveResponse(ctx))
	case 5:
		keep(d.ReceiveResponseFor(ctx, uint64(p.program.Byte()%16)))
	case 6:
		keep(d.CallRequest(ctx, request()))
	case 7:
		_, err := d.Cancel(uint64(p.program.Byte() % 16))
		p.typed(started, err)
	case 8:
		content, err := d.ServerMetadata()
		if p.typed(started, err) && len(content) > hostileMetadata*2 {
			p.t.Fatalf("%d bytes of metadata", len(content))
		}
		p.typed(started, d.SetMetadata(make([]byte, p.program.Byte())))
		d.IsServerConnected()
	case 9:
		if n := len(*held); n > 0 {
			(*held)[n-1].Release()
			*held = (*held)[:n-1]
		}
	case 10, 11, 12:
		p.serverStep(server, taken)
	case 13:
		p.flipper.Stop()
	default:
		p.interfere(flips)
	}
}

// serverStep is what a right server does.
func (p *hostilePeer) serverStep(server *ring.Server, taken *[]ring.Claimed) {
	var c ring.Claimed
	if ok, err := server.Next(&c); err == nil && ok {
		if c.Cancelled {
			server.Skip(&c)
		} else if server.Take(&c) {
			*taken = append(*taken, c)
		}
	}
	if n := len(*taken); n > 0 && p.program.Byte()%4 != 0 {
		i := p.program.Below(uint64(n))
		c := (*taken)[i]
		*taken = append((*taken)[:i], (*taken)[i+1:]...)
		if c.OneWay {
			c.Finish()
			return
		}
		c.Answer(p.program.Below(c.Capacity+1), int32(p.program.Byte()), p.program.Byte()%4 == 0)
		p.forge(c.Data)
		server.Count(0)
	}
}

// runServer lets a program be the client of a real server.
func (p *hostilePeer) runServer(t testing.TB, input []byte, flips bool) {
	view := p.begin(t, input)
	defer p.flipper.Stop()
	var handled atomic.Int64
	started := time.Now()
	server, err := DefaultFactory().CreateInPlaceDuplexServer(p.name, NewBufferConfigOver(hostileMetadata, view), WithWorkers(1+int(p.program.Byte()%2)),
		WithWait([]WaitStrategy{WaitHybrid, WaitBlock, WaitSpin}[p.program.Byte()%3]), WithSpinWindow(20*time.Microsecond),
		WithResetTimeout(time.Millisecond), WithErrorFunc(func(err error) {
			var own *Error
			if !errors.As(err, &own) {
				t.Errorf("an error that is not the package's: %v", err)
			}
		}))
	if !p.typed(started, err) {
		t.Fatal(err)
	}
	p.mapSemaphores()
	defer p.unmapSemaphores()
	require.NoError(t, server.Start(context.Background(), func(f Frame) error {
		p.inside(f.Data()[:f.Capacity()])
		if uint64(f.Size()) > uint64(f.Capacity()) {
			t.Errorf("%d bytes in a capacity of %d", f.Size(), f.Capacity())
		}
		clear(f.Data())
		handled.Add(1)
		return f.Resize(f.Capacity())
	}))
	client := ring.NewClient(p.ring, true)
	p.ring.Request.WriterPid.Store(uint64(os.Getpid()))
	for p.program.More() {
		client = p.peerStep(server, client, flips)
	}
	p.flipper.Stop()
	started = time.Now()
	p.typed(started, server.Stop(2*time.Millisecond))
	<-server.Done()
	waitForHandlers(server)
	p.tally["handled"] += int(handled.Load())
	if !p.arena.Intact() {
		t.Fatal("something was written before the segment")
	}
}

// waitForHandlers waits for the handlers that a server did not wait for when it stopped. They still have the memory.
func waitForHandlers(s *InPlaceDuplexServer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.current.running > 0 {
		s.finished.Wait()
	}
}

// peerStep is a step of a client that is right most of the time.
func (p *hostilePeer) peerStep(server DuplexServer, client *ring.Client, flips bool) *ring.Client {
	post := func() { hostile.WordAt(p.semaphores[0], 4).Store(1) } // request-ready; a sleeper looks once a slice anyway
	switch p.program.Byte() % 16 {
	case 0, 1, 2, 3, 4, 5:
		if _, err := client.Reclaim(); err != nil {
			return ring.NewClient(p.ring, true)
		}
		size := p.program.Below(hostilePayload / 2)
		if data, err := client.Reserve(size, 0); err == nil {
			client.Publish(size, 0, p.program.Byte()%4 == 0)
			p.forge(data)
			post()
		}
	case 6, 7:
		for i := range client.InFlight() {
			if f := client.At(i); f.Answered() && !f.Released() && !f.OneWay && !f.Cancelled && !f.Abandoned {
				client.Release(f)
			}
		}
	case 8:
		if n := client.InFlight(); n > 0 {
			client.Cancel(client.At(int(p.program.Below(uint64(n)))))
		}
	case 9:
		content, err := server.ClientMetadata()
		if p.typed(time.Now(), err) && len(content) > hostileMetadata*2 {
			p.t.Fatalf("%d bytes of metadata", len(content))
		}
	case 10: // leaves, and comes again
		p.ring.Request.WriterPid.Store(wire.ResetWanted)
		post()
		for range 100 {
			if p.ring.Request.WriterPid.Load() == wire.PidNone {
				break
			}
			runtime.Gosched()
		}
		p.ring.Request.WriterPid.Store(uint64(os.Getpid()))
		return ring.NewClient(p.ring, true)
	case 11:
		p.flipper.Stop()
	case 12:
		runtime.Gosched()
	default:
		p.interfere(flips)
	}
	return client
}

// tameSDK are decisions of which a program does much without interference.
var tameSDK = []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 32, 64, 128}

func fuzzHostile(f *testing.F, run func(p *hostilePeer) func(t testing.TB, input []byte)) {
	for seed := range uint64(16) {
		f.Add(hostile.Random(seed, 120, float64(seed%8)/7, tameSDK))
	}
	each := run(newHostilePeer(f))
	f.Fuzz(func(t *testing.T, input []byte) { each(t, input) })
}

// makeSemaphores are those of a channel whose server is a program. They are removed at the end.
func (p *hostilePeer) makeSemaphores() {
	all, err := replaceSemaphores(p.name, 0o600)
	require.NoError(p.t, err)
	t := p.t
	t.Cleanup(func() { require.NoError(t, errors.Join(all.remove(p.name), all.close())) })
	p.mapSemaphores()
}

// FuzzHostileServer gives a client a server that stores anything.
func FuzzHostileServer(f *testing.F) {
	fuzzHostile(f, func(p *hostilePeer) func(testing.TB, []byte) {
		p.makeSemaphores()
		return func(t testing.TB, input []byte) { p.runClient(t, input, len(input)%2 == 0) }
	})
}

// FuzzHostileClient gives a server a client that stores anything.
func FuzzHostileClient(f *testing.F) {
	fuzzHostile(f, func(p *hostilePeer) func(testing.TB, []byte) {
		return func(t testing.TB, input []byte) { p.runServer(t, input, len(input)%2 == 0) }
	})
}

func TestHostileServer(t *testing.T) {
	p := newHostilePeer(t)
	p.makeSemaphores()
	programs := hostile.Run(400, func(seed uint64) {
		p.runClient(t, hostile.Random(seed, 120, float64(seed%8)/7, tameSDK), seed%2 == 0)
	})
	p.t = t
	t.Log(p.tally)
	require.Equal(t, programs, p.tally["programs"])
	for _, what := range []string{"attached", "received", "writes", "forged", "corrupted", "timeout"} {
		require.Greater(t, p.tally[what], programs/20, what)
	}
}

func TestHostileClient(t *testing.T) {
	p := newHostilePeer(t)
	programs := hostile.Run(300, func(seed uint64) {
		p.runServer(t, hostile.Random(seed, 120, float64(seed%8)/7, tameSDK), seed%2 == 0)
	})
	p.t = t
	t.Log(p.tally)
	require.Equal(t, programs, p.tally["programs"])
	for _, what := range []string{"handled", "writes", "forged"} {
		require.Greater(t, p.tally[what], programs/2, what)
	}
}
