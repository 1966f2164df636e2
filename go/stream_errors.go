package zeroduplex

import (
	"errors"

	"github.com/zeroduplex/zeroduplex/go/internal/stream"
)

// streamError gives an error of the ring its code.
func streamError(op, name string, err error) error {
	code := ErrorCodeCorrupted
	var order *stream.SequenceError
	switch {
	case errors.As(err, &order):
		code = ErrorCodeSequence
	case errors.Is(err, stream.ErrEmpty):
		code = ErrorCodeInvalidFrameSize
	case errors.Is(err, stream.ErrTooLarge):
		code = ErrorCodeFrameTooLarge
	case errors.Is(err, stream.ErrUnplaceable):
		code = ErrorCodeFrameUnplaceable
	}
	return &Error{Code: code, Op: op, Channel: name, Err: err}
}
