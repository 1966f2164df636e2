// Package zeroduplex is shared-memory request/response where the server changes the request where it stands and the client reads
// the answer at the same place. It also speaks ZeroBuffer v1, see below.
//
// A channel is one shared-memory segment with one server, which creates it, and one client at a time:
//
//	OIEB_Request | OIEB_Response | Metadata_Req | Metadata_Resp | Payload: a ring of frames, header and data
//
// The server:
//
//	server, err := zeroduplex.DefaultFactory().CreateInPlaceDuplexServer("invert", zeroduplex.DefaultBufferConfig())
//	err = server.Start(ctx, func(f zeroduplex.Frame) error {
//		for i, b := range f.Data() {
//			f.Data()[i] = ^b
//		}
//		return nil
//	})
//
// The client:
//
//	client, err := zeroduplex.DefaultFactory().CreateClient(ctx, "invert")
//	buffer, err := client.AcquireRequestBuffer(ctx, size, 0) // fill buffer.Data() in place
//	sequence, err := buffer.Commit()
//	response, err := client.ReceiveResponseFor(ctx, sequence)
//	defer response.Release()
//
// # ZeroBuffer v1
//
// The package also speaks the older protocol of published ZeroBuffer libraries, one stream of frames from a Writer to a Reader:
//
//	reader, err := zeroduplex.NewReader("frames", zeroduplex.DefaultV1BufferConfig()) // creates and owns the buffer
//	writer, err := zeroduplex.NewWriter(ctx, "frames")
//	sequence, err := writer.WriteFrame(ctx, data) // or AcquireFrameBuffer, to fill the frame in place
//	frame, err := reader.ReadFrame(ctx)
//	defer frame.Release()
//
// and its duplex channel of two such buffers: CreateImmutableServer makes an ImmutableDuplexServer, which takes the handler of an in-place
// server as well as one of two arguments (StartImmutable). CreateClient recognises by whose server lives which protocol a name speaks, v2
// first; the client of v1 is DualBufferDuplexChannel, with what v1 cannot do in its documentation. Frames of at most half the payload, less
// a few bytes, can be written at any position of the ring; a larger one may fail with ErrFrameUnplaceable.
//
// # Pages
//
// Whoever maps a large ring pays for its page faults on the first lap. WithPrefault pays them at the creation and at the connection,
// WithHugePages asks for fewer of them, and MemoryReport says what became of either.
//
// # Ownership
//
// Frame, RequestBuffer, Response, ReceivedFrame, FrameBuffer and the arguments of an ImmutableHandler lend bytes of shared memory. Their
// slices end with the handler's return, with Commit or Abort, and with Release; the methods then fail with ErrFrameReleased, but a slice
// kept beyond that reads what the other side writes next. That is the one trap.
//
// Clients and servers of all languages work together; what they agree on is spec/PROTOCOL.md. Everything is safe for concurrent use
// unless its documentation says otherwise. The package runs on 64-bit Linux, elsewhere it compiles and answers ErrUnsupportedPlatform.
package zeroduplex
