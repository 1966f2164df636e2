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

const opReceive = "receive response"

// Call implements DuplexClient. A failing handler makes it fail with a HandlerError.
func (c *InPlaceDuplexChannel) Call(ctx context.Context, data []byte) (Response, error) {
	return c.CallRequest(ctx, Request{Data: data})
}

// CallRequest implements DuplexClient.
func (c *InPlaceDuplexChannel) CallRequest(ctx context.Context, r Request) (Response, error) {
	if r.OneWay {
		return Response{}, c.fail(ErrorCodeInvalidArgument, "call", "a one-way request has no response; send it")
	}
	var err error
	c.mu.Lock()
	f := c.publishAlone(ctx, r)
	if f == nil {
		f, err = c.publish(ctx, r)
	}
	if err != nil {
		c.mu.Unlock()
		return Response{}, err
	}
	f.Taken = true // before anybody else can look
	c.mu.Unlock()
	// The answer to a quick handler is there before a lock could be taken. The claim on the frame is ours, so no lock is needed.
	if c.options.wait != WaitBlock && c.spinFor(f) {
		if size, ok := f.Size(); ok {
			return Response{frame: f, sequence: f.Sequence, size: size}, nil // which keeps the call's hold
		}
		return c.deliver(f)
	}
	w := pause{ctx: ctx, timeout: c.options.callTimeout}
	c.mu.Lock()
	_, err = c.await(&w, f)
	if err == nil {
		c.mu.Unlock()
		return c.deliver(f)
	}
	// What the server has not taken it never will; what it has taken nobody will read.
	if f.Cancelled || c.ring.Cancel(f) {
		err = c.stopWaiting(f, err)
	} else if c.ring.Abandon(f) {
		err = c.andReclaim(err) // the answer came after the last look
	}
	c.leave()
	c.mu.Unlock()
	return Response{}, err
}

// stopWaiting gives up a claim on a response, which err ended; mu is held.
func (c *InPlaceDuplexChannel) stopWaiting(f *ring.Frame, err error) error {
	f.Taken = false
	if f.Cancelled {
		return c.andReclaim(err) // its bytes were kept for us
	}
	// It may have been answered since we looked; now it is anybody's.
	c.waiting.wakeAnswered(true)
	return err
}

// andReclaim takes back what an ended call kept; mu is held.
func (c *InPlaceDuplexChannel) andReclaim(err error) error {
	ordered.Fence() // a cancelled frame was given back by the server, without any here
	if broken := c.reclaimReleased(opReceive); broken != nil {
		return errors.Join(err, broken)
	}
	return err
}

// spinFor looks for the answer a first while, without clock or lock.
func (c *InPlaceDuplexChannel) spinFor(f *ring.Frame) bool {
	c.patience.Wait()
	found := f.Answered()
	c.patience.Learn(found)
	for looks := 0; !found && looks < spinBatch; looks++ {
		spin.Pause()
		found = f.Answered()
	}
	if found {
		c.ring.FetchAhead(f)
	}
	return found
}

// ReceiveResponseFor implements DuplexClient. Error: ErrUnknownSequence when no response to the request is outstanding or somebody
// else waits for it. A receive that times out may be repeated.
func (c *InPlaceDuplexChannel) ReceiveResponseFor(ctx context.Context, sequence uint64) (Response, error) {
	c.mu.Lock()
	f := c.ring.Lookup(sequence)
	if f == nil || f.OneWay || f.Cancelled || f.Abandoned || f.Taken {
		err := c.failure
		c.mu.Unlock()
		if err == nil || errors.Is(err, ErrServerDead) {
			err = c.unknown(opReceive, sequence)
		}
		return Response{}, err
	}
	if err := c.enterReceive(f); err != nil {
		c.mu.Unlock()
		return Response{}, err
	}
	f.Taken = true
	if c.options.wait != WaitBlock {
		c.mu.Unlock()
		if c.spinFor(f) {
			return c.deliver(f)
		}
		c.mu.Lock()
	}
	w := pause{ctx: ctx, timeout: c.options.callTimeout}
	_, err := c.await(&w, f)
	if err != nil {
		err = c.stopWaiting(f, err)
		c.leave()
		c.mu.Unlock()
		return Response{}, err
	}
	c.mu.Unlock()
	return c.deliver(f)
}

// enterReceive is enter, but a dead server's answers may still be fetched (f nil: any). Nothing in shared memory is looked at once the
// channel is closing: it may be unmapped.
func (c *InPlaceDuplexChannel) enterReceive(f *ring.Frame) error {
	if c.failure != nil && !c.closing && c.ready(f) {
		c.holds++
		return nil
	}
	return c.enter()
}

