//go:build linux

package zeroduplex_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	zeroduplex "github.com/zeroduplex/zeroduplex/go"
)

// exampleName is a channel of this process, so that examples that run beside each other do not meet.
func exampleName(what string) string { return fmt.Sprintf("zdgo-%d-%s", os.Getpid(), what) }

func invert(f zeroduplex.Frame) error {
	for i, b := range f.Data() {
		f.Data()[i] = ^b
	}
	return nil
}

// A server changes what stands in shared memory, and the client reads it at the same place. They are one process here; usually they are two.
func Example() {
	name := exampleName("invert")
	server, err := zeroduplex.DefaultFactory().CreateInPlaceDuplexServer(name, zeroduplex.NewBufferConfig(4096, 1<<20))
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	if err := server.Start(context.Background(), invert); err != nil {
		log.Fatal(err)
	}

	client, err := zeroduplex.DefaultFactory().CreateClient(context.Background(), name)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	response, err := client.Call(ctx, []byte{0, 1, 254})
	if err != nil {
		log.Fatal(err)
	}
	defer response.Release()
	fmt.Println(response.Data())
	// Output: [255 254 1]
}

// A buffer is filled where it is sent from: nothing is copied on either side.
func ExampleInPlaceDuplexChannel_AcquireRequestBuffer() {
	name := exampleName("buffer")
	server, err := zeroduplex.DefaultFactory().CreateInPlaceDuplexServer(name, zeroduplex.DefaultBufferConfig())
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	if err := server.Start(context.Background(), invert); err != nil {
		log.Fatal(err)
	}
	client, err := zeroduplex.DefaultFactory().CreateClient(context.Background(), name)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	ctx := context.Background()
	buffer, err := client.AcquireRequestBuffer(ctx, 4, 0)
	if err != nil {
		log.Fatal(err)
	}
	defer buffer.Abort() // does nothing after Commit
	copy(buffer.Data(), "\x9e\x9d\x9c\x9b")
	sequence, err := buffer.Commit()
	if err != nil {
		log.Fatal(err)
	}
	// Other work may be done here, and more requests sent.
	response, err := client.ReceiveResponseFor(ctx, sequence)
	if err != nil {
		log.Fatal(err)
	}
	defer response.Release()
	fmt.Println(string(response.Data()))
	// Output: abcd
}

// A response may be larger than its request when the request asks for the room.
func ExampleFrame_Resize() {
	name := exampleName("resize")
	server, err := zeroduplex.DefaultFactory().CreateInPlaceDuplexServer(name, zeroduplex.DefaultBufferConfig())
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	err = server.Start(context.Background(), func(f zeroduplex.Frame) error {
		answer := fmt.Sprintf("hello %s, nice to meet you", f.Data())
		if err := f.Resize(len(answer)); err != nil {
			return err
		}
		copy(f.Data(), answer)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	client, err := zeroduplex.DefaultFactory().CreateClient(context.Background(), name)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	response, err := client.CallRequest(context.Background(), zeroduplex.Request{Data: []byte("Ada"), Capacity: 64})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(response.Data()))
	response.Release()

	_, err = client.CallRequest(context.Background(), zeroduplex.Request{Data: make([]byte, 64)})
	fmt.Println(errors.Is(err, zeroduplex.ErrResponseTooLarge))
	// Output:
	// hello Ada, nice to meet you
	// true
}

// Handlers answer with an error of the application's own.
func ExampleFailure() {
	const noSuchPicture = 404
	name := exampleName("failure")
	server, err := zeroduplex.DefaultFactory().CreateInPlaceDuplexServer(name, zeroduplex.DefaultBufferConfig())
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	err = server.Start(context.Background(), func(zeroduplex.Frame) error {
		return zeroduplex.Failure(noSuchPicture, "no such picture")
	})
	if err != nil {
		log.Fatal(err)
	}
	client, err := zeroduplex.DefaultFactory().CreateClient(context.Background(), name)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	_, err = client.Call(context.Background(), make([]byte, 64))
	var failed *zeroduplex.HandlerError
	if errors.As(err, &failed) {
		fmt.Println(failed.Status, failed.Message)
	}
	// Output: 404 no such picture
}

// The timeout is the context's, or the client's own. What the server has not taken yet is cancelled, a late answer is dropped.
func ExampleInPlaceDuplexChannel_Call() {
	name := exampleName("call")
	// A server that has not started: its clients' requests wait.
	server, err := zeroduplex.DefaultFactory().CreateInPlaceDuplexServer(name, zeroduplex.DefaultBufferConfig())
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	client, err := zeroduplex.DefaultFactory().CreateClient(context.Background(), name, zeroduplex.WithCallTimeout(10*time.Millisecond))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	_, err = client.Call(context.Background(), []byte("anybody there?"))
	fmt.Println(errors.Is(err, zeroduplex.ErrTimeout), errors.Is(err, context.DeadlineExceeded))
	// Output: true true
}
