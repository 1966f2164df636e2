package ring

import (
	"encoding/binary"
	"errors"
	"testing"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// inside reports whether data lies in the payload.
func inside(m Memory, data []byte) bool {
	start := uintptr(unsafe.Pointer(unsafe.SliceData(m.Payload)))
	at := uintptr(unsafe.Pointer(unsafe.SliceData(data)))
	return cap(data) == 0 || at >= start && at+uintptr(cap(data)) <= start+uintptr(len(m.Payload))
}

// FuzzServerCursor lets the server walk over a payload and counters of the fuzzer's making: it finds frames inside the payload or
// says ErrCorrupted.
func FuzzServerCursor(f *testing.F) {
	good := func(payload uint64, laps bool) []byte {
		m := newMemory(f, payload)
		c, s := NewClient(m, laps), NewServer(m)
		roundTrip(f, c, s, 64, 0)
		send(f, c, 10, 0, false)
		send(f, c, 0, 0, true)
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(append([]byte{byte(payload/64 - 2)}, m.Payload...),
			m.Request.PayloadWrittenBytes.Load()), m.Request.PayloadWrittenCount.Load())
	}
	f.Add(good(512, true))
	f.Add(good(1024, false))
	f.Add([]byte{0})
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) == 0 {
			return
		}
		payload := (2 + uint64(input[0]%63)) * wire.BlockAlignment
		input = input[1:]
		m := newMemory(t, payload)
		input = input[copy(m.Payload, input):]
		s := NewServer(m)
		// What is left is a script: counters to store, and how to treat what is found.
		for step := 0; step < 64; step++ {
			if len(input) >= 16 {
				m.Request.PayloadWrittenBytes.Store(binary.LittleEndian.Uint64(input))
				m.Request.PayloadWrittenCount.Store(binary.LittleEndian.Uint64(input[8:]))
				input = input[16:]
			}
			var c Claimed
			ok, err := s.Next(&c)
			if err != nil {
				if ok || !errors.Is(err, ErrCorrupted) {
					t.Fatalf("%v, %v", ok, err)
				}
				return
			}
			if !ok {
				if len(input) < 16 {
					return
				}
				continue
			}
			if !inside(m, c.Data) || c.Size > c.Capacity || uint64(cap(c.Data)) != c.Capacity || c.Sequence != s.Passed()+1 {
				t.Fatalf("frame %+v is not inside the payload", c)
			}
			switch {
			case c.Cancelled:
				s.Skip(&c)
			case step%5 == 4:
				s.Pass(&c)
			case !s.Take(&c):
				t.Fatal("nobody else cancels here")
			case c.OneWay:
				c.Finish()
			default:
				clear(c.Data[:c.Capacity])
				c.Answer(c.Capacity, 0, false)
				s.Count(c.Capacity)
			}
		}
	})
}

// FuzzClientReads lets a server of the fuzzer's making change headers and counters under a client: it reads inside what it claimed or says
// ErrCorrupted, and its own accounting never breaks.
func FuzzClientReads(f *testing.F) {
	f.Add([]byte{3, 0, 0, 0, 1, 0x18, 3, 2, 0, 3, 1})
	f.Add([]byte{0, 0, 10, 5, 2, 0, 0x18, 5, 3, 0, 4, 0})
	f.Add([]byte{6, 0, 64, 0, 0, 64, 2, 0, 0x18, 3, 2, 0, 0, 200, 3, 0, 0, 30})
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) == 0 {
			return
		}
		payload := (2 + uint64(input[0]%63)) * wire.BlockAlignment
		m := newMemory(t, payload)
		c := NewClient(m, input[0]&64 != 0)
		input = input[1:]
		next := func() byte {
			if len(input) == 0 {
				return 0
			}
			b := input[0]
			input = input[1:]
			return b
		}
		corrupted := func(err error) bool {
			if err != nil && !errors.Is(err, ErrCorrupted) {
				t.Fatal(err)
			}
			return err != nil
		}
		for len(input) > 0 {
			var frame *Frame
			operation := next()
			if n := c.InFlight(); n > 0 {
				frame = c.At(int(operation>>4) % n)
			}
			switch operation % 8 {
			case 0, 1:
				if _, err := c.Reclaim(); corrupted(err) {
					return
				}
				size := uint64(next()) * payload / 256
				data, err := c.Reserve(size, 0)
				if err != nil {
					if !errors.Is(err, ErrNoRoom) && !errors.Is(err, ErrTooLarge) {
						t.Fatal(err)
					}
					continue
				}
				if !inside(m, data) || uint64(len(data)) != size {
					t.Fatal("a claim outside of the payload")
				}
				c.Publish(size, 0, operation%8 == 1)
			case 2, 3: // the server writes anywhere in the payload
				at := (uint64(next())<<8 | uint64(next())) % payload
				m.Payload[at] = next()
			case 4: // or its counters
				m.Request.PayloadReadCount.Store(uint64(next()))
			case 5:
				if frame == nil || !frame.Answered() || frame.Released() {
					continue
				}
				r, err := frame.Read()
				if corrupted(err) {
					return
				}
				if data := frame.Data(r.Size); !inside(m, data) || uint64(cap(data)) > frame.Capacity {
					t.Fatal("a response outside of its frame")
				}
				c.Release(frame)
			case 6:
				if frame != nil && !frame.Released() && !frame.Cancelled {
					c.Cancel(frame)
				}
			case 7:
				if frame != nil && !frame.Released() && !frame.Cancelled && !frame.Abandoned {
					c.Abandon(frame)
				}
			}
			if c.Free() > payload {
				t.Fatalf("%d bytes free of %d", c.Free(), payload)
			}
		}
	})
}
