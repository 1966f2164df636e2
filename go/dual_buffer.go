package zeroduplex

import "github.com/zeroduplex/zeroduplex/go/internal/wire"

// A v1 duplex channel is two buffers: the server reads the one, its client the other.
const (
	requestSuffix  = "_request"
	responseSuffix = "_response"
)

// longestDualBufferName is what the suffixes leave of a name, in bytes.
const longestDualBufferName = wire.NameMaximum - len(responseSuffix)

// bell wakes all goroutines of the process that wait for something to change. Its methods are called with the lock of its owner held.
type bell struct {
	heard chan struct{}
}

// hear returns what the next ring closes.
func (b *bell) hear() <-chan struct{} {
	if b.heard == nil {
		b.heard = make(chan struct{})
	}
	return b.heard
}

func (b *bell) ring() {
	if b.heard != nil {
		close(b.heard)
		b.heard = nil
	}
}
