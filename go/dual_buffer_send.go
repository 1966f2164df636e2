package zeroduplex

import "context"

const opSend = "send request"

// SendRequest implements DuplexClient.
func (c *DualBufferDuplexChannel) SendRequest(ctx context.Context, data []byte) (uint64, error) {
	return c.Send(ctx, Request{Data: data})
}

// Send implements DuplexClient. Errors: ErrInvalidFrameSize, ErrFrameTooLarge, ErrFrameUnplaceable, ErrBufferFull, ErrAcquisitionOpen,
// ErrInvalidArgument.
func (c *DualBufferDuplexChannel) Send(ctx context.Context, r Request) (uint64, error) {
	e, err := c.send(ctx, r, false)
	if err != nil {
		return 0, err
	}
	return e.sequence, nil
}

// send copies a request into its buffer and publishes it. taken claims the response for the caller.
func (c *DualBufferDuplexChannel) send(ctx context.Context, r Request, taken bool) (*exchange, error) {
	if r.Opcode != 0 {
		return nil, c.noOpcode(opSend)
	}
	b, err := c.claim(ctx, opSend, len(r.Data))
	if err != nil {
		return nil, err
	}
	copy(b.Data(), r.Data)
	return c.publish(opSend, b, &exchange{taken: taken, unwanted: r.OneWay})
}

func (c *DualBufferDuplexChannel) noOpcode(op string) error {
	return c.fail(ErrorCodeInvalidArgument, op, "v1 has no opcodes")
}

// claim gets room for a request.
func (c *DualBufferDuplexChannel) claim(ctx context.Context, op string, size int) (FrameBuffer, error) {
	c.mu.Lock()
	failure := c.failure
	c.mu.Unlock()
	if failure != nil {
		return FrameBuffer{}, failure
	}
	p := pause{ctx: ctx, timeout: c.options.sendTimeout}
	b, err := c.request.acquire(&p, op, size)
	if err != nil {
		c.mu.Lock()
		err = c.clientError(op, err)
		c.mu.Unlock()
	}
	return b, err
}

// publish sends a request. The lock makes sure that its exchange stands in its place before its response is looked at.
func (c *DualBufferDuplexChannel) publish(op string, b FrameBuffer, e *exchange) (*exchange, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failure != nil {
		b.Abort()
		return nil, c.failure
	}
	var err error
	if e.sequence, err = b.Commit(); err != nil {
		if e.sequence == 0 {
			return nil, c.clientError(op, err)
		}
		e.unwanted = true // it is sent, and its answer counts
	}
	c.sent = append(c.sent, e)
	if e.unwanted {
		c.unwanted++
	}
	if c.unwanted > 0 {
		c.pumpLocked() // perhaps nobody ever receives
	}
	if err != nil {
		return nil, c.clientError(op, err)
	}
	return e, nil
}

// pump takes in the responses that are there, so that the server can go on, and reports whether there are more to come that nobody waits for.
func (c *DualBufferDuplexChannel) pump() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pumpLocked()
	return c.unwanted > 0
}

func (c *DualBufferDuplexChannel) pumpLocked() {
	for !c.reading && c.failure == nil && len(c.sent) > 0 {
		f, ok, err := c.response.poll()
		if err != nil {
			_ = c.clientError(opReceive, err) // which makes every later call fail
		}
		if !ok {
			return
		}
		c.arrive(f)
		c.bell.ring()
	}
}

// AcquireRequestBuffer implements DuplexClient. Errors: those of Send.
func (c *DualBufferDuplexChannel) AcquireRequestBuffer(ctx context.Context, size, _ int) (RequestBuffer, error) {
	b, err := c.claim(ctx, "acquire request buffer", size)
	if err != nil {
		return RequestBuffer{}, err
	}
	return RequestBuffer{dual: c, data: b.data, generation: b.generation}, nil
}

// frame is the buffer of v1 behind a request buffer.
func (b *RequestBuffer) frame() FrameBuffer {
	return FrameBuffer{writer: b.dual.request, data: b.data, generation: b.generation}
}

// commitDual is Commit for v1.
func (b *RequestBuffer) commitDual() (uint64, error) {
	const op = "commit request buffer"
	f, c := b.frame(), b.dual
	switch {
	case !f.live():
		return 0, c.fail(ErrorCodeFrameReleased, op, "")
	case b.opcode != 0:
		f.Abort()
		return 0, c.noOpcode(op)
	}
	e, err := c.publish(op, f, &exchange{unwanted: b.oneWay})
	if err != nil {
		return 0, err
	}
	return e.sequence, nil
}
