package ring

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/ordered"
	"github.com/zeroduplex/zeroduplex/go/internal/spin"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// Errors of the client's end.
var (
	// ErrTooLarge says that a frame can never fit the payload.
	ErrTooLarge = errors.New("frame can never fit the payload")
	// ErrNoRoom says that a frame does not fit until something is reclaimed.
	ErrNoRoom = errors.New("no room in the ring")
	// ErrCorrupted says that the peer stored what a correct peer never stores.
	ErrCorrupted = errors.New("corrupted")
)

// Client is the client's end: it alone moves head and tail. What is in flight, where and how large, it knows from its private
// list and never from shared memory.
type Client struct {
	mem      Memory
	request  counters
	response counters
	eager    bool
	head     uint64 // cumulative end of what was published
	position uint64 // head modulo the payload's size, kept beside it: divisions take longer than all else here
	claimed  uint64 // bytes between tail and head, waste included, plus the open claim
	open     bool   // between Reserve and Publish or Abort
	next     claim
	last     uint64 // sequence number of the last published frame

	frames    deque // published and not reclaimed, in ring order, their sequence numbers consecutive
	spare     []*Frame
	abandoned int    // frames in the list that are abandoned and not released
	consumed  uint64 // response read_count

	// Owner is what every frame's Owner is; set it before the first frame is published.
	Owner any
}

// claim is where the open acquisition will go.
type claim struct {
	start    uint64 // cumulative offset of the header
	position uint64 // of the header
	total    uint64
	waste    uint64 // bytes before it that it brings along, claimed
	marker   bool   // a WRAP header goes at the old head
	capacity uint64
}

// Frame is a published frame as its client knows it. The SDK may read the exported fields under its lock.
type Frame struct {
	Sequence uint64
	Capacity uint64
	Opcode   uint32
	OneWay   bool
	// Taken says that somebody has a claim on the response: a waiter by number, or a receiver that has it.
	Taken     bool
	Cancelled bool
	Abandoned bool
	// Live is the sequence number until the frame is released, then 0, so that stale handles can be told.
	Live atomic.Uint64
	// Owner is the client's, so that a frame is all that a handle needs.
	Owner any

	position uint64
	total    uint64
	waste    uint64
	released bool
	header   *wire.FrameHeaderV2
}

// NewClient starts at the state that a reset leaves behind: everything zero, everything free.
func NewClient(mem Memory, eager bool) *Client {
	return &Client{mem: mem, request: countersOf(mem.Request), response: countersOf(mem.Response), eager: eager}
}

// Reserve claims room for a frame of the given capacity (already checked against the limits; rounded up here) and returns its data
// area. It fails with ErrTooLarge or ErrNoRoom. Only one claim is open at a time.
func (c *Client) Reserve(size, capacity uint64) ([]byte, error) {
	capacity = RoundUp(max(size, capacity))
	total := wire.FrameHeaderV2Size + capacity
	payload := c.mem.size()
	if total > payload {
		return nil, fmt.Errorf("%w: header and capacity take %d of %d bytes", ErrTooLarge, total, payload)
	}
	if !c.place(total) {
		return nil, ErrNoRoom
	}
	c.next.total, c.next.capacity = total, capacity
	c.open = true
	c.claimed += total + c.next.waste
	return c.mem.dataAt(c.next.position, size, capacity), nil
}

// place fills in where the next frame would go and reports whether it may. Field by field, here and below: a copy of a struct that
// was stored a moment ago waits until the stores are done.
func (c *Client) place(total uint64) bool {
	payload := c.mem.size()
	room := payload - c.position
	n := &c.next
	n.start, n.position, n.waste, n.marker = c.head, c.position, 0, false
	if c.frames.len() == 0 {
		n.start, n.position = c.startAlone(total)
		return true
	}
	free := payload - c.claimed
	if total <= room {
		return total <= free
	}
	n.start, n.position, n.waste, n.marker = c.head+room, 0, room, true
	return total+room <= free
}

