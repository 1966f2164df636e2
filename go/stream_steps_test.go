//go:build linux

package zeroduplex

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// step is one thing that a reader or a writer does, and what stands in shared memory afterwards: free bytes, write_pos, read_pos,
// written_count, read_count, sem-w, sem-r. The numbers are worked out by hand.
type step struct {
	op   string
	arg  int // bytes, or for release which frame was read, from 0
	err  error
	want counters
}

// TestWhatStandsInSharedMemory goes step by step through what published libraries of v1 do, too, with the same numbers, but for positions at the
// payload's end, which are 0 here. Metadata 256, payload 1024.
func TestWhatStandsInSharedMemory(t *testing.T) {
	for what, steps := range map[string][]step{
		"one frame": {
			{"write", 100, nil, counters{908, 116, 0, 1, 0, 1, 0}},
			{"read", 0, nil, counters{908, 116, 116, 1, 1, 0, 0}},
			{"release", 0, nil, counters{1024, 116, 116, 1, 1, 0, 1}},
			{"release", 0, nil, counters{1024, 116, 116, 1, 1, 0, 1}},
			{"read", 0, ErrTimeout, counters{1024, 116, 116, 1, 1, 0, 1}},
		},
		"read without release": {
			{"write", 50, nil, counters{958, 66, 0, 1, 0, 1, 0}},
			{"write", 60, nil, counters{882, 142, 0, 2, 0, 2, 0}},
			{"read", 0, nil, counters{882, 142, 66, 2, 1, 1, 0}},
			{"read", 0, nil, counters{882, 142, 142, 2, 2, 0, 0}},
			{"release", 0, nil, counters{948, 142, 142, 2, 2, 0, 1}},
			{"release", 1, nil, counters{1024, 142, 142, 2, 2, 0, 2}},
		},
		"released the other way round": {
			{"write", 50, nil, counters{958, 66, 0, 1, 0, 1, 0}},
			{"write", 60, nil, counters{882, 142, 0, 2, 0, 2, 0}},
			{"read", 0, nil, counters{882, 142, 66, 2, 1, 1, 0}},
			{"read", 0, nil, counters{882, 142, 142, 2, 2, 0, 0}},
			{"release", 1, nil, counters{882, 142, 142, 2, 2, 0, 0}},
			{"release", 0, nil, counters{1024, 142, 142, 2, 2, 0, 2}},
		},
		"wrap behind a marker, tail 100": {
			{"write", 400, nil, counters{608, 416, 0, 1, 0, 1, 0}},
			{"write", 492, nil, counters{100, 924, 0, 2, 0, 2, 0}},
			{"read", 0, nil, counters{100, 924, 416, 2, 1, 1, 0}},
			{"release", 0, nil, counters{516, 924, 416, 2, 1, 1, 1}},
			{"read", 0, nil, counters{516, 924, 924, 2, 2, 0, 1}},
			{"release", 1, nil, counters{1024, 924, 924, 2, 2, 0, 2}},
			{"write", 200, nil, counters{708, 216, 924, 4, 2, 1, 2}},
			{"read", 0, nil, counters{808, 216, 216, 4, 4, 0, 2}},
			{"release", 2, nil, counters{1024, 216, 216, 4, 4, 0, 3}},
		},
		"the marker takes the tail of 16": {
			{"write", 400, nil, counters{608, 416, 0, 1, 0, 1, 0}},
			{"read", 0, nil, counters{608, 416, 416, 1, 1, 0, 0}},
			{"release", 0, nil, counters{1024, 416, 416, 1, 1, 0, 1}},
			{"write", 576, nil, counters{432, 1008, 416, 2, 1, 1, 1}},
			{"read", 0, nil, counters{432, 1008, 1008, 2, 2, 0, 1}},
			{"release", 1, nil, counters{1024, 1008, 1008, 2, 2, 0, 2}},
			{"write", 200, nil, counters{792, 216, 1008, 4, 2, 1, 2}},
			{"read", 0, nil, counters{808, 216, 216, 4, 4, 0, 2}},
			{"release", 2, nil, counters{1024, 216, 216, 4, 4, 0, 3}},
		},
		"a frame that would leave 8 bytes goes to the start": {
			{"write", 600, nil, counters{408, 616, 0, 1, 0, 1, 0}},
			{"read", 0, nil, counters{408, 616, 616, 1, 1, 0, 0}},
			{"release", 0, nil, counters{1024, 616, 616, 1, 1, 0, 1}},
			{"write", 384, nil, counters{216, 400, 616, 3, 1, 1, 1}},
			{"read", 0, nil, counters{624, 400, 400, 3, 3, 0, 1}},
			{"release", 1, nil, counters{1024, 400, 400, 3, 3, 0, 2}},
		},
		"exact fit": {
			{"write", 484, nil, counters{524, 500, 0, 1, 0, 1, 0}},
			{"write", 508, nil, counters{0, 0, 0, 2, 0, 2, 0}},
			{"read", 0, nil, counters{0, 0, 500, 2, 1, 1, 0}},
			{"release", 0, nil, counters{500, 0, 500, 2, 1, 1, 1}},
			{"read", 0, nil, counters{500, 0, 0, 2, 2, 0, 1}},
			{"release", 1, nil, counters{1024, 0, 0, 2, 2, 0, 2}},
			{"write", 100, nil, counters{908, 116, 0, 3, 2, 1, 2}},
			{"read", 0, nil, counters{908, 116, 116, 3, 3, 0, 2}},
			{"release", 2, nil, counters{1024, 116, 116, 3, 3, 0, 3}},
		},
		"full": {
			{"write", 240, nil, counters{768, 256, 0, 1, 0, 1, 0}},
			{"write", 240, nil, counters{512, 512, 0, 2, 0, 2, 0}},
			{"write", 240, nil, counters{256, 768, 0, 3, 0, 3, 0}},
			{"write", 240, nil, counters{0, 0, 0, 4, 0, 4, 0}},
			{"write", 1, ErrBufferFull, counters{0, 0, 0, 4, 0, 4, 0}},
			{"read", 0, nil, counters{0, 0, 256, 4, 1, 3, 0}},
			{"write", 1, ErrBufferFull, counters{0, 0, 256, 4, 1, 3, 0}},
			{"release", 0, nil, counters{256, 0, 256, 4, 1, 3, 1}},
			{"write", 240, nil, counters{0, 256, 256, 5, 1, 4, 1}},
		},
		"the largest frame": {
			{"write", 1008, nil, counters{0, 0, 0, 1, 0, 1, 0}},
			{"write", 1009, ErrFrameTooLarge, counters{0, 0, 0, 1, 0, 1, 0}},
			{"write", 1000, ErrFrameTooLarge, counters{0, 0, 0, 1, 0, 1, 0}},
			{"read", 0, nil, counters{0, 0, 0, 1, 1, 0, 0}},
			{"release", 0, nil, counters{1024, 0, 0, 1, 1, 0, 1}},
		},
		"the dead zone": {
			{"write", 484, nil, counters{524, 500, 0, 1, 0, 1, 0}},
			{"read", 0, nil, counters{524, 500, 500, 1, 1, 0, 0}},
			{"release", 0, nil, counters{1024, 500, 500, 1, 1, 0, 1}},
			{"write", 584, ErrFrameUnplaceable, counters{1024, 500, 500, 1, 1, 0, 1}},
			{"write", 508, nil, counters{500, 0, 500, 2, 1, 1, 1}},
		},
		"empty": {
			{"write", 0, ErrInvalidFrameSize, counters{1024, 0, 0, 0, 0, 0, 0}},
			{"acquire", 0, ErrInvalidFrameSize, counters{1024, 0, 0, 0, 0, 0, 0}},
		},
		"acquired, filled and committed": {
			{"acquire", 100, nil, counters{1024, 0, 0, 0, 0, 0, 0}},
			{"commit", 0, nil, counters{908, 116, 0, 1, 0, 1, 0}},
			{"read", 0, nil, counters{908, 116, 116, 1, 1, 0, 0}},
			{"release", 0, nil, counters{1024, 116, 116, 1, 1, 0, 1}},
		},
		"acquired across the end, and given back": {
			{"write", 900, nil, counters{108, 916, 0, 1, 0, 1, 0}},
			{"read", 0, nil, counters{108, 916, 916, 1, 1, 0, 0}},
			{"release", 0, nil, counters{1024, 916, 916, 1, 1, 0, 1}},
			{"acquire", 300, nil, counters{1024, 916, 916, 1, 1, 0, 1}},
			{"abort", 0, nil, counters{1024, 916, 916, 1, 1, 0, 1}},
			{"acquire", 300, nil, counters{1024, 916, 916, 1, 1, 0, 1}},
			{"commit", 0, nil, counters{600, 316, 916, 3, 1, 1, 1}},
			{"read", 0, nil, counters{708, 316, 316, 3, 3, 0, 1}},
			{"release", 1, nil, counters{1024, 316, 316, 3, 3, 0, 2}},
		},
	} {
		t.Run(what, func(t *testing.T) {
			eachPlace(t, 1024, func(t *testing.T, p *place) {
				r := p.read(WithReadTimeout(time.Millisecond))
				w := p.write(WithWriteTimeout(time.Millisecond))
				run := &stepper{r: r, w: w}
				for i, s := range steps {
					err := run.do(t, s)
					if s.err != nil {
						requireError(t, err, s.err)
					} else {
						require.NoError(t, err, "step %d: %s %d", i, s.op, s.arg)
					}
					require.Equal(t, s.want, r.buffer.counters(), "step %d: %s %d", i, s.op, s.arg)
				}
			})
		})
	}
}

