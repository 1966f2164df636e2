package bench

import (
	"context"
	"os"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/protocol"
)

// dualSizes are a picture as cameras give it and one of eight million pixels.
const dualSizes = "3110416,25000000"

// figures are what one pass found out about a pair in a setting.
type figures struct {
	measured
	dual measured // the same over v1's two buffers, when that was asked for
}

// measureBoth measures a setting in place and, when that is asked for, in two buffers right before or after it, in turn.
func (p plan) measureBoth(ctx context.Context, pair pair, s setting, pass int) (f figures, err error) {
	inPlace := func() (err error) {
		f.measured, err = p.measure(ctx, pair, s, protocol.InPlace)
		return err
	}
	if !s.dual || pair.outside {
		return f, inPlace()
	}
	dual := func() (err error) {
		f.dual, err = p.measure(ctx, pair, s, protocol.Dual)
		return err
	}
	first, second := inPlace, dual
	if pass%2 == 1 {
		first, second = dual, inPlace
	}
	if err := first(); err != nil {
		return f, err
	}
	return f, second()
}

// watchMemory adds up what a channel takes in shared memory, once client and server are there. It looks often until it has seen them, which
// is before a measurement is long under way, and a last time when the returned function is called. That gives the bytes, 0 when they were
// never seen.
func watchMemory(channel, protocolName string) func() int64 {
	done, result := make(chan struct{}), make(chan int64)
	go func() {
		ticker := time.NewTicker(200 * time.Microsecond)
		defer ticker.Stop()
		for ended := false; ; {
			if bytes, complete := channelBytes(channel, protocolName); complete || ended {
				if !ended {
					<-done
				}
				result <- bytes
				return
			}
			select {
			case <-done:
				ended = true
			case <-ticker.C:
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-result
	}
}

// channelBytes is the size of a channel's objects and semaphores. False: not all of them are there.
func channelBytes(channel, protocolName string) (bytes int64, complete bool) {
	for _, path := range protocol.Paths(protocolName, channel) {
		info, err := os.Stat(path)
		if err != nil || info.Size() == 0 {
			return 0, false
		}
		bytes += info.Size()
	}
	return bytes, true
}
