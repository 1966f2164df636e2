package segment

import (
	"sync/atomic"
	"unsafe"
)

// Flip stores one value and the other in a field, in turn, times times. Whoever looks at the field twice meanwhile may see both.
func (p *Peer) Flip(path string, position, one, other, times uint64) error {
	offset, width, err := p.mem.place(path, position)
	if err != nil {
		return err
	}
	word := unsafe.Pointer(&p.mem[offset])
	for range times {
		if width == 4 {
			atomic.StoreUint32((*uint32)(word), uint32(one))
			atomic.StoreUint32((*uint32)(word), uint32(other))
		} else {
			atomic.StoreUint64((*uint64)(word), one)
			atomic.StoreUint64((*uint64)(word), other)
		}
	}
	return nil
}
