package ring

import (
	"bytes"
	"errors"
	"runtime"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/hostile"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

const (
	hostilePayloadMax = 2048
	longestProgram    = 1024
	blockName         = "oieb_v2"
	headerName        = "frame_header_v2"
)

// regions is memory for segments, each region with its end at a page that nobody may touch.
type regions struct {
	request, response, payload *hostile.Arena
	flipper                    *hostile.Flipper
}

func newRegions(t testing.TB) *regions {
	t.Helper()
	arena := func(size uint64) *hostile.Arena {
		a, err := hostile.NewArena(size)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, a.Free()) })
		return a
	}
	r := &regions{arena(wire.OiebV2Size), arena(wire.OiebV2Size), arena(hostilePayloadMax), hostile.NewFlipper()}
	t.Cleanup(r.flipper.Close)
	return r
}

// expected is what a frame must hold as long as nobody interfered.
type expected struct {
	size, capacity uint64
	opcode         uint32
	oneWay         bool
	answer         uint64
	failed         bool
	status         int32
}

// tally says what a run of programs did, so that a test can tell that it did something.
type tally struct {
	programs, sent, taken, answered, read, cancelled, abandoned, corrupted, writes int
}

// hostileRing is both ends of a ring whose memory somebody else writes to as well.
type hostileRing struct {
	t       testing.TB
	program *hostile.Program
	regions *regions
	mem     Memory
	blocks  [2][]byte
	eager   bool
	flips   bool // a flipping peer runs beside the program
	client  *Client
	server  *Server
	taken   []Claimed
	frames  map[uint64]*expected
	touched bool // somebody interfered since the last reset: errors are right answers now
	tally   *tally
}

func newHostileRing(t testing.TB, r *regions, input []byte, flips bool, counts *tally) *hostileRing {
	p := hostile.NewProgram(input[:min(len(input), longestProgram)])
	payload := (2 + p.Below(hostilePayloadMax/wire.BlockAlignment-1)) * wire.BlockAlignment
	w := &hostileRing{t: t, program: p, regions: r, eager: p.Byte()%2 == 0, flips: flips, tally: counts}
	w.blocks = [2][]byte{r.request.Give(wire.OiebV2Size), r.response.Give(wire.OiebV2Size)}
	w.mem = Memory{
		Request:  (*wire.OiebV2)(unsafe.Pointer(&w.blocks[0][0])),
		Response: (*wire.OiebV2)(unsafe.Pointer(&w.blocks[1][0])),
		Payload:  r.payload.Give(payload),
	}
	w.server = NewServer(w.mem)
	w.reset()
	return w
}

// run executes the program; it fails the test where a property does not hold.
func (w *hostileRing) run() {
	w.tally.programs++
	defer w.regions.flipper.Stop()
	for w.program.More() {
		w.step()
		if free := w.client.Free(); free > w.mem.size() || uint64(w.client.InFlight()) > w.mem.size()/wire.FrameHeaderV2Size {
			w.t.Fatalf("%d bytes free of %d with %d frames in flight", free, w.mem.size(), w.client.InFlight())
		}
	}
	if !w.regions.request.Intact() || !w.regions.response.Intact() || !w.regions.payload.Intact() {
		w.t.Fatal("something was written before a region")
	}
}

func (w *hostileRing) step() {
	switch w.program.Byte() % 16 {
	case 0, 1:
		w.send()
	case 2, 3:
		w.take()
	case 4, 5:
		w.answer()
	case 6, 7:
		w.read()
	case 8:
		w.cancel()
	case 9:
		w.abandon()
	case 10:
		_, err := w.client.Reclaim()
		w.sound(err)
	case 11:
		word := w.program.Field(blockName, w.blocks[w.program.Below(2)])
		w.interfere(word)
	case 12:
		w.interfere(w.program.Field(headerName, w.header()))
	case 13:
		w.interfere(hostile.WordAt(w.mem.Payload[w.program.Below(w.mem.size()/8)*8:], 8))
	case 14:
		w.flip()
	default:
		w.reset()
	}
}

