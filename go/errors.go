package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// errorInfo is what the spec says about an error.
type errorInfo struct {
	Code      ErrorCode
	Name      string
	Parent    ErrorCode // 0 for none
	Retryable bool
	Meaning   string
	Remedy    string
}

// sentinel is what errors.Is compares with: ErrTimeout and its like.
type sentinel ErrorCode

func (s sentinel) Error() string { return ErrorCode(s).String() }

// String is the error's name in the spec, such as "name_in_use".
func (c ErrorCode) String() string { return c.info().Name }

// Retryable reports whether the same call may succeed later.
func (c ErrorCode) Retryable() bool { return c.info().Retryable }

// Meaning says in a sentence what happened.
func (c ErrorCode) Meaning() string { return c.info().Meaning }

// Remedy says what to do about it.
func (c ErrorCode) Remedy() string { return c.info().Remedy }

func (c ErrorCode) info() errorInfo {
	for _, e := range errorTable {
		if e.Code == c {
			return e
		}
	}
	return errorInfo{Code: c, Name: fmt.Sprintf("error_%d", int32(c)), Meaning: "Unknown error."}
}

// is reports whether c is target or a kind of it.
func (c ErrorCode) is(target ErrorCode) bool {
	for c != 0 && c != target {
		c = c.info().Parent
	}
	return c == target
}

// standard has the errors of Go's library that ours stand for.
var standard = []struct {
	code ErrorCode
	err  error
}{
	{ErrorCodeTimeout, os.ErrDeadlineExceeded}, {ErrorCodeTimeout, context.DeadlineExceeded},
	{ErrorCodeBufferFull, os.ErrDeadlineExceeded}, {ErrorCodeBufferFull, context.DeadlineExceeded},
	{ErrorCodeClosed, os.ErrClosed}, {ErrorCodeCancelled, context.Canceled}, {ErrorCodePermissionDenied, os.ErrPermission},
	{ErrorCodeUnsupportedPlatform, errors.ErrUnsupported},
}

// matches is the whole of errors.Is for an error of this code.
func (c ErrorCode) matches(target error) bool {
	if s, ok := target.(sentinel); ok {
		return c.is(ErrorCode(s))
	}
	for _, s := range standard {
		if s.err == target && c.is(s.code) {
			return true
		}
	}
	return false
}

// Error is every error of this package except HandlerError. Compare with errors.Is(err, ErrTimeout); timeouts, closing and
// cancellation also match os.ErrDeadlineExceeded, os.ErrClosed and context.Canceled.
type Error struct {
	Code    ErrorCode
	Op      string // the call that failed, such as "send request"
	Channel string // the channel's name
	Detail  string // what was wrong this time
	Err     error  // the cause, or nil
}

// Error says what failed, why and what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Channel != "" {
		fmt.Fprintf(&b, " %q", e.Channel)
	}
	fmt.Fprintf(&b, ": %s", e.Code)
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %s", e.Detail)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %s", strings.ReplaceAll(e.Err.Error(), "\n", ": "))
	}
	if remedy := e.Code.Remedy(); remedy != "" {
		fmt.Fprintf(&b, " (%s)", strings.TrimSuffix(remedy, "."))
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is work with the Err… values and with the standard library's.
func (e *Error) Is(target error) bool { return e.Code.matches(target) }

// HandlerError is a FAILED answer. The request is done with; the frame was released after its message was copied.
type HandlerError struct {
	Sequence uint64
	Status   int32 // above 0 the application's code, below 0 the library's
	Message  string
}

// Error gives the handler's message.
func (e *HandlerError) Error() string {
	return fmt.Sprintf("request %d: %s (status %d): %s", e.Sequence, e.code(), e.Status, e.Message)
}

// Is matches ErrHandlerFailed, or ErrResponseTooLarge when that was the reason.
func (e *HandlerError) Is(target error) bool { return e.code().matches(target) }

func (e *HandlerError) code() ErrorCode {
	if wire.FrameStatus(e.Status) == wire.FrameStatusResponseTooLarge {
		return ErrorCodeResponseTooLarge
	}
	return ErrorCodeHandlerFailed
}

// failure is what Failure makes.
type failure struct {
	code    int32
	message string
}

func (f *failure) Error() string { return f.message }

// Failure makes an error with which a handler answers an application's code, 1 or more, and a message. Any other error that a
// handler returns answers its text with the library's code.
func Failure(code int32, message string) error {
	if code <= 0 {
		return fmt.Errorf("failure code %d is not the application's to give (1 or more): %s", code, message)
	}
	return &failure{code: code, message: message}
}
