// Package ordered has the memory operations that Go's sync/atomic lacks: stores that are only release or less, and the full fence that the
// protocol's posting rule names.
//
// Go's atomic stores are sequentially consistent, on amd64 an exchange that waits until every earlier store has reached the cache.
// A round trip makes a dozen stores of which four need that: those behind which the posting rule wants its fence, and it is their fence, too.
// Where this package has no assembly, and under the race detector, which does not see assembly, the stores are Go's and the fence is
// part of them.
package ordered