// reset is what follows corruption: the client detaches, the server resets, a client attaches.
func (w *hostileRing) reset() {
	w.regions.flipper.Stop()
	w.server.Reset()
	w.client = NewClient(w.mem, w.eager)
	w.taken, w.frames, w.touched = nil, map[uint64]*expected{}, false
}

// sound reports whether an operation gave a result. Corruption that nobody caused fails the test; that which somebody did ends in a reset.
func (w *hostileRing) sound(err error) bool {
	if err == nil {
		return true
	}
	if !errors.Is(err, ErrCorrupted) || !w.touched {
		w.t.Fatal(err)
	}
	w.tally.corrupted++
	w.reset()
	return false
}

func (w *hostileRing) send() {
	oneWay, size, capacity := w.program.Byte()%4 == 0, w.program.Below(w.mem.size()+1), w.program.Below(w.mem.size()+1)
	if _, err := w.client.Reclaim(); !w.sound(err) {
		return
	}
	data, err := w.client.Reserve(size, capacity)
	if err != nil {
		if !errors.Is(err, ErrNoRoom) && !errors.Is(err, ErrTooLarge) {
			w.t.Fatal(err)
		}
		return
	}
	if !inside(w.mem, data) || uint64(len(data)) != size {
		w.t.Fatalf("a claim of %d bytes outside of the payload", len(data))
	}
	if w.program.Byte()%8 == 7 {
		w.client.Abort()
		return
	}
	fill(data, byte(w.client.last+1))
	f := w.client.Publish(size, uint32(size), oneWay)
	w.frames[f.Sequence] = &expected{size: size, capacity: f.Capacity, opcode: uint32(size), oneWay: oneWay}
	w.tally.sent++
}

func (w *hostileRing) take() {
	var c Claimed
	ok, err := w.server.Next(&c)
	if !w.sound(err) || !ok {
		return
	}
	if !inside(w.mem, c.Data) || uint64(len(c.Data)) != c.Size || uint64(cap(c.Data)) != c.Capacity || c.Sequence != w.server.Passed()+1 {
		w.t.Fatalf("frame %+v is not inside the payload", c)
	}
	if f := w.frames[c.Sequence]; !w.touched && (c.Size != f.size || c.Capacity != f.capacity || c.Opcode != f.opcode || c.OneWay != f.oneWay ||
		!filled(c.Data, byte(c.Sequence))) {
		w.t.Fatalf("frame %+v, sent was %+v", c, *f)
	}
	switch {
	case c.Cancelled:
		w.server.Skip(&c)
	case w.touched && w.program.Byte()%16 == 15:
		w.server.Pass(&c)
	case !w.server.Take(&c):
		if !w.touched {
			w.t.Fatalf("frame %d was taken by somebody else", c.Sequence)
		}
	default:
		w.taken = append(w.taken, c)
		w.tally.taken++
	}
}

func (w *hostileRing) answer() {
	if len(w.taken) == 0 {
		return
	}
	i := w.program.Below(uint64(len(w.taken)))
	c := w.taken[i]
	w.taken = append(w.taken[:i], w.taken[i+1:]...)
	if c.OneWay {
		fill(c.Data, 0)
		c.Finish()
		return
	}
	size, failed := w.program.Below(c.Capacity+1), w.program.Byte()%4 == 0
	fill(c.Data[:size], ^byte(c.Sequence))
	if f := w.frames[c.Sequence]; f != nil {
		f.answer, f.failed, f.status = size, failed, int32(size)
	}
	c.Answer(size, int32(size), failed)
	_ = c.Abandoned()
	w.server.Count(size)
	w.tally.answered++
}

// pick decides for a frame in flight that has not been given back, nil when there is none.
func (w *hostileRing) pick() *Frame {
	n := w.client.InFlight()
	if n == 0 {
		return nil
	}
	f := w.client.At(int(w.program.Below(uint64(n))))
	if f.Released() || f.Cancelled || f.Abandoned || f.OneWay {
		return nil
	}
	return f
}

