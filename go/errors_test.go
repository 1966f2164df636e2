//go:build linux

package zeroduplex

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryErrorOfTheSpecIsUsable(t *testing.T) {
	for _, e := range errorTable {
		err := fmt.Errorf("wrapped: %w", &Error{Code: e.Code, Op: "do", Channel: "c", Detail: "detail", Err: io.EOF})
		require.ErrorIs(t, err, sentinel(e.Code))
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, e.Name, e.Code.String())
		require.Equal(t, e.Name, sentinel(e.Code).Error())
		require.Equal(t, e.Retryable, e.Code.Retryable())
		require.NotEmpty(t, e.Code.Meaning())
		require.NotEmpty(t, e.Code.Remedy())
		for _, other := range errorTable {
			kind := other.Code == e.Code || other.Code == e.Parent
			require.Equal(t, kind, errors.Is(err, sentinel(other.Code)), "%s is %s", e.Name, other.Name)
		}
	}
	require.Equal(t, "error_999", ErrorCode(999).String())
}

func TestErrorTextSaysWhatWhyAndWhatToDo(t *testing.T) {
	err := &Error{Code: ErrorCodeNameInUse, Op: "create server", Channel: "c", Detail: "a detail", Err: errors.New("first\nsecond")}
	require.Equal(t, `create server "c": name_in_use: a detail: first: second (Stop the owner or choose another name)`, err.Error())
	require.Equal(t, `do: frame_released`, strings.Split((&Error{Code: ErrorCodeFrameReleased, Op: "do"}).Error(), " (")[0])
}

func TestErrorsMatchTheStandardLibrarys(t *testing.T) {
	standards := []error{context.DeadlineExceeded, os.ErrDeadlineExceeded, context.Canceled, os.ErrClosed, os.ErrPermission, errors.ErrUnsupported}
	for code, matching := range map[ErrorCode][]error{
		ErrorCodeTimeout:             {context.DeadlineExceeded, os.ErrDeadlineExceeded},
		ErrorCodeBufferFull:          {context.DeadlineExceeded, os.ErrDeadlineExceeded},
		ErrorCodeAcquisitionOpen:     {context.DeadlineExceeded, os.ErrDeadlineExceeded},
		ErrorCodeCancelled:           {context.Canceled},
		ErrorCodeClosed:              {os.ErrClosed},
		ErrorCodePermissionDenied:    {os.ErrPermission},
		ErrorCodeUnsupportedPlatform: {errors.ErrUnsupported},
		ErrorCodeServerDead:          nil,
	} {
		for _, s := range standards {
			want := false
			for _, m := range matching {
				want = want || m == s
			}
			require.Equal(t, want, errors.Is(&Error{Code: code}, s), "%v is %v", code, s)
		}
	}
}

func TestWaitStrategies(t *testing.T) {
	for _, w := range []WaitStrategy{WaitHybrid, WaitSpin, WaitBlock} {
		parsed, err := ParseWaitStrategy(w.String())
		require.NoError(t, err)
		require.Equal(t, w, parsed)
	}
	for _, s := range []string{"", "Spin", "hybrid ", "WaitStrategy(9)"} {
		_, err := ParseWaitStrategy(s)
		requireError(t, err, ErrInvalidArgument)
	}
	require.Equal(t, "WaitStrategy(9)", WaitStrategy(9).String())
	require.Equal(t, "WaitStrategy(-1)", WaitStrategy(-1).String())
}
