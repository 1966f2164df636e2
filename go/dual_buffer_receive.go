package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Call implements DuplexClient. What a failing handler answers comes as a response: v1 cannot tell.
func (c *DualBufferDuplexChannel) Call(ctx context.Context, data []byte) (Response, error) {
	return c.CallRequest(ctx, Request{Data: data})
}

// CallRequest implements DuplexClient.
func (c *DualBufferDuplexChannel) CallRequest(ctx context.Context, r Request) (Response, error) {
	if r.OneWay {
		return Response{}, c.fail(ErrorCodeInvalidArgument, "call", "a one-way request has no response; send it")
	}
	e, err := c.send(ctx, r, true)
	if err != nil {
		return Response{}, err
	}
	p := pause{ctx: ctx, timeout: c.options.callTimeout}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.await(&p, e); err != nil {
		c.abandon(e)
		return Response{}, err
	}
	return c.deliver(e), nil
}

// abandon drops a response that nobody wants any more, now or when it comes; mu is held.
func (c *DualBufferDuplexChannel) abandon(e *exchange) {
	if e.answered {
		c.remove(e)
		e.frame.Release()
		return
	}
	e.unwanted = true
	c.unwanted++
}

// ReceiveResponse implements DuplexClient.
func (c *DualBufferDuplexChannel) ReceiveResponse(ctx context.Context) (Response, error) {
	p := pause{ctx: ctx, timeout: c.options.callTimeout}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.await(&p, nil); err != nil {
		return Response{}, err
	}
	return c.deliver(c.oldest()), nil
}

// ReceiveResponseFor implements DuplexClient. Error: ErrUnknownSequence when no response to the request is outstanding or somebody else
// waits for it. A receive that times out may be repeated. Responses to other requests that come meanwhile are kept.
func (c *DualBufferDuplexChannel) ReceiveResponseFor(ctx context.Context, sequence uint64) (Response, error) {
	p := pause{ctx: ctx, timeout: c.options.callTimeout}
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.find(sequence)
	if e == nil || e.taken {
		if c.failure != nil {
			return Response{}, c.failure
		}
		return Response{}, c.unknown(opReceive, sequence)
	}
	e.taken = true
	if err := c.await(&p, e); err != nil {
		e.taken = false
		c.bell.ring() // it is anybody's again, and may be there
		return Response{}, err
	}
	return c.deliver(e), nil
}

func (c *DualBufferDuplexChannel) unknown(op string, sequence uint64) error {
	return c.fail(ErrorCodeUnknownSequence, op, fmt.Sprintf("sequence %d", sequence))
}

// find is the exchange of a request whose response is outstanding, nil for none; mu is held.
func (c *DualBufferDuplexChannel) find(sequence uint64) *exchange {
	if len(c.sent) > 0 && sequence >= c.sent[0].sequence {
		i := sequence - c.sent[0].sequence
		if i < uint64(len(c.sent)) && !c.sent[i].unwanted {
			return c.sent[i]
		}
		return nil
	}
	for _, e := range c.arrived {
		if e.sequence == sequence {
			return e
		}
	}
	return nil
}

// oldest is the oldest response that nobody waits for by number, nil when there is none; mu is held.
func (c *DualBufferDuplexChannel) oldest() *exchange {
	for _, e := range c.arrived {
		if !e.taken {
			return e
		}
	}
	return nil
}

// ready reports whether the response waited for is there (e nil: any); mu is held.
func (c *DualBufferDuplexChannel) ready(e *exchange) bool {
	if e == nil {
		return c.oldest() != nil
	}
	return e.answered
}

// await waits until a response is there; mu is held on entry and return.
//
// One goroutine reads responses, whoever they are for; the others wait for its signal. Looking and taking that role is one critical
// section, and whoever leaves it wakes the others.
func (c *DualBufferDuplexChannel) await(p *pause, e *exchange) error {
	for {
		var err error
		switch {
		case c.failure != nil && (errors.Is(c.failure, ErrClosed) || !c.ready(e)):
			return c.failure
		case c.ready(e):
			return nil
		case c.reading:
			ring := c.bell.hear()
			c.mu.Unlock()
			err = p.receive(ring)
			c.mu.Lock()
		default:
			err = c.read(p)
		}
		if err != nil && !c.ready(e) {
			return c.receiveExpired(err)
		}
	}
}

// read waits for the next response; mu is held on entry and return, the reader's role meanwhile.
func (c *DualBufferDuplexChannel) read(p *pause) error {
	c.reading = true
	c.mu.Unlock()
	f, err := c.response.next(p, c.request.checkAlive, nil)
	c.mu.Lock()
	c.reading = false
	if err == nil {
		c.arrive(f)
	}
	c.bell.ring()
	return err
}

// arrive gives a response to the oldest request that has none; mu is held.
func (c *DualBufferDuplexChannel) arrive(f ReceivedFrame) {
	if c.failure != nil || len(c.sent) == 0 {
		f.Release()
		if c.failure == nil {
			c.failure = c.fail(ErrorCodeCorrupted, opReceive, "the server sent a response that answers no request")
		}
		return
	}
	e := c.sent[0]
	c.sent = c.sent[1:]
	e.frame, e.answered = f, true
	if e.unwanted {
		c.unwanted--
		f.Release()
		return
	}
	c.arrived = append(c.arrived, e)
}

func (c *DualBufferDuplexChannel) receiveExpired(err error) error {
	switch {
	case c.failure != nil:
		return c.failure
	case errors.Is(err, context.Canceled):
		return &Error{Code: ErrorCodeCancelled, Op: opReceive, Channel: c.name, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return c.fail(ErrorCodeTimeout, opReceive, fmt.Sprintf("%d requests unanswered", len(c.sent)))
	}
	return c.clientError(opReceive, err)
}

func (c *DualBufferDuplexChannel) remove(e *exchange) {
	if i := slices.Index(c.arrived, e); i >= 0 {
		c.arrived = slices.Delete(c.arrived, i, i+1)
	}
}

// deliver hands an answered exchange to the caller; mu is held.
func (c *DualBufferDuplexChannel) deliver(e *exchange) Response {
	c.remove(e)
	return Response{dual: e, sequence: e.sequence, size: len(e.frame.data)}
}
