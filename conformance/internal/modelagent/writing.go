package modelagent

import (
	"hash/crc32"
	"sync"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
)

// writing is the client's role.
type writing struct {
	fault   Fault
	mu      sync.Mutex
	w       *writer
	timeout uint64
	frames  map[string]*frame
}

func newWriting(fault Fault) *writing { return &writing{fault: fault, frames: map[string]*frame{}} }

func (s *writing) operations() (reset func(), operations map[string]operation) {
	return s.reset, map[string]operation{
		agentproto.OpConnectWriter: op(s.connect),
		agentproto.OpWriteFrame:    op(s.write),
		agentproto.OpAcquireFrame:  op(s.acquire),
		agentproto.OpFill:          op(s.fill),
		agentproto.OpCommitFrame:   op(s.commit),
		agentproto.OpAbort:         op(s.abort),
		agentproto.OpStream:        op(s.stream),
		agentproto.OpSetMetadata: op(func(a agentproto.SetMetadataArgs) (empty, error) {
			w, err := s.writer()
			if err == nil {
				err = w.setMetadata(pattern(make([]byte, a.Size), a.Seed))
			}
			return empty{}, err
		}),
		agentproto.OpReaderConnected: op(func(agentproto.ReaderConnectedArgs) (agentproto.ConnectionReport, error) {
			w, err := s.writer()
			if err != nil {
				return agentproto.ConnectionReport{}, err
			}
			connected, err := w.connected()
			return agentproto.ConnectionReport{Connected: connected}, err
		}),
		agentproto.OpClose: op(func(agentproto.CloseArgs) (empty, error) {
			w, err := s.writer()
			if err == nil {
				w.close()
			}
			return empty{}, err
		}),
	}
}

func pattern(data []byte, seed uint64) []byte {
	for i := range data {
		data[i] = byte(seed + uint64(i))
	}
	return data
}

func (s *writing) writer() (*writer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		return nil, errNothing
	}
	return s.w, nil
}

func (s *writing) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w != nil {
		s.w.close()
		_ = s.w.raw.Unmap() // nobody asks any more
	}
	s.w, s.frames = nil, map[string]*frame{}
}

func (s *writing) connect(a agentproto.ConnectWriterArgs) (empty, error) {
	s.reset()
	w, err := attach(s.fault, a.Name, wait(a.ConnectTimeoutMs), or(a.AllowOtherUsers, false))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.w, s.timeout = w, or(a.WriteTimeoutMs, defaultTimeout)
	return empty{}, err
}

func (s *writing) patience(ms *uint64) time.Duration {
	return time.Duration(or(ms, s.timeout)) * time.Millisecond
}

func (s *writing) write(a agentproto.WriteFrameArgs) (agentproto.SentReport, error) {
	w, err := s.writer()
	if err != nil {
		return agentproto.SentReport{}, err
	}
	f, err := w.acquire(a.Size, s.patience(a.TimeoutMs))
	if err != nil {
		return agentproto.SentReport{}, err
	}
	pattern(f.data, a.Seed)
	sequence, err := f.commit()
	return agentproto.SentReport{Sequence: sequence}, err
}

func (s *writing) acquire(a agentproto.AcquireFrameArgs) (agentproto.BufferReport, error) {
	w, err := s.writer()
	if err != nil {
		return agentproto.BufferReport{}, err
	}
	f, err := w.acquire(a.Size, s.patience(a.TimeoutMs))
	if err != nil {
		return agentproto.BufferReport{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames[a.Buffer] = f
	return agentproto.BufferReport{Size: uint64(len(f.data))}, nil
}

func (s *writing) find(buffer string) (*frame, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.frames[buffer]
	if !ok {
		return nil, errNothing
	}
	return f, nil
}

func (s *writing) fill(a agentproto.FillArgs) (empty, error) {
	f, err := s.find(a.Buffer)
	if err != nil {
		return empty{}, err
	}
	if f.done {
		return empty{}, fail("frame_released", "committed or aborted")
	}
	pattern(f.data, a.Seed)
	return empty{}, nil
}

func (s *writing) commit(a agentproto.CommitFrameArgs) (agentproto.SentReport, error) {
	f, err := s.find(a.Buffer)
	if err != nil {
		return agentproto.SentReport{}, err
	}
	sequence, err := f.commit()
	return agentproto.SentReport{Sequence: sequence}, err
}

func (s *writing) abort(a agentproto.AbortArgs) (empty, error) {
	f, err := s.find(a.Buffer)
	if err == nil {
		f.abort()
	}
	return empty{}, err
}

func (s *writing) stream(a agentproto.StreamArgs) (agentproto.ExchangeReport, error) {
	var sum agentproto.ExchangeReport
	w, err := s.writer()
	if err != nil {
		return sum, err
	}
	var crc uint32
	for k := range a.Count {
		f, err := w.acquire(a.Least+(a.FirstSize+k*a.SizeStep)%a.SizeModulo, s.patience(nil))
		if err != nil {
			return sum, err
		}
		crc = crc32.Update(crc, crc32.IEEETable, pattern(f.data, a.Seed+k))
		size := uint64(len(f.data))
		sequence, err := f.commit()
		if err != nil {
			return sum, err
		}
		if k == 0 {
			sum.FirstSequence = sequence
		}
		sum.LastSequence, sum.Bytes, sum.Count = sequence, sum.Bytes+size, k+1
	}
	sum.Crc32 = uint64(crc)
	return sum, nil
}
