package stress

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

const clientUsage = `usage: zeroduplex stress-client --name N [--count C] [--inflight M] [--min A] [--max B] [--seed S] [--wait spin|hybrid|block]
       [--delay-max US] [--grow-max G] [--fail-every F] [--one-way-every O] [--reconnects R] [--idle MS]
       [--connect-timeout MS]

Sends frames of random sizes from one thread, receives in another and checks every byte.`

// ClientResult is the last line that a client prints.
type ClientResult struct {
	RoundTrips  uint64 `json:"round_trips"`
	Failed      uint64 `json:"failed"`
	OneWay      uint64 `json:"one_way"`
	OutOfOrder  uint64 `json:"out_of_order"` // responses with a lower sequence number than one that came before
	Attachments int    `json:"attachments"`
	Errors      int    `json:"errors"` // always 0: a client with an error prints no result
}

type clientOptions struct {
	name                  string
	count                 uint64
	inflight              int
	min, max              int
	seed                  uint64
	wait                  zeroduplex.WaitStrategy
	delayMax, growMax     int
	failEvery, onewayEach uint64
	reconnects            int
	idle, connectTimeout  time.Duration
}

// RunClient runs the client and returns its exit code.
func RunClient(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	set := flags.New("stress-client", clientUsage, stderr)
	var o clientOptions
	set.StringVar(&o.name, "name", "", "name of the channel")
	set.Uint64Var(&o.count, "count", 1000, "frames per attachment")
	set.IntVar(&o.inflight, "inflight", 1, "unanswered frames at the same time")
	set.IntVar(&o.min, "min", 64, "smallest frame in bytes")
	set.IntVar(&o.max, "max", 64, "largest frame in bytes")
	set.Uint64Var(&o.seed, "seed", 1, "seed of the random numbers")
	set.IntVar(&o.delayMax, "delay-max", 0, "longest delay of an answer in microseconds")
	set.IntVar(&o.growMax, "grow-max", 0, "most bytes of capacity beyond the request, which the response fills")
	set.Uint64Var(&o.failEvery, "fail-every", 0, "every so many frames ask for a failure")
	set.Uint64Var(&o.onewayEach, "one-way-every", 0, "every so many frames want no answer")
	set.IntVar(&o.reconnects, "reconnects", 1, "attachments, one after the other")
	idle := set.Int("idle", 0, "milliseconds to wait, at the end, for a response that never comes")
	connect := set.Int64("connect-timeout", wire.DefaultV2ConnectTimeout.Milliseconds(), "milliseconds that connecting may take; 0 tries once")
	waitName := set.String("wait", "hybrid", "spin, hybrid or block")
	if _, code, ok := set.Parse(args); !ok {
		return code
	}
	var err error
	o.idle = time.Duration(*idle) * time.Millisecond
	o.connectTimeout = time.Duration(*connect) * time.Millisecond
	if o.wait, err = zeroduplex.ParseWaitStrategy(*waitName); err == nil {
		err = o.check()
	}
	if err != nil {
		return set.Misuse(err)
	}
	total := ClientResult{}
	random := rand.New(rand.NewPCG(o.seed, 0))
	for total.Attachments < o.reconnects {
		last := total.Attachments == o.reconnects-1
		if err := o.attach(ctx, random, &total, last, stdout); err != nil {
			return set.Fail(fmt.Errorf("attachment %d: %w", total.Attachments+1, err))
		}
		total.Attachments++
	}
	return set.Finish(json.NewEncoder(stdout).Encode(total))
}

func (o clientOptions) check() error {
	switch {
	case o.inflight < 1 || o.reconnects < 1:
		return errors.New("--inflight and --reconnects must be at least 1")
	case o.min < 0 || o.max < o.min:
		return errors.New("--min must not be negative nor above --max")
	case o.delayMax < 0 || o.delayMax > delayMask || o.growMax < 0 || o.idle < 0 || o.connectTimeout < 0:
		return fmt.Errorf("--delay-max must be 0 to %d, --grow-max, --idle and --connect-timeout not negative", delayMask)
	}
	return nil
}

// expectation is what the sender knows of a frame on its way and the receiver checks.
type expectation struct {
	size   int
	failed bool
}

// attachment is one connection with its sender and its receiver.
type attachment struct {
	clientOptions
	client zeroduplex.DuplexClient
	random *rand.Rand
	window chan struct{} // one entry per frame on its way
	result *ClientResult

	mu       sync.Mutex
	expected map[uint64]expectation
}

func (o clientOptions) attach(ctx context.Context, random *rand.Rand, total *ClientResult, last bool, stdout io.Writer) (err error) {
	client, err := zeroduplex.DefaultFactory().CreateClient(ctx, o.name, zeroduplex.WithWait(o.wait), zeroduplex.WithConnectTimeout(o.connectTimeout))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	a := attachment{clientOptions: o, client: client, random: random, window: make(chan struct{}, o.inflight), result: total, expected: map[uint64]expectation{}}
	if err := a.exchange(ctx); err != nil {
		return err
	}
	if last && o.idle > 0 {
		fmt.Fprintln(stdout, "idle")
		return a.waitForNothing(ctx)
	}
	return nil
}