// startAlone is where a frame goes while nothing is in flight: the cumulative offset of its header, and the position.
func (c *Client) startAlone(total uint64) (start, position uint64) {
	payload := c.mem.size()
	room := payload - c.position
	if c.position == 0 || !c.eager && total <= room {
		return c.head, c.position
	}
	// The unmarked lap: nothing is in flight, so the whole payload is ours. The server tells it from an ordinary advance by the
	// distance, which must therefore exceed the payload.
	start = c.head + room
	if room+total <= payload {
		start += payload
	}
	return start, 0
}

// Abort gives the open claim back.
func (c *Client) Abort() {
	c.claimed -= c.next.total + c.next.waste
	c.open = false
}

// Publish makes the open claim a frame with the next sequence number. Loads behind it come after it: the caller need not fence before it
// looks at a semaphore's value.
func (c *Client) Publish(size uint64, opcode uint32, oneWay bool) *Frame {
	n := &c.next
	c.open = false
	if n.marker {
		writeHeader(c.mem.headerAt(c.position), 0, 0, 0, 0, 0, wire.FrameStateWrap)
	}
	var flags uint32
	if oneWay {
		flags = wire.FrameFlagsOneWay
	}
	f := c.publish(n.start, n.position, n.capacity, size, c.mem.size()-c.claimed, opcode, flags)
	f.waste = n.waste
	return f
}

// PublishAlone is Reserve, a copy of data and Publish in one step, for a frame of a capacity that is rounded already and when nothing is
// in flight: it needs no claim. Nil: something is, or the frame can never fit.
func (c *Client) PublishAlone(data []byte, capacity uint64, opcode uint32) *Frame {
	total := wire.FrameHeaderV2Size + capacity
	payload := c.mem.size()
	if c.frames.count != 0 || c.open || total > payload {
		return nil
	}
	start, position := c.startAlone(total)
	size := uint64(len(data))
	copy(c.mem.dataAt(position, size, capacity), data)
	c.claimed = total
	return c.publish(start, position, capacity, size, payload-total, opcode, 0)
}

// publish writes the header and makes it count. What is only this process's follows what the server waits for: it works meanwhile.
func (c *Client) publish(start, position, capacity, size, free uint64, opcode, flags uint32) *Frame {
	sequence := c.last + 1
	total := wire.FrameHeaderV2Size + capacity
	head := start + total
	header := c.mem.headerAt(position)
	writeHeader(header, size, sequence, capacity, opcode, flags, wire.FrameStateRequest)

	// The server loads written_count (acquire) before written_bytes, so the count goes last: whoever sees it sees the rest, which
	// needs no order of its own (publish-bytes and free-bytes in cpp/verify). It is stored sequentially consistently, which is the full
	// fence of the posting rule, too.
	ordered.Covered64(c.request.writtenBytes, head)
	ordered.Covered64(c.request.freeBytes, free)
	c.request.writtenCount.Store(sequence)
	// The response block's copy is for inspectors. Its cache line is the server's, so it follows what the server waits for, and the fence.
	ordered.Covered64(c.response.freeBytes, free)

	c.last = sequence
	c.head = head
	if c.position = position + total; c.position == c.mem.size() {
		c.position = 0
	}
	f := c.record()
	f.Sequence, f.Capacity, f.Opcode, f.OneWay = sequence, capacity, opcode, flags&wire.FrameFlagsOneWay != 0
	f.Taken, f.Cancelled, f.Abandoned, f.released = false, false, false, false
	f.position, f.total, f.waste = position, total, 0
	f.header = header
	ordered.Relaxed64(&f.Live, sequence)
	c.frames.push(f)
	return f
}

// writeHeader stores all 64 bytes, the state last. Pairs with the server's acquire load of the state (Server.read), which comes after that
// of the count, which covers it.
func writeHeader(to *wire.FrameHeaderV2, size, sequence, capacity uint64, opcode, flags uint32, state wire.FrameState) {
	to.PayloadSize, to.SequenceNumber, to.Capacity = size, sequence, capacity
	to.Status, to.RequestSize, to.Opcode = 0, size, opcode
	to.Reserved = [16]uint8{}
	ordered.Covered32(flagsOf(to), flags)
	ordered.CoveredInt32(stateOf(to), int32(state))
}

