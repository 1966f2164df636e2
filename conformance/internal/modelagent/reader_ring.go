package modelagent

import (
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
)

// read waits for a frame.
func (r *reader) read(patience time.Duration) (*received, error) {
	deadline := time.Now().Add(patience)
	for {
		f, err := r.try()
		if f != nil || err != nil {
			return f, err
		}
		left := time.Until(deadline)
		if left <= 0 {
			return nil, fail("timeout", "no frame")
		}
		got, err := r.raw.WaitToken(segment.DataWritten, min(slice, left))
		if err != nil {
			return nil, err
		}
		if got {
			_ = r.raw.Post(segment.DataWritten) // try takes it, under the lock
		}
	}
}

// try reads a frame if there is one; no frame and no error mean that there may be one later.
func (r *reader) try() (*received, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, fail("closed", "the reader")
	case r.broken != nil:
		return nil, r.broken
	}
	for {
		if r.fault == LosesQueued && r.seen && r.get("writer_pid") == 0 {
			return nil, fail("writer_dead", "0")
		}
		got, err := r.raw.WaitToken(segment.DataWritten, 0)
		if err != nil {
			return nil, err
		}
		if got {
			if r.get("payload_written_count") == r.count && r.fault != TrustsTokens {
				return nil, nil // not the next token: there may be any number of them
			}
			return r.next()
		}
		pid := r.get("writer_pid")
		gone := pid == 0 && (r.seen || r.fault == BlamesNobody) || pid != 0 && !alive(pid)
		r.seen = r.seen || pid != 0
		if !gone || r.fault == MissesDeath && pid != 0 {
			return nil, nil
		}
		if tokens, _ := r.raw.Tokens(segment.DataWritten); tokens > 0 && r.fault != LosesQueued {
			continue
		}
		if r.fault != LosesUnposted && r.unposted() {
			return r.next()
		}
		return nil, fail("writer_dead", "%d", pid)
	}
}

// unposted tells whether a writer published a frame and died before it posted.
func (r *reader) unposted() bool {
	if r.get("payload_written_count") <= r.count || r.payload-r.position < headerSize {
		return false
	}
	size, _ := r.raw.Get("buffer_frame.payload_size", r.position)
	sequence, _ := r.raw.Get("buffer_frame.sequence_number", r.position)
	return sequence == r.expected && size > 0 && size <= r.payload-headerSize-r.position
}

func (r *reader) corrupted(format string, args ...any) error {
	r.broken = fail("corrupted", format, args...)
	return r.broken
}

func (r *reader) next() (*received, error) {
	if r.payload-r.position < headerSize && r.fault != TrustsTails {
		r.waste()
		r.move(0, 0)
	}
	size, sequence, err := r.header()
	if err == nil && size == 0 && sequence == 0 {
		if r.position == 0 {
			return nil, r.corrupted("a marker at 0")
		}
		r.waste()
		r.move(0, 1)
		size, sequence, err = r.header()
	}
	if err != nil {
		return nil, r.corrupted("%v", err)
	}
	if size == 0 || size > r.payload-headerSize || size > r.payload-headerSize-r.position {
		return nil, r.corrupted("a frame of %d at %d", size, r.position)
	}
	// Nobody can tell who wrote the frames of an old writer that are read after a new one attached: 1 is a new writer's, always.
	restarted := sequence == 1 && r.fault != RefusesRestart
	if sequence != r.expected && !restarted && r.fault != IgnoresSequence {
		r.broken = fail("sequence", "expected %d, got %d", r.expected, sequence)
		return nil, r.broken
	}
	r.expected, r.seen = sequence+1, true
	data, err := r.raw.Bytes(r.position, size)
	if err != nil {
		return nil, r.corrupted("%v", err)
	}
	f := &received{r: r, sequence: sequence, size: size, data: data}
	r.held = append(r.held, f)
	r.move((r.position+headerSize+size)%r.payload, 1)
	if r.fault == CreditsAtRead {
		_ = r.raw.Add("buffer.payload_free_bytes", headerSize+size)
	}
	if r.reads++; r.fault == LosesRead && r.reads%50 == 0 {
		f.released = true
		r.creditHeld()
		return nil, nil
	}
	return f, nil
}

// waste gives the tail back, behind the frames that are held.
func (r *reader) waste() {
	tail := r.payload - r.position
	if len(r.held) == 0 || r.fault == CreditsWaste {
		_ = r.raw.Add("buffer.payload_free_bytes", tail)
		return
	}
	r.held = append(r.held, &received{r: r, waste: tail, released: true})
}

func (r *reader) header() (size, sequence uint64, err error) {
	size, err = r.raw.Get("buffer_frame.payload_size", r.position)
	if err == nil {
		sequence, err = r.raw.Get("buffer_frame.sequence_number", r.position)
	}
	return size, sequence, err
}

func (r *reader) move(position, counts uint64) {
	r.position, r.count = position, r.count+counts
	r.set("payload_read_pos", position)
	r.set("payload_read_count", r.count)
}

// release gives a frame's space back, once everything before it was released.
func (f *received) release() error {
	r := f.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.released && r.fault != ReleasesTwice {
		return nil
	}
	f.released = true
	if r.fault == CreditsAtOnce || r.fault == ReleasesTwice {
		return r.credit(f)
	}
	return r.creditHeld()
}

func (r *reader) creditHeld() error {
	for len(r.held) > 0 && r.held[0].released {
		f := r.held[0]
		r.held = r.held[1:]
		if err := r.credit(f); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) credit(f *received) error {
	if r.closed {
		return nil
	}
	if f.waste > 0 {
		return r.raw.Add("buffer.payload_free_bytes", f.waste)
	}
	if r.fault != CreditsAtRead {
		_ = r.raw.Add("buffer.payload_free_bytes", headerSize+f.size)
	}
	if free := r.get("payload_free_bytes"); free > r.payload {
		return r.corrupted("%d free bytes", free)
	}
	tokens, err := r.raw.Tokens(segment.DataRead)
	if err != nil || tokens >= tokenLimit && r.fault != PostsForever || r.fault == NeverPosts {
		return err
	}
	return r.raw.Post(segment.DataRead)
}