// ReceiveResponse implements DuplexClient.
func (c *InPlaceDuplexChannel) ReceiveResponse(ctx context.Context) (Response, error) {
	c.mu.Lock()
	if err := c.enterReceive(nil); err != nil {
		c.mu.Unlock()
		return Response{}, err
	}
	w := pause{ctx: ctx, timeout: c.options.callTimeout}
	f, err := c.await(&w, nil)
	if err != nil {
		c.leave()
		c.mu.Unlock()
		return Response{}, err
	}
	f.Taken = true
	c.waiting.wakeAnswered(c.anyAnswered() != nil)
	c.mu.Unlock()
	return c.deliver(f)
}

// anyAnswered is the oldest response that nobody waits for by number, nil when there is none; mu is held.
func (c *InPlaceDuplexChannel) anyAnswered() *ring.Frame {
	f, i := c.firstAnswered(c.ring.InFlight())
	if i > 0 {
		// An older one may have been answered between the look at it and this one's. What one worker answers comes in its order.
		if older, _ := c.firstAnswered(i); older != nil {
			return older
		}
	}
	return f
}

// firstAnswered looks among the n oldest frames and says at which place it found one, nil when there is none; mu is held.
func (c *InPlaceDuplexChannel) firstAnswered(n int) (*ring.Frame, int) {
	for i := range n {
		f := c.ring.At(i)
		if !f.Taken && !f.OneWay && !f.Cancelled && !f.Abandoned && f.Answered() {
			return f, i
		}
	}
	return nil, 0
}

// ready reports whether the response waited for is there (f nil: any); mu is held.
func (c *InPlaceDuplexChannel) ready(f *ring.Frame) bool { return c.found(f) != nil }

// found is the response waited for (f nil: any), nil while it is not there; mu is held.
func (c *InPlaceDuplexChannel) found(f *ring.Frame) *ring.Frame {
	switch {
	case f == nil:
		return c.anyAnswered()
	case f.Answered():
		return f
	}
	return nil
}

// await waits until a response is there and returns the one that it saw: a second look might find it gone, since nothing keeps a broken
// server from taking it back. mu is held on entry and return.
//
// One goroutine of the process sleeps on response-ready, the others wait for its signal. Looking and taking that role is one critical
// section, so no answer falls between a look and a sleep; whoever leaves the role wakes another.
func (c *InPlaceDuplexChannel) await(w *pause, f *ring.Frame) (*ring.Frame, error) {
	if found := c.found(f); found != nil {
		return found, nil
	}
	w.begin(c.options.commonOptions)
	found, err := c.awaitLoop(w, f)
	// We may have been woken to take the role and leave without it.
	if !c.sleeping {
		c.waiting.wakeOne()
	}
	return found, err
}

func (c *InPlaceDuplexChannel) awaitLoop(w *pause, f *ring.Frame) (*ring.Frame, error) {
	for {
		if found := c.found(f); found != nil {
			return found, nil
		}
		switch {
		case c.failure != nil:
			return nil, c.failure
		case f != nil && f.Cancelled:
			return nil, c.fail(ErrorCodeCancelled, opReceive, fmt.Sprintf("request %d was cancelled", f.Sequence))
		}
		if err := w.expired(); err != nil {
			return nil, c.receiveExpired(err)
		}
		switch {
		case w.spinning():
			c.spinForAnswer(w, f)
		case c.sleeping:
			c.waitForSleeper(w, f)
		default:
			c.sleepForAnswer(w, f)
		}
	}
}

// spinForAnswer spins for a batch; mu is held on entry and return.
func (c *InPlaceDuplexChannel) spinForAnswer(w *pause, f *ring.Frame) {
	if f != nil {
		c.waitsFor(func() {
			w.letOthersRun()
			c.spinFor(f)
		})
	} else {
		for i := range spinBatch / 8 {
			if c.anyAnswered() != nil || c.failure != nil {
				break
			}
			// Others must be able to send, release and close meanwhile.
			c.waitsFor(func() {
				if i == 0 {
					w.letOthersRun()
				}
				for range 8 {
					spin.Pause()
				}
			})
		}
	}
	if c.failure == nil && c.peerDue(wire.DefaultV2WaitSlice) {
		c.checkPeer()
	}
}

// sleepForAnswer takes the sleeper's role for one sleep; mu is held on entry and return.
func (c *InPlaceDuplexChannel) sleepForAnswer(w *pause, f *ring.Frame) {
	c.sleeping = true
	token, limit := false, c.napLimit()
	c.waitsFor(func() { token = sleep(w.ctx, c.seg.responseReady, w.deadline, limit) })
	c.sleeping = false
	// The token, if any, was for whoever's answer came. Taking it was sequentially consistent with the looks that follow;
	// pairs with the server, which stores the state and then looks at the semaphore's value.
	c.waiting.wakeAnswered(c.anyAnswered() != nil)
	if !c.ready(f) {
		c.lookAfterSleep(token)
	}
}