// stepper does steps.
type stepper struct {
	r      *Reader
	w      *Writer
	frames []ReceivedFrame
	buffer FrameBuffer
}

func (s *stepper) do(t *testing.T, next step) (err error) {
	switch next.op {
	case "write":
		_, err = s.w.WriteFrame(t.Context(), frameOf(s.w.ring.Last()+1, next.arg))
	case "read":
		var f ReceivedFrame
		if f, err = s.r.ReadFrame(t.Context()); err == nil {
			require.Equal(t, frameOf(f.Sequence(), f.Size()), f.Data())
			s.frames = append(s.frames, f)
		}
	case "release":
		s.frames[next.arg].Release()
	case "acquire":
		if s.buffer, err = s.w.AcquireFrameBuffer(t.Context(), next.arg); err == nil {
			copy(s.buffer.Data(), frameOf(s.w.ring.Last()+1, next.arg))
		}
	case "commit":
		_, err = s.buffer.Commit()
	case "abort":
		s.buffer.Abort()
	default:
		require.FailNow(t, "no such step", next.op)
	}
	return err
}

// image is a segment's bytes in hexadecimal, pids replaced: they change from run to run.
func image(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(wire.ObjectPath(name))
	require.NoError(t, err)
	for i := range 16 {
		content[0x50+i] = 0
	}
	return hex.EncodeToString(content)
}