// free is what both blocks say: what is neither in flight nor waste. The open claim is nobody's business but ours.
func (c *Client) free() uint64 {
	free := c.mem.size() - c.claimed
	if c.open {
		free += c.next.total + c.next.waste
	}
	return free
}

func (c *Client) record() *Frame {
	if n := len(c.spare); n > 0 {
		f := c.spare[n-1]
		c.spare = c.spare[:n-1]
		return f
	}
	return &Frame{Owner: c.Owner}
}

// Lookup finds a frame by sequence number, nil when it was reclaimed or never sent.
func (c *Client) Lookup(sequence uint64) *Frame {
	oldest := c.last + 1 - uint64(c.frames.len())
	if sequence < oldest || sequence > c.last {
		return nil
	}
	return c.frames.at(int(sequence - oldest))
}

// At is the i-th frame of the list in ring order, 0 <= i < InFlight.
func (c *Client) At(i int) *Frame { return c.frames.at(i) }

// Answered reports whether the response may be read. It may be called without the lock by whoever has a claim on the frame.
func (f *Frame) Answered() bool {
	// Pairs with the server's release store in Claimed.Answer.
	s := wire.FrameState(stateOf(f.header).Load())
	return s == wire.FrameStateResponse || s == wire.FrameStateFailed
}

// Released reports whether the response was given back.
func (f *Frame) Released() bool { return f.released }

// Data is the frame's bytes, of which there are size at most Capacity.
func (f *Frame) Data(size int) []byte {
	first := (*byte)(unsafe.Add(unsafe.Pointer(f.header), wire.FrameHeaderV2Size))
	return unsafe.Slice(first, f.Capacity)[:size]
}

// Answer is what stands in an answered frame's header, read once and checked.
type Answer struct {
	Size   int
	Status int32
	Failed bool
}

// Size is the length of a response, read once and checked. False: it is none, or no good one; Read says which.
func (f *Frame) Size() (int, bool) {
	state := wire.FrameState(stateOf(f.header).Load())
	size := f.header.PayloadSize
	return int(size), state == wire.FrameStateResponse && size <= f.Capacity
}

// Read reads an answered frame. The size that the server stored is checked against what was claimed.
func (f *Frame) Read() (Answer, error) {
	state := wire.FrameState(stateOf(f.header).Load())
	size, status := f.header.PayloadSize, f.header.Status
	if state != wire.FrameStateResponse && state != wire.FrameStateFailed || size > f.Capacity {
		return Answer{}, f.unreadable(state, size)
	}
	return Answer{Size: int(size), Status: status, Failed: state == wire.FrameStateFailed}, nil
}

func (f *Frame) unreadable(state wire.FrameState, size uint64) error {
	if size > f.Capacity {
		return fmt.Errorf("%w: response %d has %d bytes, its capacity is %d", ErrCorrupted, f.Sequence, size, f.Capacity)
	}
	return fmt.Errorf("%w: frame %d is %v, not answered", ErrCorrupted, f.Sequence, state)
}

// FetchAhead fetches the cache lines that releasing the frame and publishing the next one will write, all at the same time and while the
// answer is read: the stores would fetch them one after another.
func (c *Client) FetchAhead(f *Frame) {
	spin.FetchAllForWriting(unsafe.Pointer(f.header), unsafe.Pointer(c.response.readCount), unsafe.Pointer(c.request.writtenCount))
}

// Release gives an answered frame back. Room appears with the next Reclaim. Like behind Publish no fence is needed.
func (c *Client) Release(f *Frame) {
	f.released = true
	ordered.Relaxed64(&f.Live, 0)
	if f.Abandoned {
		c.abandoned--
	}
	// Pairs with nothing on the server, which never looks at an answered frame again; inspectors read it.
	ordered.CoveredInt32(stateOf(f.header), int32(wire.FrameStateConsumed))
	// Pairs with the draining server's acquire load. Sequentially consistent, as in Publish.
	c.consumed++
	c.response.readCount.Store(c.consumed)
}

