package benchproto

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheClockIsGivenTimeWhileItSeemsSlow(t *testing.T) {
	for what, c := range map[string]struct {
		slow   time.Duration // from the start on
		want   int64
		rounds int
	}{
		"never slow":     {0, 50, 10},
		"for a moment":   {65 * time.Millisecond, 50, 66},
		"all the time":   {time.Hour, 500, 200},
		"in the first 2": {2 * time.Millisecond, 50, 10},
	} {
		t.Run(what, func(t *testing.T) {
			now, rounds := time.Duration(0), 0
			median := func() int64 {
				now += time.Millisecond
				rounds++
				if now <= c.slow {
					return 500
				}
				return 50
			}
			require.Equal(t, c.want, leastOf(median, func() int64 { return int64(now) }))
			require.Equal(t, c.rounds, rounds)
		})
	}
}
