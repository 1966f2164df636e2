package chaos

import (
	"errors"
	"fmt"
	"time"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/witness"
)

// Limits are how long things may take.
type Limits struct {
	// Allowance is added to detection and recovery for a machine on which processes wait for a processor. The report states it.
	Allowance time.Duration
	// Patience is how long an operation may take that has no limit of its own; longer is a hang.
	Patience time.Duration
}

// DefaultLimits are those of a machine on which nothing else is measured.
var DefaultLimits = Limits{Allowance: 200 * time.Millisecond, Patience: 20 * time.Second}

// Detection is how long a death may go unnoticed: it may come right behind a look, the next is a slice later, and whoever sleeps then
// may sleep for a slice.
func (l Limits) Detection() time.Duration {
	return 2*witness.WaitSlice + 100*time.Millisecond + l.Allowance
}

// Recovery is how long a successor may take until its first answer, from the moment at which nothing but the death is in its way.
func (l Limits) Recovery() time.Duration { return time.Second + l.Allowance }

// agentError is what an agent said of an operation that failed.
type agentError struct{ op, name, message string }

func (e *agentError) Error() string {
	return fmt.Sprintf("%s failed with %s: %s", e.op, e.name, e.message)
}

// errHung means that an operation did not end.
var errHung = errors.New("hung")

// named tells whether an error is the SDK's of that name.
func named(err error, names ...string) bool {
	var failed *agentError
	if !errors.As(err, &failed) {
		return false
	}
	for _, name := range names {
		if failed.name == name {
			return true
		}
	}
	return false
}

// mustFail judges an operation that must have failed with one of these errors.
func mustFail(what string, err error, names ...string) error {
	switch {
	case named(err, names...):
		return nil
	case err == nil:
		return fmt.Errorf("%s went well, it should have failed with %v", what, names)
	default:
		return fmt.Errorf("%s should have failed with %v: %w", what, names, err)
	}
}

// within judges a duration.
func within(what string, took, limit time.Duration) error {
	if took <= limit {
		return nil
	}
	return fmt.Errorf("%s took %v, more than %v", what, took.Round(time.Millisecond), limit)
}

// attachment is what the runner knows of one attachment's sequence numbers.
type attachment struct {
	next uint64 // the sequence number of the next request, if all were counted
	seen map[uint64]bool
}

func newAttachment() *attachment { return &attachment{next: 1, seen: map[uint64]bool{}} }

// answered notes the answer to a call of many at the same time: each number comes once.
func (a *attachment) answered(sequence uint64) error {
	if sequence < a.next || a.seen[sequence] {
		return fmt.Errorf("sequence number %d was answered twice", sequence)
	}
	a.seen[sequence] = true
	return nil
}

// alone notes the answer to a call that nothing else ran beside. Requests that were not counted may have come before it.
func (a *attachment) alone(sequence uint64, exact bool) error {
	if exact && sequence != a.next {
		return fmt.Errorf("the call has sequence number %d, expected %d", sequence, a.next)
	}
	if err := a.answered(sequence); err != nil {
		return err
	}
	a.next = sequence + 1
	clear(a.seen)
	return nil
}

// exchanged notes a loop of round trips with nothing beside it: all its numbers, and no others.
func (a *attachment) exchanged(report agentproto.ExchangeReport, count uint64) error {
	last := a.next + count - 1
	if report.Count != count || report.FirstSequence != a.next || report.LastSequence != last {
		return fmt.Errorf("%d answers for sequence numbers %d to %d, expected %d for %d to %d",
			report.Count, report.FirstSequence, report.LastSequence, count, a.next, last)
	}
	a.next = last + 1
	return nil
}

// handledTwice judges what one handler after the other was given. Numbers grow, and begin again with the next attachment.
func handledTwice(frames []agentproto.FrameReport) error {
	for i := 1; i < len(frames); i++ {
		before, now := frames[i-1].Sequence, frames[i].Sequence
		if now <= before && now != 1 {
			return fmt.Errorf("the server handled sequence number %d after %d", now, before)
		}
	}
	return nil
}
