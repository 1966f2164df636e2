package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	zeroduplex "github.com/zeroduplex/zeroduplex/go"
)

type client struct {
	v1      writer
	mu      sync.Mutex
	channel zeroduplex.DuplexClient
	buffers map[string]*zeroduplex.RequestBuffer
	held    map[string]zeroduplex.Response
}

func newClient() *client {
	c := &client{}
	c.forget()
	return c
}

func (c *client) operations() map[string]operation {
	all := map[string]operation{
		agentproto.OpConnect:     op(c.connect),
		agentproto.OpSend:        op(c.send),
		agentproto.OpCall:        op(c.call),
		agentproto.OpAcquire:     op(c.acquire),
		agentproto.OpFill:        op(c.fill),
		agentproto.OpCommit:      op(c.commit),
		agentproto.OpAbort:       op(c.abort),
		agentproto.OpReceive:     op(c.receive),
		agentproto.OpRead:        op(c.read),
		agentproto.OpRelease:     op(c.release),
		agentproto.OpCancel:      op(c.cancel),
		agentproto.OpConnected:   op(c.connected),
		agentproto.OpExchange:    op(c.exchange),
		agentproto.OpSetMetadata: op(c.setMetadata),
		agentproto.OpGetMetadata: op(c.getMetadata),
		agentproto.OpClose:       op(c.close),
		agentproto.OpConnectWriter: op(func(a agentproto.ConnectWriterArgs) (empty, error) {
			c.reset()
			return c.v1.connect(a)
		}),
	}
	maps.Copy(all, c.v1.operations())
	return all
}

var errNoClient = errors.New("there is no client")

func (c *client) get() (zeroduplex.DuplexClient, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.channel == nil {
		return nil, errNoClient
	}
	return c.channel, nil
}

// find looks something up by its name.
func find[T any](c *client, things map[string]T, name string) (T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return kept(things, name)
}

func (c *client) forget() {
	c.channel, c.buffers, c.held = nil, map[string]*zeroduplex.RequestBuffer{}, map[string]zeroduplex.Response{}
}

func (c *client) reset() {
	c.v1.reset()
	c.mu.Lock()
	channel, buffers, held := c.channel, c.buffers, c.held
	c.forget()
	c.mu.Unlock()
	for _, b := range buffers {
		b.Abort()
	}
	for _, r := range held {
		r.Release()
	}
	if channel != nil {
		_ = channel.Close() // what is left over is the runner's to find
	}
}

