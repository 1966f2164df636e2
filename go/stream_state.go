package zeroduplex

// BufferState is a look at the counters of a v1 buffer, for tests and for people. When everything was read and released, the written count
// equals the read count, and all of the payload is free.
type BufferState struct {
	PayloadSize      uint64 // bytes
	PayloadFreeBytes uint64 // that no frame and no waste takes
	WrittenCount     uint64 // frames and wrap markers
	ReadCount        uint64 // frames and wrap markers
}

// state looks at the counters; they may move meanwhile.
func (b *streamBuffer) state() BufferState {
	o := b.Oieb
	return BufferState{
		PayloadSize: uint64(len(b.Payload)), PayloadFreeBytes: o.PayloadFreeBytes.Load(), WrittenCount: o.PayloadWrittenCount.Load(), ReadCount: o.PayloadReadCount.Load(),
	}
}

// State looks at the buffer's counters. Error: ErrClosed.
func (r *Reader) State() (BufferState, error) { return r.counters() }

// State looks at the buffer's counters. Error: ErrClosed.
func (w *Writer) State() (BufferState, error) { return w.counters() }

func (e *streamEnd) counters() (BufferState, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return BufferState{}, e.failure
	}
	return e.buffer.state(), nil
}
