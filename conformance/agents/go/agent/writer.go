package agent

import (
	"context"
	"errors"
	"sync"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	zeroduplex "github.com/zeroduplex/zeroduplex/go"
)

// writer is what a client process keeps of ZeroBuffer v1.
type writer struct {
	mu      sync.Mutex
	buffer  *zeroduplex.Writer
	buffers map[string]zeroduplex.FrameBuffer
}

func (w *writer) operations() map[string]operation {
	return map[string]operation{
		agentproto.OpWriteFrame:      op(w.writeFrame),
		agentproto.OpAcquireFrame:    op(w.acquireFrame),
		agentproto.OpCommitFrame:     op(w.commitFrame),
		agentproto.OpStream:          op(w.stream),
		agentproto.OpReaderConnected: op(w.connected),
	}
}

var errNoWriter = errors.New("there is no writer")

// get is the writer, nil when there is none.
func (w *writer) get() *zeroduplex.Writer {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buffer
}

func (w *writer) must() (*zeroduplex.Writer, error) {
	if buffer := w.get(); buffer != nil {
		return buffer, nil
	}
	return nil, errNoWriter
}

func (w *writer) reset() {
	w.mu.Lock()
	buffer, buffers := w.buffer, w.buffers
	w.buffer, w.buffers = nil, map[string]zeroduplex.FrameBuffer{}
	w.mu.Unlock()
	for _, b := range buffers {
		b.Abort()
	}
	if buffer != nil {
		_ = buffer.Close() // what is left over is the runner's to find
	}
}

func (w *writer) connect(a agentproto.ConnectWriterArgs) (empty, error) {
	var options []zeroduplex.WriterOption
	options = given(options, a.ConnectTimeoutMs, func(n uint64) zeroduplex.WriterOption { return zeroduplex.WithConnectTimeout(milliseconds(n)) })
	options = given(options, a.WriteTimeoutMs, func(n uint64) zeroduplex.WriterOption { return zeroduplex.WithWriteTimeout(milliseconds(n)) })
	wait, err := waiting(a.Wait)
	if err != nil {
		return empty{}, err
	}
	options = given(options, wait, func(s zeroduplex.WaitStrategy) zeroduplex.WriterOption { return zeroduplex.WithWait(s) })
	if value(a.AllowOtherUsers) {
		options = append(options, zeroduplex.AllowOtherUsers())
	}
	buffer, err := zeroduplex.NewWriter(context.Background(), a.Name, options...)
	if err != nil {
		return empty{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buffer = buffer
	return empty{}, nil
}

func (w *writer) find(name string) (zeroduplex.FrameBuffer, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return kept(w.buffers, name)
}

func (w *writer) writeFrame(a agentproto.WriteFrameArgs) (agentproto.SentReport, error) {
	buffer, err := w.must()
	if err != nil {
		return agentproto.SentReport{}, err
	}
	ctx, done := within(a.TimeoutMs)
	defer done()
	sequence, err := buffer.WriteFrame(ctx, pattern(a.Size, a.Seed))
	return agentproto.SentReport{Sequence: sequence}, err
}

func (w *writer) acquireFrame(a agentproto.AcquireFrameArgs) (agentproto.BufferReport, error) {
	buffer, err := w.must()
	if err != nil {
		return agentproto.BufferReport{}, err
	}
	ctx, done := within(a.TimeoutMs)
	defer done()
	b, err := buffer.AcquireFrameBuffer(ctx, int(a.Size))
	if err != nil {
		return agentproto.BufferReport{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buffers[a.Buffer] = b
	return agentproto.BufferReport{Size: uint64(len(b.Data()))}, nil
}

func (w *writer) commitFrame(a agentproto.CommitFrameArgs) (agentproto.SentReport, error) {
	b, err := w.find(a.Buffer)
	if err != nil {
		return agentproto.SentReport{}, err
	}
	sequence, err := b.Commit()
	return agentproto.SentReport{Sequence: sequence}, err
}

func (w *writer) stream(a agentproto.StreamArgs) (done agentproto.ExchangeReport, err error) {
	buffer, err := w.must()
	if err != nil {
		return done, err
	}
	for k := range a.Count {
		data := pattern(a.Least+(a.FirstSize+k*a.SizeStep)%a.SizeModulo, a.Seed+k)
		sequence, err := put(buffer, data, value(a.Acquire))
		if err != nil {
			return done, err
		}
		counted(&done, data, sequence)
	}
	return done, nil
}

func put(buffer *zeroduplex.Writer, data []byte, acquire bool) (uint64, error) {
	ctx := context.Background()
	if !acquire {
		return buffer.WriteFrame(ctx, data)
	}
	b, err := buffer.AcquireFrameBuffer(ctx, len(data))
	if err != nil {
		return 0, err
	}
	copy(b.Data(), data)
	return b.Commit()
}

func (w *writer) connected(agentproto.ReaderConnectedArgs) (agentproto.ConnectionReport, error) {
	buffer, err := w.must()
	if err != nil {
		return agentproto.ConnectionReport{}, err
	}
	return agentproto.ConnectionReport{Connected: buffer.IsReaderConnected()}, nil
}
