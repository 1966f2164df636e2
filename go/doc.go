// Package zeroduplex is shared-memory request/response where the server changes the request where it stands and the client reads
// the answer at the same place.
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
// Ownership: Frame, RequestBuffer and Response lend bytes of shared memory. Their slices end with the handler's return, with
// Commit or Abort, and with Release; the methods then fail with ErrFrameReleased, but a slice kept beyond that reads what the
// other side writes next. That is the one trap.
//
// Clients and servers of all languages work together; what they agree on is spec/PROTOCOL.md. Everything is safe for concurrent use
// unless its documentation says otherwise. The package runs on 64-bit Linux, elsewhere it compiles and answers ErrUnsupportedPlatform.
package zeroduplex
