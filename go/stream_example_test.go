//go:build linux

package zeroduplex_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	zeroduplex "github.com/zeroduplex/zeroduplex/go"
)

// A stream of frames in one direction. Reader and writer are one process here; usually they are two, perhaps of different languages.
func ExampleReader() {
	name := exampleName("stream")
	reader, err := zeroduplex.NewReader(name, zeroduplex.NewBufferConfig(4096, 1<<20))
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()

	ctx := context.Background()
	writer, err := zeroduplex.NewWriter(ctx, name)
	if err != nil {
		log.Fatal(err)
	}
	if err := writer.SetMetadata([]byte("three greetings")); err != nil {
		log.Fatal(err)
	}
	for _, greeting := range []string{"hello", "salut", "ahoj"} {
		if _, err := writer.WriteFrame(ctx, []byte(greeting)); err != nil {
			log.Fatal(err)
		}
	}
	writer.Close()

	for {
		frame, err := reader.ReadFrame(ctx)
		if errors.Is(err, zeroduplex.ErrWriterDead) {
			break // everything that it wrote was read
		}
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(frame.Sequence(), string(frame.Data()))
		frame.Release() // from here on the bytes are the writer's
	}
	metadata, err := reader.Metadata()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(metadata))
	// Output:
	// 1 hello
	// 2 salut
	// 3 ahoj
	// three greetings
}

// A frame is filled where it is sent from: nothing is copied.
func ExampleWriter_AcquireFrameBuffer() {
	name := exampleName("acquire")
	reader, err := zeroduplex.NewReader(name, zeroduplex.NewBufferConfig(0, 1<<20))
	if err != nil {
		log.Fatal(err)
	}
	defer reader.Close()
	ctx := context.Background()
	writer, err := zeroduplex.NewWriter(ctx, name)
	if err != nil {
		log.Fatal(err)
	}
	defer writer.Close()

	buffer, err := writer.AcquireFrameBuffer(ctx, 4)
	if err != nil {
		log.Fatal(err)
	}
	defer buffer.Abort() // does nothing after Commit
	copy(buffer.Data(), "abcd")
	if _, err := buffer.Commit(); err != nil {
		log.Fatal(err)
	}
	frame, err := reader.ReadFrame(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer frame.Release()
	fmt.Println(string(frame.Data()))
	// Output: abcd
}

// A server of ZeroBuffer v1 with the handler of an in-place server: only the factory call differs, and the client finds out by itself.
func ExampleDuplexChannelFactory_CreateImmutableServer() {
	name := exampleName("immutable")
	server, err := zeroduplex.DefaultFactory().CreateImmutableServer(name, zeroduplex.NewBufferConfig(4096, 1<<20))
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	if err := server.Start(context.Background(), invert); err != nil {
		log.Fatal(err)
	}

	client, err := zeroduplex.DefaultFactory().CreateClient(context.Background(), name,
		zeroduplex.WithResponseConfig(zeroduplex.NewBufferConfig(4096, 1<<20)))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	response, err := client.Call(context.Background(), []byte{0, 1, 254})
	if err != nil {
		log.Fatal(err)
	}
	defer response.Release()
	fmt.Println(response.Data())
	// Output: [255 254 1]
}

// The request is read where its client wrote it, the response written where the client reads it.
func ExampleImmutableDuplexServer_StartImmutable() {
	name := exampleName("two-arguments")
	server, err := zeroduplex.DefaultFactory().CreateImmutableServer(name, zeroduplex.NewBufferConfig(0, 1<<20))
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	err = server.StartImmutable(context.Background(), func(request zeroduplex.ImmutableRequest, response *zeroduplex.ImmutableResponse) error {
		area, err := response.Acquire(2 * request.Size())
		if err != nil {
			return err
		}
		copy(area[copy(area, request.Data()):], request.Data())
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	client, err := zeroduplex.DefaultFactory().CreateClient(context.Background(), name, zeroduplex.WithResponseConfig(zeroduplex.NewBufferConfig(0, 1<<20)))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	response, err := client.Call(context.Background(), []byte("bora"))
	if err != nil {
		log.Fatal(err)
	}
	defer response.Release()
	fmt.Println(string(response.Data()))
	// Output: borabora
}
