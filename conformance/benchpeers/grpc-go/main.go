// Peer grpc-go: unary calls over a Unix socket. Requests and responses are bare bytes by a codec of gRPC's second kind, which hands
// buffers over without copying them; with protocol buffers each would be copied once more on either side.
package main

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/mem"

	"github.com/zeroduplex/zeroduplex/conformance/benchpeers/internal/bench"
)

const (
	method = "/zeroduplex.bench/Exchange"
	// window is how much may be on its way unacknowledged, the same for a call and for the connection: all frames of every measurement.
	window = 1<<31 - 1
	// ioBuffer is gRPC's buffer for reading and writing the socket; its default of 32 KiB costs large frames more system calls.
	ioBuffer = 1 << 20
	// callTimeout is for a call during which the server was lost.
	callTimeout = 30 * time.Second
)

func main() {
	bench.Main(bench.Peer{
		Unsupported: func(o bench.Options) string {
			if o.Spin() {
				return "gRPC has no busy wait"
			}
			return ""
		},
		Listen:  listen,
		Connect: connect,
	})
}

// address is in the abstract namespace, so that nothing is left behind.
func address(name string) string { return "@zeroduplex-bench-" + name }

// message is the bytes of a request or a response.
type message struct{ data *[]byte }

// pool is gRPC's pool of the program's frames. gRPC's own clears a buffer of more than 1 MiB whenever it hands it out.
type pool struct {
	size int
	free chan *[]byte
}

func newPool(o bench.Options) *pool {
	return &pool{size: o.Size, free: make(chan *[]byte, 4*o.Inflight)}
}

// Get gives memory of unknown content.
func (p *pool) Get(length int) *[]byte {
	select {
	case data := <-p.free:
		if cap(*data) >= length {
			*data = (*data)[:length]
			return data
		}
	default:
	}
	data := make([]byte, length, max(length, p.size))
	return &data
}

// Put takes memory back, of which it keeps what the frames on their way need.
func (p *pool) Put(data *[]byte) {
	select {
	case p.free <- data:
	default:
	}
}

// codec hands messages to gRPC, which gives their memory back to the pool once it was sent.
type codec struct{ *pool }

func (codec) Name() string { return "bytes" }

func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.NewBuffer(v.(*message).data, c.pool)}, nil
}

// Unmarshal copies what arrived in pieces of the transport's size into one; gRPC has no way around it for a message in one piece.
func (c codec) Unmarshal(parts mem.BufferSlice, v any) error {
	data := c.Get(parts.Len())
	parts.CopyTo(*data)
	v.(*message).data = data
	return nil
}

// useOneCPU tells Go's scheduler of the one CPU that the process is bound to; with goroutines on more threads each hand-over costs more.
func useOneCPU(o bench.Options) {
	if o.CPU >= 0 {
		runtime.GOMAXPROCS(1)
	}
}

func listen(o bench.Options) (<-chan error, error) {
	useOneCPU(o)
	listener, err := net.Listen("unix", address(o.Name))
	if err != nil {
		return nil, err
	}
	// One frame on its way is handled at a time; several share the handler by turns.
	handlers := make(chan *bench.Handler, 1)
	handlers <- bench.NewHandler(o)
	server := grpc.NewServer(grpc.ForceServerCodecV2(codec{newPool(o)}), grpc.MaxRecvMsgSize(window), grpc.MaxSendMsgSize(window),
		grpc.InitialWindowSize(window), grpc.InitialConnWindowSize(window), grpc.ReadBufferSize(ioBuffer), grpc.WriteBufferSize(ioBuffer),
		grpc.NumStreamWorkers(uint32(o.Inflight)))
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "zeroduplex.bench", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{
		MethodName: "Exchange",
		Handler: func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var m message
			if err := decode(&m); err != nil {
				return nil, err
			}
			handler := <-handlers
			handler.Handle(*m.data)
			handlers <- handler
			return &m, nil
		},
	}}}, nil)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	return ended, nil
}

// client makes calls: one by itself, several by as many workers.
type client struct {
	*bench.Filler
	*pool
	connection *grpc.ClientConn
	workers    []worker // none with one frame on its way
	response   message
}

// worker makes one call at a time.
type worker struct {
	requests  chan message
	responses chan response
}

type response struct {
	message
	err error
}

func connect(o bench.Options) (bench.Client, error) {
	useOneCPU(o)
	frames := newPool(o)
	connection, err := grpc.NewClient("unix-abstract:"+address(o.Name)[1:], grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{frames}), grpc.MaxCallRecvMsgSize(window), grpc.MaxCallSendMsgSize(window)),
		grpc.WithInitialWindowSize(window), grpc.WithInitialConnWindowSize(window),
		grpc.WithReadBufferSize(ioBuffer), grpc.WithWriteBufferSize(ioBuffer))
	if err != nil {
		return nil, err
	}
	c := &client{Filler: bench.NewFiller(o), pool: frames, connection: connection}
	if o.Inflight > 1 {
		for range o.Inflight {
			w := worker{requests: make(chan message), responses: make(chan response, 1)}
			c.workers = append(c.workers, w)
			go func() {
				for request := range w.requests {
					answer, err := c.call(request)
					w.responses <- response{answer, err}
				}
			}()
		}
	}
	return c, nil
}

func (c *client) call(request message) (answer message, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	err = c.connection.Invoke(ctx, method, &request, &answer)
	return answer, err
}

func (c *client) worker(n uint64) worker { return c.workers[n%uint64(len(c.workers))] }

// Send fills memory of the pool, to which gRPC gives it back when the frame was sent.
func (c *client) Send(n uint64) (err error) {
	request := message{data: c.Get(c.size)}
	c.Fill(*request.data, n)
	if c.workers != nil {
		c.worker(n).requests <- request
		return nil
	}
	c.response, err = c.call(request)
	return err
}

func (c *client) Receive(n uint64) error {
	if c.workers != nil {
		r := <-c.worker(n).responses
		if r.err != nil {
			return fmt.Errorf("frame %d: %w", n, r.err)
		}
		c.response = r.message
	}
	err := c.Check(*c.response.data, n)
	c.Put(c.response.data)
	return err
}

func (c *client) Close() error {
	for _, w := range c.workers {
		close(w.requests)
	}
	return c.connection.Close()
}
