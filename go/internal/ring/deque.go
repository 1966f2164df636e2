package ring

// deque is a growing circular list. The frames of a ring come and go in order, thousands of them at once with small frames.
type deque struct {
	items []*Frame // a power of two long
	first int
	count int
}

func (d *deque) len() int { return d.count }

func (d *deque) at(i int) *Frame { return d.items[(d.first+i)&(len(d.items)-1)] }

func (d *deque) push(f *Frame) {
	if d.count == len(d.items) {
		grown := make([]*Frame, max(16, 2*len(d.items)))
		for i := range d.count {
			grown[i] = d.at(i)
		}
		d.items, d.first = grown, 0
	}
	d.items[(d.first+d.count)&(len(d.items)-1)] = f
	d.count++
}

func (d *deque) pop() {
	d.items[d.first] = nil
	d.first = (d.first + 1) & (len(d.items) - 1)
	d.count--
}