// waitForSleeper waits in this process; mu is held on entry and return.
func (c *InPlaceDuplexChannel) waitForSleeper(w *pause, f *ring.Frame) {
	me := c.waiting.add(f)
	c.waitsFor(func() { _ = w.receive(me.wake) }) // whatever ended it, the caller looks at everything again
	c.waiting.remove(me)
}

func (c *InPlaceDuplexChannel) receiveExpired(err error) error {
	if errors.Is(err, context.Canceled) {
		return &Error{Code: ErrorCodeCancelled, Op: opReceive, Channel: c.name, Err: err}
	}
	return c.fail(ErrorCodeTimeout, opReceive, fmt.Sprintf("%d requests in flight", c.ring.InFlight()))
}

// deliver turns an answered frame that the caller has a claim on into a Response, or into its error. The call ends here.
func (c *InPlaceDuplexChannel) deliver(f *ring.Frame) (Response, error) {
	answer, err := f.Read()
	switch {
	case err != nil:
		c.mu.Lock()
		err = c.corrupted(opReceive, err)
	case answer.Failed:
		err = &HandlerError{Sequence: f.Sequence, Status: answer.Status, Message: string(f.Data(answer.Size))}
		c.mu.Lock()
		if broken := c.release(f); broken != nil {
			err = errors.Join(err, broken)
		}
	default:
		return Response{frame: f, sequence: f.Sequence, size: answer.Size}, nil // which keeps the call's hold
	}
	c.leave()
	c.mu.Unlock()
	return Response{}, err
}

// release gives an answered frame back and says so; mu is held.
func (c *InPlaceDuplexChannel) release(f *ring.Frame) error {
	c.ring.Release(f) // which is a full fence
	c.quiet = false
	return c.reclaimReleased(opReceive)
}

// reclaimReleased takes back the room of released responses and tells whoever waits for either; mu is held, and a full fence lies
// behind what was released.
func (c *InPlaceDuplexChannel) reclaimReleased(op string) error {
	_, err := c.ring.Reclaim()
	c.announceRelease()
	if err != nil {
		return c.corrupted(op, err)
	}
	return nil
}

// announceRelease tells whoever waits for released responses or for room; mu is held.
func (c *InPlaceDuplexChannel) announceRelease() {
	// Pairs with the draining server and with our own sender that waits for space, which take their token and then look. The full fence
	// is the caller's.
	c.seg.responseConsumed.PostIfZero()
	c.seg.spaceAvailable.PostIfZero()
}

// Response is an answer in shared memory, at the place of its request. It is a value: copies mean the same response. Release it once,
// from any goroutine; afterwards Data panics with ErrFrameReleased, and slices that Data gave must not be used.
type Response struct {
	// Four words: the compiler keeps no larger struct in registers, and copies of one that was stored a moment ago wait for the stores.
	frame    *ring.Frame
	dual     *exchange // of v1, which leaves frame nil
	sequence uint64    // and frame.Live as long as the response is not released
	size     int
}

// Data is the response's bytes in shared memory, this client's to read and write until Release.
func (r Response) Data() []byte {
	if r.dual != nil {
		return r.dual.frame.Data()
	}
	if r.frame == nil || r.frame.Live.Load() != r.sequence {
		panic(&Error{Code: ErrorCodeFrameReleased, Op: "use response"})
	}
	return r.frame.Data(r.size)
}

// Size is the response's length in bytes.
func (r Response) Size() int { return r.size }

// Sequence is the request's sequence number.
func (r Response) Sequence() uint64 { return r.sequence }

// Status is 0: failed answers are errors.
func (r Response) Status() int32 { return int32(wire.FrameStatusOk) }

// Opcode is the request's. It panics after Release, like Data.
func (r Response) Opcode() uint32 {
	r.Data() // only while it is ours is the frame this response's
	if r.dual != nil {
		return 0
	}
	return r.frame.Opcode
}

// Release gives the bytes back to the ring. Releasing again does nothing.
func (r Response) Release() {
	if r.frame == nil {
		if r.dual != nil {
			r.dual.frame.Release()
		}
		return
	}
	c := r.frame.Owner.(*InPlaceDuplexChannel)
	c.mu.Lock()
	if r.frame.Live.Load() != r.sequence {
		c.mu.Unlock()
		return
	}
	if c.ring.ReleaseAlone(r.frame) {
		c.quiet = false
		c.announceRelease()
	} else {
		// Corruption found here makes every later call fail; a release has nobody to tell.
		_ = c.release(r.frame)
	}
	c.leave()
	c.mu.Unlock()
}