func (w *hostileRing) read() {
	f := w.pick()
	if f == nil || !f.Answered() {
		return
	}
	r, err := f.Read()
	if !w.sound(err) {
		return
	}
	data := f.Data(r.Size)
	if !inside(w.mem, data) || uint64(cap(data)) != f.Capacity {
		w.t.Fatalf("a response of %d bytes outside of its frame", len(data))
	}
	if e := w.frames[f.Sequence]; !w.touched && (uint64(len(data)) != e.answer || r.Failed != e.failed || r.Status != e.status ||
		f.Opcode != e.opcode || !filled(data, ^byte(f.Sequence))) {
		w.t.Fatalf("response %d has %d bytes, expected was %+v", f.Sequence, len(data), *e)
	}
	fill(data, 0)
	w.client.Release(f)
	w.tally.read++
	_, err = w.client.Reclaim()
	w.sound(err)
}

func (w *hostileRing) cancel() {
	if f := w.pick(); f != nil && w.client.Cancel(f) {
		w.tally.cancelled++
	}
}

func (w *hostileRing) abandon() {
	if f := w.pick(); f != nil {
		w.client.Abandon(f)
		w.tally.abandoned++
	}
}

// header decides for a place in the payload where a header is, was, or could be.
func (w *hostileRing) header() []byte {
	position := w.program.Below(w.mem.size()/wire.BlockAlignment) * wire.BlockAlignment
	switch n := w.client.InFlight(); {
	case w.program.Byte()%4 == 0:
		position = w.server.position
	case n > 0 && position%128 == 0:
		position = w.client.At(int(position/128) % n).position
	}
	return w.mem.Payload[position : position+wire.FrameHeaderV2Size]
}

func (w *hostileRing) interfere(word hostile.Word) {
	w.touched = true
	word.Store(w.program.Value(word.Load(), w.mem.size()))
	w.tally.writes++
}

// flip lets somebody change a word between two values while the next operations run.
func (w *hostileRing) flip() {
	w.touched = true
	word := w.program.Field(headerName, w.header())
	if w.program.Byte()%2 == 0 {
		word = w.program.Field(blockName, w.blocks[w.program.Below(2)])
	}
	now := word.Load()
	then := w.program.Value(now, w.mem.size())
	if w.flips {
		w.regions.flipper.Start(word, now, then)
	} else {
		word.Store(then)
	}
}

func fill(data []byte, with byte) {
	for i := range data {
		data[i] = with
	}
}

func filled(data []byte, with byte) bool { return bytes.Count(data, []byte{with}) == len(data) }

// steps are decisions of which a program does much without interference.
var steps = []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 32, 64, 128, 192}

// FuzzHostileRing runs both ends of the ring while a program writes to any word of the segment between their operations.
func FuzzHostileRing(f *testing.F) { fuzzHostileRing(f, false) }

// FuzzFlippingRing is the same with a peer beside it that changes words while operations read them.
func FuzzFlippingRing(f *testing.F) {
	if runtime.GOMAXPROCS(0) < 2 {
		runtime.GOMAXPROCS(2)
	}
	fuzzHostileRing(f, true)
}

func fuzzHostileRing(f *testing.F, flips bool) {
	for seed := range uint64(32) {
		f.Add(hostile.Random(seed, 200, float64(seed%8)/7, steps))
	}
	r := newRegions(f)
	f.Fuzz(func(t *testing.T, input []byte) {
		newHostileRing(t, r, input, flips, &tally{}).run()
	})
}

// TestHostileRing runs fixed programs of the same kind and makes sure that they do what they are for.
func TestHostileRing(t *testing.T) {
	var counts tally
	r := newRegions(t)
	programs := hostile.Run(20000, func(seed uint64) {
		newHostileRing(t, r, hostile.Random(seed, 300, float64(seed%8)/7, steps), seed%2 == 0, &counts).run()
	})
	t.Logf("%+v, %d flips", counts, r.flipper.Flips())
	require.Equal(t, programs, counts.programs)
	for _, n := range []int{counts.sent, counts.taken, counts.answered, counts.read, counts.cancelled, counts.abandoned, counts.corrupted, counts.writes} {
		require.Greater(t, n, programs/10)
	}
	require.Greater(t, r.flipper.Flips(), uint64(programs/10))
}
