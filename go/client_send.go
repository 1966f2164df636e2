package zeroduplex

import (
	"context"
	"errors"
	"fmt"

	"github.com/zeroduplex/zeroduplex/go/internal/ordered"
	"github.com/zeroduplex/zeroduplex/go/internal/ring"
	"github.com/zeroduplex/zeroduplex/go/internal/spin"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// copyUnderLock is the size up to which a request is copied with the lock held, which is cheaper than taking it twice.
const copyUnderLock = 4096

// SendRequest implements DuplexClient.
func (c *InPlaceDuplexChannel) SendRequest(ctx context.Context, data []byte) (uint64, error) {
	return c.Send(ctx, Request{Data: data})
}

// Send implements DuplexClient. Errors: ErrFrameTooLarge, ErrBufferFull, ErrAcquisitionOpen, ErrInvalidArgument.
func (c *InPlaceDuplexChannel) Send(ctx context.Context, r Request) (uint64, error) {
	c.mu.Lock()
	f, err := c.publish(ctx, r)
	var sequence uint64
	if err == nil {
		sequence = f.Sequence
		c.leave()
	}
	c.mu.Unlock()
	return sequence, err
}

// publish copies a request into the ring; mu is held, and may have been let go meanwhile. On success a call has been entered.
func (c *InPlaceDuplexChannel) publish(ctx context.Context, r Request) (*ring.Frame, error) {
	const op = "send request"
	data, err := c.claim(ctx, op, len(r.Data), r.Capacity)
	if err != nil {
		return nil, err
	}
	if len(r.Data) <= copyUnderLock {
		copy(data, r.Data)
	} else {
		c.mu.Unlock()
		copy(data, r.Data)
		c.mu.Lock()
	}
	if c.failure != nil {
		return nil, c.unclaim()
	}
	return c.commit(len(r.Data), r.Opcode, r.OneWay), nil
}

// publishAlone is publish for the ordinary case: a small request with two ways while nothing is in flight, nobody else sends and the
// server answered the last one. Nil: publish does it, and says what is wrong where something is. mu is held all the time.
func (c *InPlaceDuplexChannel) publishAlone(ctx context.Context, r Request) *ring.Frame {
	capacity := r.Capacity
	if capacity == 0 {
		capacity = len(r.Data)
	}
	if len(r.Data) > copyUnderLock || capacity < len(r.Data) || uint64(capacity) > wire.MaxFrameData ||
		c.failure != nil || c.quiet || !c.turn.free() || ctx.Err() != nil {
		return nil
	}
	f := c.ring.PublishAlone(r.Data, ring.RoundUp(uint64(capacity)), r.Opcode)
	if f != nil {
		c.holds++
		c.seg.requestReady.PostIfZero() // pairs as in commit
		c.quiet = true
	}
	return f
}

// unclaim gives a claim back because the channel failed meanwhile; mu is held.
func (c *InPlaceDuplexChannel) unclaim() error {
	c.ring.Abort()
	c.turn.release()
	c.leave()
	return c.failure
}

// commit publishes the open claim and passes the turn on; mu is held.
func (c *InPlaceDuplexChannel) commit(size int, opcode uint32, oneWay bool) *ring.Frame {
	f := c.ring.Publish(uint64(size), opcode, oneWay)
	// Pairs with the server, which takes its token and then looks: it sees the frame or we see its value 0, since Publish is a full fence.
	c.seg.requestReady.PostIfZero()
	c.turn.release()
	// Nobody may ever wait here, so a dead server must be noticed here; one that just answered need not be looked at.
	if c.quiet && c.peerDue(wire.DefaultV2WaitSlice) {
		c.checkPeer()
	}
	c.quiet = true
	return f
}

// claim gets the turn and room for a frame; mu is held, and may have been let go meanwhile. On success a call has been entered and
// the turn is held.
func (c *InPlaceDuplexChannel) claim(ctx context.Context, op string, size, capacity int) ([]byte, error) {
	if capacity == 0 {
		capacity = size
	}
	switch {
	case size < 0 || capacity < size:
		return nil, c.fail(ErrorCodeInvalidArgument, op, fmt.Sprintf("size %d with capacity %d", size, capacity))
	case uint64(capacity) > wire.MaxFrameData:
		return nil, c.fail(ErrorCodeFrameTooLarge, op, fmt.Sprintf("%d bytes; no frame holds more than %d", capacity, wire.MaxFrameData))
	}
	if err := ctx.Err(); err != nil && errors.Is(err, context.Canceled) {
		return nil, c.sendExpired(op, err) // a deadline that has passed still tries once
	}
	if err := c.enter(); err != nil {
		return nil, err
	}
	if c.turn.tryTake() {
		// Nearly always. What goes wrong here the slow way finds out again.
		if c.ring.InFlight() == 0 || c.reclaim(op) == nil {
			if data, err := c.ring.Reserve(uint64(size), uint64(capacity)); err == nil {
				return data, nil
			}
		}
		c.turn.release()
	}
	return c.claimPatiently(ctx, op, uint64(size), uint64(capacity))
}

// claimPatiently is the rest of claim when turn and room were not there at once.
func (c *InPlaceDuplexChannel) claimPatiently(ctx context.Context, op string, size, capacity uint64) ([]byte, error) {
	w := pause{ctx: ctx, timeout: c.options.sendTimeout}
	err := c.takeTurn(&w, op)
	if err == nil {
		var data []byte
		if data, err = c.reserve(&w, op, size, capacity); err == nil {
			return data, nil
		}
		c.turn.release()
	}
	c.leave()
	return nil, err
}

// takeTurn waits for the right to claim; mu is held on entry and return.
func (c *InPlaceDuplexChannel) takeTurn(w *pause, op string) error {
	if c.turn.tryTake() {
		return nil
	}
	t := c.turn.enqueue()
	for {
		var err error
		c.waitsFor(func() { err = w.receive(t.wake) })
		switch {
		case t.granted && c.failure == nil:
			return nil
		case t.granted:
			c.turn.release()
			return c.failure
		case c.failure != nil:
			c.turn.remove(t)
			return c.failure
		case err != nil:
			c.turn.remove(t)
			return c.sendExpired(op, err)
		}
	}
}

// reserve waits for room; mu and the turn are held.
func (c *InPlaceDuplexChannel) reserve(w *pause, op string, size, capacity uint64) ([]byte, error) {
	for first := true; ; first = false {
		if c.failure != nil {
			return nil, c.failure
		}
		if err := c.reclaim(op); err != nil {
			return nil, err
		}
		data, err := c.ring.Reserve(size, capacity)
		if err == nil {
			return data, nil
		}
		if !errors.Is(err, ring.ErrNoRoom) {
			return nil, &Error{Code: ErrorCodeFrameTooLarge, Op: op, Channel: c.name, Err: err}
		}
		if first {
			w.begin(c.options.commonOptions)
		}
		if err := w.expired(); err != nil {
			return nil, c.sendExpired(op, err)
		}
		c.awaitSpace(w)
	}
}

// reclaim takes back what is done with, late answers to abandoned requests included; mu is held.
func (c *InPlaceDuplexChannel) reclaim(op string) error {
	late, err := c.ring.Reclaim()
	if late {
		// Pairs with the draining server, which takes its token and then looks. The fence is in the ring's Release.
		c.seg.responseConsumed.PostIfZero()
	}
	if err != nil {
		return c.corrupted(op, err)
	}
	return nil
}

// awaitSpace waits a little for room; mu is held on entry and return. Only the holder of the turn is here, so at most one goroutine
// of the process sleeps on space-available.
func (c *InPlaceDuplexChannel) awaitSpace(w *pause) {
	token, limit := false, c.napLimit()
	c.waitsFor(func() {
		if w.spinning() {
			w.letOthersRun()
			for range spinBatch {
				spin.Pause()
			}
		} else {
			token = sleep(w.ctx, c.seg.spaceAvailable, w.deadline, limit)
		}
	})
	c.lookAfterSleep(token)
}

// sendExpired says what a sender ran out of time for; mu is held.
func (c *InPlaceDuplexChannel) sendExpired(op string, err error) error {
	if errors.Is(err, context.Canceled) {
		return &Error{Code: ErrorCodeCancelled, Op: op, Channel: c.name, Err: err}
	}
	if c.turn.buffer {
		return c.fail(ErrorCodeAcquisitionOpen, op, "an acquired request buffer is still out")
	}
	return c.fail(ErrorCodeBufferFull, op, fmt.Sprintf("%d bytes free, %d frames in flight", c.ring.Free(), c.ring.InFlight()))
}

// RequestBuffer is ring space acquired for one request. Fill Data, then Commit or Abort; until then other senders wait.
// It belongs to one goroutine. After Commit or Abort its methods fail with ErrFrameReleased, Data by a panic.
type RequestBuffer struct {
	channel    *InPlaceDuplexChannel
	data       []byte
	generation uint64
	opcode     uint32
	oneWay     bool
	dual       *DualBufferDuplexChannel // of v1, which leaves channel nil
}

// AcquireRequestBuffer implements DuplexClient. Errors: ErrFrameTooLarge, ErrBufferFull, ErrAcquisitionOpen, ErrInvalidArgument.
func (c *InPlaceDuplexChannel) AcquireRequestBuffer(ctx context.Context, size, capacity int) (RequestBuffer, error) {
	var b RequestBuffer
	c.mu.Lock()
	data, err := c.claim(ctx, "acquire request buffer", size, capacity)
	if err == nil {
		c.turn.buffer = true
		b = RequestBuffer{channel: c, data: data, generation: c.nextBuffer()}
	}
	c.mu.Unlock()
	return b, err
}

// nextBuffer makes every handle of an acquired buffer stale and returns the generation of the next; mu is held.
func (c *InPlaceDuplexChannel) nextBuffer() uint64 {
	next := c.buffer.Load() + 1
	ordered.Store64(&c.buffer, next)
	return next
}

func (b *RequestBuffer) live() bool {
	if b.dual != nil {
		return b.frame().live()
	}
	return b.channel != nil && b.channel.buffer.Load() == b.generation
}

// Data is the request's bytes in shared memory, with stale contents until they are written. It panics after Commit or Abort.
func (b *RequestBuffer) Data() []byte {
	if !b.live() {
		panic(&Error{Code: ErrorCodeFrameReleased, Op: "use request buffer"})
	}
	return b.data
}

// SetOpcode sets the application's tag.
func (b *RequestBuffer) SetOpcode(opcode uint32) { b.opcode = opcode }

// SetOneWay makes it a request without an answer.
func (b *RequestBuffer) SetOneWay() { b.oneWay = true }

// Commit publishes the request and returns its sequence number. Errors: ErrFrameReleased, and ErrClosed or ErrServerDead, which abort.
func (b *RequestBuffer) Commit() (uint64, error) {
	if b.dual != nil {
		return b.commitDual()
	}
	c := b.channel
	if c == nil {
		return 0, &Error{Code: ErrorCodeFrameReleased, Op: "commit request buffer"}
	}
	c.mu.Lock()
	if !b.live() {
		c.mu.Unlock()
		return 0, c.fail(ErrorCodeFrameReleased, "commit request buffer", "")
	}
	c.nextBuffer()
	var sequence uint64
	err := c.failure
	if err == nil {
		sequence = c.commit(len(b.data), b.opcode, b.oneWay).Sequence
	} else {
		c.ring.Abort()
		c.turn.release()
	}
	c.leave()
	c.mu.Unlock()
	return sequence, err
}

// Abort gives the space back. It does nothing after Commit or Abort, so it may be deferred.
func (b *RequestBuffer) Abort() {
	if b.dual != nil {
		b.frame().Abort()
		return
	}
	c := b.channel
	if c == nil {
		return
	}
	c.mu.Lock()
	if !b.live() {
		c.mu.Unlock()
		return
	}
	c.nextBuffer()
	c.ring.Abort()
	c.turn.release()
	c.leave()
	c.mu.Unlock()
}
