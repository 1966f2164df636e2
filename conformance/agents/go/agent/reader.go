package agent

import (
	"errors"
	"hash/crc32"
	"io/fs"
	"sync"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	zeroduplex "github.com/zeroduplex/zeroduplex/go"
)

// reader is what a server process keeps of ZeroBuffer v1.
type reader struct {
	mu     sync.Mutex
	buffer *zeroduplex.Reader
	held   map[string]zeroduplex.ReceivedFrame
}

func (r *reader) operations() map[string]operation {
	return map[string]operation{
		agentproto.OpReadFrame:       op(r.readFrame),
		agentproto.OpRereadFrame:     op(r.rereadFrame),
		agentproto.OpReleaseFrame:    op(r.releaseFrame),
		agentproto.OpDrain:           op(r.drain),
		agentproto.OpWriterConnected: op(r.connected),
	}
}

var errNoReader = errors.New("there is no reader")

// get is the reader, nil when there is none.
func (r *reader) get() *zeroduplex.Reader {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.buffer
}

func (r *reader) must() (*zeroduplex.Reader, error) {
	if buffer := r.get(); buffer != nil {
		return buffer, nil
	}
	return nil, errNoReader
}

func (r *reader) reset() {
	r.mu.Lock()
	buffer, held := r.buffer, r.held
	r.buffer, r.held = nil, map[string]zeroduplex.ReceivedFrame{}
	r.mu.Unlock()
	for _, f := range held {
		f.Release()
	}
	if buffer != nil {
		_ = buffer.Close() // what is left over is the runner's to find
	}
}

func (r *reader) create(a agentproto.CreateReaderArgs) (empty, error) {
	config := sized(zeroduplex.DefaultV1BufferConfig(), a.MetadataSize, a.PayloadSize)
	var options []zeroduplex.ReaderOption
	options = given(options, a.Mode, func(n uint64) zeroduplex.ReaderOption { return zeroduplex.WithMode(fs.FileMode(n)) })
	wait, err := waiting(a.Wait)
	if err != nil {
		return empty{}, err
	}
	options = given(options, wait, func(w zeroduplex.WaitStrategy) zeroduplex.ReaderOption { return zeroduplex.WithWait(w) })
	buffer, err := zeroduplex.NewReader(a.Name, config, options...)
	if err != nil {
		return empty{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.buffer = buffer
	return empty{}, nil
}

func (r *reader) find(name string) (zeroduplex.ReceivedFrame, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return kept(r.held, name)
}

func frameSeen(f zeroduplex.ReceivedFrame) agentproto.FrameReport {
	return report(f.Data(), f.Sequence(), 0)
}

func (r *reader) readFrame(a agentproto.ReadFrameArgs) (agentproto.FrameReport, error) {
	buffer, err := r.must()
	if err != nil {
		return agentproto.FrameReport{}, err
	}
	ctx, done := within(a.TimeoutMs)
	defer done()
	f, err := buffer.ReadFrame(ctx)
	if err != nil {
		return agentproto.FrameReport{}, err
	}
	if a.Hold == nil {
		defer f.Release()
	} else {
		r.mu.Lock()
		r.held[*a.Hold] = f
		r.mu.Unlock()
	}
	return frameSeen(f), nil
}

func (r *reader) rereadFrame(a agentproto.RereadFrameArgs) (agentproto.FrameReport, error) {
	f, err := r.find(a.Hold)
	if err != nil {
		return agentproto.FrameReport{}, err
	}
	return frameSeen(f), nil
}

func (r *reader) releaseFrame(a agentproto.ReleaseFrameArgs) (empty, error) {
	f, err := r.find(a.Hold)
	if err == nil {
		f.Release()
	}
	return empty{}, err
}

func (r *reader) drain(a agentproto.DrainArgs) (done agentproto.ExchangeReport, err error) {
	buffer, err := r.must()
	if err != nil {
		return done, err
	}
	hold := uint64(1)
	if a.Hold != nil {
		hold = *a.Hold
	}
	var out []zeroduplex.ReceivedFrame
	release := func() {
		for i := range out {
			out[len(out)-1-i].Release()
		}
		out = out[:0]
	}
	defer release()
	for done.Count < a.Count {
		f, err := read(buffer, a.TimeoutMs)
		if err != nil {
			return done, err
		}
		counted(&done, f.Data(), f.Sequence())
		out = append(out, f)
		if uint64(len(out)) >= hold {
			release()
		}
	}
	return done, nil
}

func read(buffer *zeroduplex.Reader, timeout *uint64) (zeroduplex.ReceivedFrame, error) {
	ctx, done := within(timeout)
	defer done()
	return buffer.ReadFrame(ctx)
}

// counted adds a frame to a report.
func counted(done *agentproto.ExchangeReport, data []byte, sequence uint64) {
	if done.Count == 0 {
		done.FirstSequence = sequence
	}
	done.LastSequence = sequence
	done.Count++
	done.Bytes += uint64(len(data))
	done.Crc32 = uint64(crc32.Update(uint32(done.Crc32), crc32.IEEETable, data))
}

func (r *reader) connected(agentproto.WriterConnectedArgs) (agentproto.ConnectionReport, error) {
	buffer, err := r.must()
	if err != nil {
		return agentproto.ConnectionReport{}, err
	}
	return agentproto.ConnectionReport{Connected: buffer.IsWriterConnected()}, nil
}
