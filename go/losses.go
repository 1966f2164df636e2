package zeroduplex

import "fmt"

// losses are the requests that will never be answered, added in their order.
type losses struct {
	n           int
	first, last uint64
}

func (l *losses) add(sequence uint64) {
	if l.n == 0 {
		l.first = sequence
	}
	l.last = sequence
	l.n++
}

// String says it in words.
func (l *losses) String() string {
	switch l.n {
	case 0:
		return "no request is lost"
	case 1:
		return fmt.Sprintf("request %d is lost", l.first)
	default:
		return fmt.Sprintf("%d requests from %d to %d are lost", l.n, l.first, l.last)
	}
}