func (c *client) connect(a agentproto.ConnectArgs) (empty, error) {
	c.reset()
	var options []zeroduplex.ClientOption
	options = given(options, a.ConnectTimeoutMs, func(n uint64) zeroduplex.ClientOption { return zeroduplex.WithConnectTimeout(milliseconds(n)) })
	options = given(options, a.CallTimeoutMs, func(n uint64) zeroduplex.ClientOption { return zeroduplex.WithCallTimeout(milliseconds(n)) })
	options = given(options, a.SendTimeoutMs, func(n uint64) zeroduplex.ClientOption { return zeroduplex.WithSendTimeout(milliseconds(n)) })
	wait, err := waiting(a.Wait)
	if err != nil {
		return empty{}, err
	}
	options = given(options, wait, func(w zeroduplex.WaitStrategy) zeroduplex.ClientOption { return zeroduplex.WithWait(w) })
	switch value(a.Lap) {
	case "", "eager":
	case "needed":
		options = append(options, zeroduplex.WithLap(zeroduplex.LapNeeded))
	default:
		return empty{}, fmt.Errorf("unknown lap %q", *a.Lap)
	}
	if value(a.AllowOtherUsers) {
		options = append(options, zeroduplex.AllowOtherUsers())
	}
	if a.ResponseMetadataSize != nil || a.ResponsePayloadSize != nil {
		responses := sized(zeroduplex.DefaultV1BufferConfig(), a.ResponseMetadataSize, a.ResponsePayloadSize)
		options = append(options, zeroduplex.WithResponseConfig(responses))
	}
	channel, err := zeroduplex.DefaultFactory().CreateClient(context.Background(), a.Name, options...)
	if err != nil {
		return empty{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.channel = channel
	return empty{}, nil
}

// within makes the context of a call; without a timeout the SDK's default counts.
func within(timeout *uint64) (context.Context, context.CancelFunc) {
	if timeout == nil {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), milliseconds(*timeout))
}

func request(size, seed uint64, opcode, capacity *uint64) (zeroduplex.Request, error) {
	if value(opcode) > math.MaxUint32 {
		return zeroduplex.Request{}, fmt.Errorf("opcode %d is above 32 bits", *opcode)
	}
	return zeroduplex.Request{Data: pattern(size, seed), Opcode: uint32(value(opcode)), Capacity: int(value(capacity))}, nil
}

func (c *client) send(a agentproto.SendArgs) (agentproto.SentReport, error) {
	channel, err := c.get()
	if err != nil {
		return agentproto.SentReport{}, err
	}
	r, err := request(a.Size, a.Seed, a.Opcode, a.Capacity)
	if err != nil {
		return agentproto.SentReport{}, err
	}
	r.OneWay = value(a.OneWay)
	ctx, done := within(a.TimeoutMs)
	defer done()
	sequence, err := channel.Send(ctx, r)
	return agentproto.SentReport{Sequence: sequence}, err
}

func (c *client) call(a agentproto.CallArgs) (agentproto.FrameReport, error) {
	channel, err := c.get()
	if err != nil {
		return agentproto.FrameReport{}, err
	}
	r, err := request(a.Size, a.Seed, a.Opcode, a.Capacity)
	if err != nil {
		return agentproto.FrameReport{}, err
	}
	ctx, done := within(a.TimeoutMs)
	defer done()
	response, err := channel.CallRequest(ctx, r)
	if err != nil {
		return agentproto.FrameReport{}, err
	}
	defer response.Release()
	return seen(response), nil
}

func seen(r zeroduplex.Response) agentproto.FrameReport {
	f := report(r.Data(), r.Sequence(), r.Opcode())
	f.Status = int64(r.Status())
	return f
}

func (c *client) acquire(a agentproto.AcquireArgs) (agentproto.BufferReport, error) {
	channel, err := c.get()
	if err != nil {
		return agentproto.BufferReport{}, err
	}
	ctx, done := within(a.TimeoutMs)
	defer done()
	buffer, err := channel.AcquireRequestBuffer(ctx, int(a.Size), int(value(a.Capacity)))
	if err != nil {
		return agentproto.BufferReport{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.buffers[a.Buffer] = &buffer
	return agentproto.BufferReport{Size: uint64(len(buffer.Data()))}, nil
}

func (c *client) fill(a agentproto.FillArgs) (empty, error) {
	if frame, err := c.v1.find(a.Buffer); err == nil {
		fill(frame.Data(), a.Seed)
		return empty{}, nil
	}
	buffer, err := find(c, c.buffers, a.Buffer)
	if err == nil {
		fill(buffer.Data(), a.Seed)
	}
	return empty{}, err
}

func (c *client) commit(a agentproto.CommitArgs) (agentproto.SentReport, error) {
	buffer, err := find(c, c.buffers, a.Buffer)
	if err != nil {
		return agentproto.SentReport{}, err
	}
	buffer.SetOpcode(uint32(value(a.Opcode)))
	if value(a.OneWay) {
		buffer.SetOneWay()
	}
	sequence, err := buffer.Commit()
	return agentproto.SentReport{Sequence: sequence}, err
}

func (c *client) abort(a agentproto.AbortArgs) (empty, error) {
	if frame, err := c.v1.find(a.Buffer); err == nil {
		frame.Abort()
		return empty{}, nil
	}
	buffer, err := find(c, c.buffers, a.Buffer)
	if err == nil {
		buffer.Abort()
	}
	return empty{}, err
}

func (c *client) receive(a agentproto.ReceiveArgs) (agentproto.FrameReport, error) {
	channel, err := c.get()
	if err != nil {
		return agentproto.FrameReport{}, err
	}
	ctx, done := within(a.TimeoutMs)
	defer done()
	var response zeroduplex.Response
	if a.Sequence == nil {
		response, err = channel.ReceiveResponse(ctx)
	} else {
		response, err = channel.ReceiveResponseFor(ctx, *a.Sequence)
	}
	if err != nil {
		return agentproto.FrameReport{}, err
	}
	if a.Hold == nil {
		defer response.Release()
	} else {
		c.mu.Lock()
		c.held[*a.Hold] = response
		c.mu.Unlock()
	}
	return seen(response), nil
}

func (c *client) read(a agentproto.ReadArgs) (agentproto.FrameReport, error) {
	response, err := find(c, c.held, a.Hold)
	if err != nil {
		return agentproto.FrameReport{}, err
	}
	return seen(response), nil
}

func (c *client) release(a agentproto.ReleaseArgs) (empty, error) {
	response, err := find(c, c.held, a.Hold)
	if err == nil {
		response.Release()
	}
	return empty{}, err
}

func (c *client) cancel(a agentproto.CancelArgs) (agentproto.CancelReport, error) {
	channel, err := c.get()
	if err != nil {
		return agentproto.CancelReport{}, err
	}
	cancelled, err := channel.Cancel(a.Sequence)
	return agentproto.CancelReport{Cancelled: cancelled}, err
}

func (c *client) connected(agentproto.ConnectedArgs) (agentproto.ConnectionReport, error) {
	channel, err := c.get()
	if err != nil {
		return agentproto.ConnectionReport{}, err
	}
	return agentproto.ConnectionReport{Connected: channel.IsServerConnected()}, nil
}

// exchangeSize is the size of the request with that number, from 0.
func exchangeSize(a agentproto.ExchangeArgs, k uint64) uint64 {
	return (a.FirstSize + k*a.SizeStep) % a.SizeModulo
}

func (c *client) exchange(a agentproto.ExchangeArgs) (agentproto.ExchangeReport, error) {
	var done agentproto.ExchangeReport
	channel, err := c.get()
	if err != nil {
		return done, err
	}
	ctx := context.Background()
	var inFlight []uint64
	for sent := uint64(0); done.Count < a.Count; {
		if sent < a.Count && uint64(len(inFlight)) < a.Window {
			sequence, err := c.publish(ctx, channel, exchangeSize(a, sent), a.Seed+sent, value(a.Acquire))
			if err != nil {
				return done, err
			}
			inFlight = append(inFlight, sequence)
			sent++
			continue
		}
		response, err := channel.ReceiveResponseFor(ctx, inFlight[0])
		if err != nil {
			return done, err
		}
		if value(a.Verify) {
			err = inverted(response.Data(), exchangeSize(a, done.Count), a.Seed+done.Count)
		}
		counted(&done, response.Data(), response.Sequence())
		response.Release()
		inFlight = inFlight[1:]
		if err != nil {
			return done, fmt.Errorf("response %d: %w", done.LastSequence, err)
		}
	}
	return done, nil
}

func (c *client) publish(ctx context.Context, channel zeroduplex.DuplexClient, size, seed uint64, acquire bool) (uint64, error) {
	if !acquire {
		return channel.SendRequest(ctx, pattern(size, seed))
	}
	buffer, err := channel.AcquireRequestBuffer(ctx, int(size), 0)
	if err != nil {
		return 0, err
	}
	fill(buffer.Data(), seed)
	return buffer.Commit()
}

func (c *client) setMetadata(a agentproto.SetMetadataArgs) (empty, error) {
	if w := c.v1.get(); w != nil {
		return empty{}, w.SetMetadata(pattern(a.Size, a.Seed))
	}
	channel, err := c.get()
	if err != nil {
		return empty{}, err
	}
	return empty{}, channel.SetMetadata(pattern(a.Size, a.Seed))
}

func (c *client) getMetadata(agentproto.GetMetadataArgs) (agentproto.ContentReport, error) {
	channel, err := c.get()
	if err != nil {
		return agentproto.ContentReport{}, err
	}
	data, err := channel.ServerMetadata()
	return content(data), err
}

func (c *client) close(agentproto.CloseArgs) (empty, error) {
	if w := c.v1.get(); w != nil {
		return empty{}, w.Close()
	}
	channel, err := c.get()
	if err != nil {
		return empty{}, err
	}
	return empty{}, channel.Close()
}
