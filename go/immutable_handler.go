package zeroduplex

import (
	"errors"
	"fmt"

	"github.com/zeroduplex/zeroduplex/go/internal/ring"
)

// ImmutableHandler answers a request with a response of its own. An error, or a panic, answers its text instead; so does a handler that writes
// no response. Both arguments are the handler's until it returns.
type ImmutableHandler func(request ImmutableRequest, response *ImmutableResponse) error

// ImmutableRequest is a request in shared memory, where its client wrote it. It is to be read only: what a handler writes there, nobody gets.
type ImmutableRequest struct {
	frame ReceivedFrame
}

// Data is the request's bytes. It panics with ErrFrameReleased after the handler has returned, and its slices must not be used then.
func (r ImmutableRequest) Data() []byte { return r.frame.Data() }

// Size is the request's length in bytes.
func (r ImmutableRequest) Size() int { return r.frame.Size() }

// Sequence is the request's sequence number.
func (r ImmutableRequest) Sequence() uint64 { return r.frame.Sequence() }

// ImmutableResponse takes the response to one request. It belongs to the handler's goroutine, and is sent when the handler returns nil.
type ImmutableResponse struct {
	draft *draft // nil when the handler has returned
}

// Write copies data as the response. A response is written once. Errors: ErrInvalidFrameSize, ErrResponseTooLarge, ErrInvalidArgument the
// second time, ErrFrameReleased.
func (r *ImmutableResponse) Write(data []byte) error {
	area, err := r.Acquire(len(data))
	copy(area, data)
	return err
}

// Acquire makes room for a response of n bytes, to be filled in place. It waits until the client has released enough. Errors: those of Write.
func (r *ImmutableResponse) Acquire(n int) ([]byte, error) {
	const op = "write response"
	d := r.draft
	switch {
	case d == nil:
		return nil, &Error{Code: ErrorCodeFrameReleased, Op: op}
	case d.begun:
		return nil, d.writer.fail(ErrorCodeInvalidArgument, op, "it was written before")
	case n < 1:
		return nil, d.writer.fail(ErrorCodeInvalidFrameSize, op, fmt.Sprintf("%d bytes", n))
	case uint64(n) > d.writer.limit():
		return nil, d.writer.fail(ErrorCodeResponseTooLarge, op, fmt.Sprintf("%d bytes, the response buffer holds %d", n, d.writer.limit()))
	}
	if err := d.begin(n); err != nil {
		return nil, err
	}
	return d.data, nil
}

var errNoResponse = errors.New("no response")

// respond runs a handler of two arguments.
func respond(f ReceivedFrame, d *draft, handler ImmutableHandler) error {
	response := ImmutableResponse{draft: d}
	defer func() { response.draft = nil }()
	if err := handler(ImmutableRequest{frame: f}, &response); err != nil {
		return err
	}
	if !d.begun {
		return errNoResponse
	}
	return nil
}

// changeCopy runs a handler of the in-place kind on a copy of the request.
func changeCopy(w *work, f ReceivedFrame, d *draft, handler Handler) error {
	if err := d.begin(f.Size()); err != nil {
		return err
	}
	copy(d.data, f.Data())
	w.frame = ring.Claimed{Sequence: f.Sequence(), Size: uint64(f.Size()), Capacity: d.writer.limit(), Data: d.data}
	w.move = func(size int) {
		d.resize(size)
		w.frame.Data = d.data
	}
	frame := w.begin()
	defer w.end()
	if err := handler(frame); err != nil {
		return err
	}
	if w.size == 0 {
		return errNoResponse
	}
	return nil
}
