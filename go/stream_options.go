package zeroduplex

import (
	"os"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

type readerOptions struct {
	commonOptions
	readTimeout time.Duration
	mode        os.FileMode
}

type writerOptions struct {
	commonOptions
	connectOptions
	writeTimeout time.Duration
}

type readerOption func(*readerOptions)

func (f readerOption) applyReader(o *readerOptions) { f(o) }

type writerOption func(*writerOptions)

func (f writerOption) applyWriter(o *writerOptions) { f(o) }

// WithReadTimeout sets how long ReadFrame waits when its context has no deadline (5 s).
func WithReadTimeout(d time.Duration) ReaderOption {
	return readerOption(func(o *readerOptions) { o.readTimeout = d })
}

// WithWriteTimeout sets how long writes and acquisitions wait for room when their context has no deadline (5 s).
func WithWriteTimeout(d time.Duration) WriterOption {
	return writerOption(func(o *writerOptions) { o.writeTimeout = d })
}

func newReaderOptions(opts []ReaderOption) (readerOptions, string) {
	o := readerOptions{commonOptions: defaultCommon(), readTimeout: wire.DefaultV1ReadTimeout, mode: os.FileMode(wire.DefaultV2ObjectMode)}
	for _, opt := range opts {
		opt.applyReader(&o)
	}
	problem := o.check()
	if problem == "" {
		problem = checkMode(o.mode)
	}
	if problem == "" && o.readTimeout < 0 {
		problem = negativeTimeout
	}
	return o, problem
}

func newWriterOptions(opts []WriterOption) (writerOptions, string) {
	o := writerOptions{
		commonOptions: defaultCommon(), connectOptions: connectOptions{connectTimeout: wire.DefaultV1ConnectTimeout}, writeTimeout: wire.DefaultV1WriteTimeout,
	}
	for _, opt := range opts {
		opt.applyWriter(&o)
	}
	problem := o.check()
	if problem == "" && (o.connectTimeout < 0 || o.writeTimeout < 0) {
		problem = negativeTimeout
	}
	return o, problem
}