func zeros(n int) string { return strings.Repeat("00", n) }

// TestEveryByteOfABuffer writes out what other implementations find in the file.
func TestEveryByteOfABuffer(t *testing.T) {
	p := newObject(t, 100, 1000) // rounded to 128 and 1024
	r := p.read()
	require.EqualValues(t, os.Getpid(), r.buffer.Oieb.ReaderPid.Load())
	const (
		identity = "80000000" + "01000000"
		metadata = "8000000000000000"
		payload  = "0004000000000000"
	)
	fresh := identity + metadata + metadata + zeros(8) + payload + payload + zeros(0x80-0x30)
	require.Equal(t, fresh+zeros(128)+zeros(1024), image(t, p.name))

	w := p.write()
	require.EqualValues(t, os.Getpid(), w.buffer.Oieb.WriterPid.Load())
	require.Equal(t, fresh+zeros(128)+zeros(1024), image(t, p.name), "but for the pid attaching changes nothing")
	require.NoError(t, w.SetMetadata([]byte("abc")))
	send(t, w, 2, 3)
	receive(t, r, 1, 2).Release()
	want := identity + metadata +
		"7500000000000000" + "0b00000000000000" + payload + // metadata: 117 free, 11 written
		"ed03000000000000" + // 1005 free: 1024 less 19
		"2500000000000000" + "1200000000000000" + "0200000000000000" + "0100000000000000" + zeros(16) + zeros(32) +
		"0300000000000000" + "616263" + zeros(128-11) +
		"0200000000000000" + "0100000000000000" + "0102" +
		"0300000000000000" + "0200000000000000" + "020304" + zeros(1024-18-19)
	require.Equal(t, want, image(t, p.name))
	require.NoError(t, w.Close())
	require.Zero(t, r.buffer.Oieb.WriterPid.Load())
	require.Equal(t, want, image(t, p.name), "nor does leaving")
}