// ReleaseAlone is Release and Reclaim in one step for the only frame in flight. False: there are others, and nothing was done.
func (c *Client) ReleaseAlone(f *Frame) bool {
	if c.frames.count != 1 || c.open || f.Abandoned {
		return false
	}
	c.Release(f)
	c.claimed = 0
	c.spare = append(c.spare, f)
	c.frames.pop()
	free := c.mem.size() // for inspectors
	ordered.Covered64(c.request.freeBytes, free)
	ordered.Covered64(c.response.freeBytes, free)
	return true
}

// Cancel takes a request back that the server has not taken. False: the server was faster.
func (c *Client) Cancel(f *Frame) bool {
	// Pairs with the server's compare-and-swap in Server.Take: exactly one of them wins.
	if !stateOf(f.header).CompareAndSwap(int32(wire.FrameStateRequest), int32(wire.FrameStateCancelled)) {
		return false
	}
	f.Cancelled = true
	return true
}

// Abandon says that nobody will read the answer. It is released at once when it is there already (true), else by a later Reclaim.
func (c *Client) Abandon(f *Frame) bool {
	f.Abandoned = true
	c.abandoned++
	// Sequentially consistent with the look at the state below; pairs with the server, which stores the state and then looks at the flag:
	// at least one of the two sees the other.
	flagsOf(f.header).Or(wire.FrameFlagsAbandoned)
	if !f.Answered() {
		return false
	}
	c.Release(f)
	return true
}

// Reclaim takes back, in ring order, what is done with. It reports whether it released late answers to abandoned requests.
func (c *Client) Reclaim() (late bool, err error) {
	if c.frames.count > 0 {
		return c.reclaim()
	}
	return
}

func (c *Client) reclaim() (late bool, err error) {
	if c.abandoned > 0 {
		for i := range c.frames.len() {
			f := c.frames.at(i)
			if f.Abandoned && !f.released && f.Answered() {
				c.Release(f)
				late = true
			}
		}
	}
	before := c.claimed
	for c.frames.len() > 0 {
		f := c.frames.at(0)
		// Waste belongs to the frame behind it and is free once the server's cursor has passed that frame.
		if f.waste > 0 && c.request.readCount.Load() >= f.Sequence {
			c.claimed -= f.waste
			f.waste = 0
		}
		if !f.released {
			var over bool
			if over, err = c.over(f); !over || err != nil {
				break
			}
		}
		c.claimed -= f.total + f.waste
		c.spare = append(c.spare, f)
		c.frames.pop()
	}
	if c.claimed == before {
		return late, err
	}
	free := c.free() // for inspectors
	ordered.Covered64(c.request.freeBytes, free)
	ordered.Covered64(c.response.freeBytes, free)
	return late, err
}

// over reports whether the bytes of a frame that was not released may be used again. Only one-way and cancelled frames are believed by
// their state.
func (c *Client) over(f *Frame) (bool, error) {
	if !f.OneWay && !f.Cancelled {
		return false, nil
	}
	if f.Taken {
		return false, nil // a waiter still looks at the header of the cancelled frame, and has yet to find out
	}
	// Pairs with the server's release store: nothing of the frame is touched after it.
	switch s := wire.FrameState(stateOf(f.header).Load()); s {
	case wire.FrameStateConsumed:
		return true, nil
	case wire.FrameStateRequest, wire.FrameStateProcessing, wire.FrameStateCancelled:
		return false, nil
	default:
		return false, fmt.Errorf("%w: one-way or cancelled frame %d is %v", ErrCorrupted, f.Sequence, s)
	}
}

// InFlight is the number of frames not reclaimed.
func (c *Client) InFlight() int { return c.frames.len() }

// Free is the number of bytes that nothing claims.
func (c *Client) Free() uint64 { return c.mem.size() - c.claimed }
