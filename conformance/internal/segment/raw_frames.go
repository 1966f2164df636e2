package segment

import (
	"errors"
	"fmt"
	"time"
)

// Bytes is the data behind the header at a position.
func (b *RawBuffer) Bytes(position, size uint64) ([]byte, error) {
	start := b.mem.bufferPayload() + position + bufferHeaderSize
	if end := uint64(len(b.mem)); start > end || size > end-start {
		return nil, fmt.Errorf("%d bytes at position %d reach behind the end of the buffer", size, position)
	}
	return b.mem[start : start+size], nil
}

// Header writes the two fields of a header.
func (b *RawBuffer) Header(position, size, sequence uint64) error {
	return errors.Join(b.Set("buffer_frame.payload_size", position, size), b.Set("buffer_frame.sequence_number", position, sequence))
}

// Data writes the pattern behind the header at a position.
func (b *RawBuffer) Data(position, size, seed uint64) error {
	data, err := b.Bytes(position, size)
	fillPattern(data, seed)
	return err
}

// Check compares the data behind the header at a position with the pattern, or with its complement.
func (b *RawBuffer) Check(position, size, seed uint64, xor bool) error {
	data, err := b.Bytes(position, size)
	if err != nil {
		return err
	}
	return checkPattern(data, seed, xor)
}

// RawFrame is what Publish publishes. Nil is what a writer does.
type RawFrame struct {
	Size, Seed                      uint64
	Position, PayloadSize, Sequence *uint64
	// MarkerCount is how much a wrap adds to written_count; nil: 1 if a marker is written.
	MarkerCount *uint64
	// Marker is whether a wrap writes a marker where there is room for one.
	Marker, Post bool
}

// Publish does what a published writer does: a marker if the frame goes to the beginning, header, data, write_pos, free, written_count,
// post. It never wraps early, so that it leaves tails in which no marker fits. It says where the frame is.
func (b *RawBuffer) Publish(f RawFrame) (position, sequence uint64, err error) {
	payload, err := b.Get("buffer.payload_size", 0)
	if err != nil {
		return 0, 0, err
	}
	at, err := b.Get("buffer.payload_write_pos", 0)
	if err != nil {
		return 0, 0, err
	}
	if at == payload {
		at = 0
	}
	total := bufferHeaderSize + f.Size
	position = at
	if total > payload-at {
		position = 0
	}
	position = or(f.Position, position)
	count := uint64(1)
	if position < at {
		marked := f.Marker && payload-at >= bufferHeaderSize
		if marked {
			if err := b.Header(at, 0, 0); err != nil {
				return 0, 0, err
			}
			count++
		}
		if f.MarkerCount != nil {
			count = 1 + *f.MarkerCount
		}
		if err := b.Add("buffer.payload_free_bytes", -(payload - at)); err != nil {
			return 0, 0, err
		}
	}
	b.sequence = or(f.Sequence, b.sequence+1)
	err = errors.Join(
		b.Data(position, f.Size, f.Seed), b.Header(position, or(f.PayloadSize, f.Size), b.sequence),
		b.Set("buffer.payload_write_pos", 0, position+total), b.Add("buffer.payload_free_bytes", -total), b.Add("buffer.payload_written_count", count))
	if err == nil && f.Post {
		err = b.Post(DataWritten)
	}
	return position, b.sequence, err
}

// Take does what a published reader does: waits for a token, follows a marker, reads a header, moves on. The frame is kept for Release.
func (b *RawBuffer) Take(patience time.Duration) (position, size, sequence uint64, err error) {
	taken, err := b.WaitToken(DataWritten, patience)
	if err == nil && !taken {
		err = fmt.Errorf("no frame within %v", patience)
	}
	if err != nil {
		return 0, 0, 0, err
	}
	payload, err := b.Get("buffer.payload_size", 0)
	if err != nil {
		return 0, 0, 0, err
	}
	for {
		if position, err = b.Get("buffer.payload_read_pos", 0); err != nil {
			return 0, 0, 0, err
		}
		size, err = b.Get("buffer_frame.payload_size", position)
		if err != nil {
			return 0, 0, 0, err
		}
		if sequence, err = b.Get("buffer_frame.sequence_number", position); err != nil {
			return 0, 0, 0, err
		}
		if size != 0 {
			break
		}
		if position == 0 {
			return 0, 0, 0, errors.New("there is a marker at position 0")
		}
		err = errors.Join(b.Add("buffer.payload_free_bytes", payload-position), b.Set("buffer.payload_read_pos", 0, 0), b.Add("buffer.payload_read_count", 1))
		if err != nil {
			return 0, 0, 0, err
		}
	}
	b.frames = append(b.frames, rawFrame{position, size})
	next := (position + bufferHeaderSize + size) % payload
	return position, size, sequence, errors.Join(b.Set("buffer.payload_read_pos", 0, next), b.Add("buffer.payload_read_count", 1))
}

// Release gives the oldest frame's space back, or another amount, and posts.
func (b *RawBuffer) Release(free *uint64) error {
	if len(b.frames) == 0 {
		return errors.New("no frame is held")
	}
	f := b.frames[0]
	b.frames = b.frames[1:]
	return errors.Join(b.Add("buffer.payload_free_bytes", or(free, bufferHeaderSize+f.size)), b.Post(DataRead))
}