func (a *attachment) exchange(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	received := make(chan error, 1)
	go func() {
		err := a.receiveAll(ctx)
		if err != nil {
			cancel(err) // the sender must not wait for room that never comes
		}
		received <- err
	}()
	if err := a.sendAll(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil && ctx.Err() != nil {
			err = cause
		}
		cancel(err)
		<-received
		return err
	}
	return <-received
}

func (a *attachment) sendAll(ctx context.Context) error {
	for n := uint64(1); n <= a.count; n++ {
		if err := a.send(ctx, n); err != nil {
			return fmt.Errorf("sending frame %d: %w", n, err)
		}
	}
	return nil
}

func (a *attachment) fails(n uint64) bool { return a.failEvery > 0 && n%a.failEvery == 0 }

func (a *attachment) oneWay(n uint64) bool {
	return a.onewayEach > 0 && n%a.onewayEach == 0 && !a.fails(n)
}

func (a *attachment) send(ctx context.Context, n uint64) error {
	size := a.min + a.random.IntN(a.max-a.min+1)
	capacity, opcode := 0, uint32(0)
	expect := expectation{size: size, failed: a.fails(n)}
	if a.delayMax > 0 {
		opcode |= a.random.Uint32N(uint32(a.delayMax) + 1)
	}
	switch {
	case expect.failed:
		opcode |= opcodeFail
		capacity = max(size, 64) // room for the message
	case a.growMax > 0:
		opcode |= opcodeGrow
		capacity = size + a.random.IntN(a.growMax+1)
		expect.size = (max(size, capacity) + 63) &^ 63
	}
	oneWay := a.oneWay(n)
	if !oneWay {
		select {
		case a.window <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	buffer, err := a.client.AcquireRequestBuffer(ctx, size, capacity)
	if err != nil {
		return err
	}
	fill(buffer.Data(), n, 0, 0)
	buffer.SetOpcode(opcode)
	if oneWay {
		buffer.SetOneWay()
		a.result.OneWay++
	} else {
		a.mu.Lock()
		a.expected[n] = expect // before the commit: the answer may be faster than we are
		a.mu.Unlock()
	}
	sequence, err := buffer.Commit()
	if err == nil && sequence != n {
		err = fmt.Errorf("commit gave it the sequence number %d", sequence)
	}
	return err
}

func (a *attachment) receiveAll(ctx context.Context) error {
	answers := a.count
	if a.onewayEach > 0 || a.failEvery > 0 {
		answers = 0
		for n := uint64(1); n <= a.count; n++ {
			if !a.oneWay(n) {
				answers++
			}
		}
	}
	highest := uint64(0)
	for range answers {
		sequence, err := a.receive(ctx)
		if err != nil {
			return fmt.Errorf("receiving: %w", err)
		}
		if sequence < highest {
			a.result.OutOfOrder++
		}
		highest = max(highest, sequence)
		<-a.window
	}
	return nil
}

// receive takes the next answer, whichever it is, and checks it.
func (a *attachment) receive(ctx context.Context) (uint64, error) {
	response, err := a.client.ReceiveResponse(ctx)
	var failure *zeroduplex.HandlerError
	if errors.As(err, &failure) {
		return failure.Sequence, a.checkFailure(failure)
	}
	if err != nil {
		return 0, err
	}
	defer response.Release()
	n := response.Sequence()
	expect, err := a.takeExpectation(n)
	switch {
	case err != nil:
		return n, err
	case expect.failed:
		return n, fmt.Errorf("frame %d was answered, it should have failed", n)
	case response.Size() != expect.size:
		return n, fmt.Errorf("response %d has %d bytes, expected %d", n, response.Size(), expect.size)
	}
	if i := mismatch(response.Data(), n, answerMask); i >= 0 {
		return n, fmt.Errorf("byte %d of response %d is wrong", i, n)
	}
	a.result.RoundTrips++
	return n, nil
}

func (a *attachment) checkFailure(failure *zeroduplex.HandlerError) error {
	n := failure.Sequence
	expect, err := a.takeExpectation(n)
	switch {
	case err != nil:
		return err
	case !expect.failed:
		return fmt.Errorf("frame %d failed with status %d: %s", n, failure.Status, failure.Message)
	case failure.Status != statusAsked || failure.Message != fmt.Sprintf("stress failure %d", n):
		return fmt.Errorf("frame %d failed with status %d and message %q", n, failure.Status, failure.Message)
	}
	a.result.Failed++
	return nil
}

// takeExpectation finds what a frame's answer must be. Each may be asked for once: an answer that comes twice is an error.
func (a *attachment) takeExpectation(n uint64) (expectation, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	expect, ok := a.expected[n]
	if !ok {
		return expect, fmt.Errorf("answer to frame %d, which is not on its way", n)
	}
	delete(a.expected, n)
	return expect, nil
}

// waitForNothing waits for a response that nobody sends.
func (a *attachment) waitForNothing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.idle)
	defer cancel()
	response, err := a.client.ReceiveResponse(ctx)
	if errors.Is(err, zeroduplex.ErrTimeout) {
		return nil
	}
	if err != nil {
		return err
	}
	defer response.Release()
	return fmt.Errorf("response %d came, though nothing was asked", response.Sequence())
}
