package modelagent

import (
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io/fs"
	"sync"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
)

const (
	defaultMetadata = 4096
	defaultPayload  = 256 << 20
	defaultTimeout  = 5000
)

func or[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

func wait(ms *uint64) time.Duration { return time.Duration(or(ms, defaultTimeout)) * time.Millisecond }

var errNothing = errors.New("there is nothing under that name")

// reading is the server's role.
type reading struct {
	fault Fault
	mu    sync.Mutex
	r     *reader
	held  map[string]*received
}

func newReading(fault Fault) *reading { return &reading{fault: fault, held: map[string]*received{}} }

func (s *reading) operations() (reset func(), operations map[string]operation) {
	return s.reset, map[string]operation{
		agentproto.OpCreateReader: op(s.create),
		agentproto.OpReadFrame:    op(s.read),
		agentproto.OpRereadFrame:  op(func(a agentproto.RereadFrameArgs) (agentproto.FrameReport, error) { return s.reread(a.Hold) }),
		agentproto.OpReleaseFrame: op(s.release),
		agentproto.OpDrain:        op(s.drain),
		agentproto.OpWriterConnected: op(func(agentproto.WriterConnectedArgs) (agentproto.ConnectionReport, error) {
			r, err := s.reader()
			if err != nil {
				return agentproto.ConnectionReport{}, err
			}
			connected, err := r.connected()
			return agentproto.ConnectionReport{Connected: connected}, err
		}),
		agentproto.OpGetMetadata: op(s.metadata),
		agentproto.OpClose: op(func(agentproto.CloseArgs) (empty, error) {
			r, err := s.reader()
			if err == nil {
				r.close()
			}
			return empty{}, err
		}),
	}
}

func (s *reading) reader() (*reader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.r == nil {
		return nil, errNothing
	}
	return s.r, nil
}

func (s *reading) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.r != nil {
		s.r.close()
		_ = s.r.raw.Unmap() // nobody asks any more
	}
	s.r, s.held = nil, map[string]*received{}
}

func (s *reading) create(a agentproto.CreateReaderArgs) (empty, error) {
	s.reset()
	r, err := create(s.fault, a.Name, or(a.MetadataSize, defaultMetadata), or(a.PayloadSize, defaultPayload), fs.FileMode(or(a.Mode, 0o600)))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.r = r
	return empty{}, err
}

func (s *reading) read(a agentproto.ReadFrameArgs) (agentproto.FrameReport, error) {
	r, err := s.reader()
	if err != nil {
		return agentproto.FrameReport{}, err
	}
	f, err := r.read(wait(a.TimeoutMs))
	if err != nil {
		return agentproto.FrameReport{}, err
	}
	seen := describe(f)
	if a.Hold == nil {
		return seen, f.release()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[*a.Hold] = f
	return seen, nil
}

func describe(f *received) agentproto.FrameReport {
	return agentproto.FrameReport{
		Sequence: f.sequence, Size: f.size, Crc32: uint64(crc32.ChecksumIEEE(f.data)), Head: hex.EncodeToString(f.data[:min(16, len(f.data))]),
	}
}

func (s *reading) find(hold string) (*received, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.held[hold]
	if !ok {
		return nil, errNothing
	}
	return f, nil
}

func (s *reading) reread(hold string) (agentproto.FrameReport, error) {
	f, err := s.find(hold)
	if err != nil {
		return agentproto.FrameReport{}, err
	}
	if f.released && s.fault != ReadsReleased {
		return agentproto.FrameReport{}, fail("frame_released", "%d", f.sequence)
	}
	return describe(f), nil
}

func (s *reading) release(a agentproto.ReleaseFrameArgs) (empty, error) {
	f, err := s.find(a.Hold)
	if err != nil {
		return empty{}, err
	}
	return empty{}, f.release()
}

func (s *reading) drain(a agentproto.DrainArgs) (agentproto.ExchangeReport, error) {
	var sum agentproto.ExchangeReport
	r, err := s.reader()
	if err != nil {
		return sum, err
	}
	var held []*received
	releaseAll := func() error {
		for i := len(held) - 1; i >= 0; i-- {
			if err := held[i].release(); err != nil {
				return err
			}
		}
		held = held[:0]
		return nil
	}
	var crc uint32
	for sum.Count < a.Count {
		f, err := r.read(wait(a.TimeoutMs))
		if err != nil {
			return sum, errors.Join(err, releaseAll())
		}
		if sum.Count == 0 {
			sum.FirstSequence = f.sequence
		}
		crc = crc32.Update(crc, crc32.IEEETable, f.data)
		sum.LastSequence, sum.Bytes, sum.Count = f.sequence, sum.Bytes+f.size, sum.Count+1
		if held = append(held, f); uint64(len(held)) >= or(a.Hold, 1) {
			if err := releaseAll(); err != nil {
				return sum, err
			}
		}
	}
	sum.Crc32 = uint64(crc)
	return sum, releaseAll()
}

func (s *reading) metadata(agentproto.GetMetadataArgs) (agentproto.ContentReport, error) {
	r, err := s.reader()
	if err != nil {
		return agentproto.ContentReport{}, err
	}
	content, written, err := r.metadata()
	return agentproto.ContentReport{Written: written, Size: uint64(len(content)), Crc32: uint64(crc32.ChecksumIEEE(content))}, err
}
