package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/zeroduplex/zeroduplex/conformance/benchpeers/internal/bench"
	"github.com/zeroduplex/zeroduplex/conformance/benchpeers/internal/unixsock"
)

// send has a reader of two frames of eight bytes see some bytes and then the end.
func send(t *testing.T, content []byte) *reader {
	name := fmt.Sprintf("test-%d-%s", os.Getpid(), t.Name())
	if _, err := unixsock.Serve(name, false, func(c *unixsock.Conn) error {
		_, err := c.Write(content)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	conn, err := unixsock.Connect(name, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return newReader(bench.Options{Size: 8, Inflight: 2}, conn)
}

func frame(size uint64, data string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, size), data...)
}

func TestFramesAreCutOutOfTheStream(t *testing.T) {
	r := send(t, append(append(frame(8, "01234567"), frame(3, "abc")...), frame(8, "89abcdef")...))
	for _, want := range []string{"01234567", "abc", "89abcdef"} {
		got, err := r.next()
		if err != nil || string(got[header:]) != want {
			t.Fatalf("%q, %v instead of %q", got, err, want)
		}
	}
	if _, err := r.next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestAFrameThatCannotFitIsAnError(t *testing.T) {
	if _, err := send(t, frame(1<<63, "")).next(); err == nil || !strings.Contains(err.Error(), "a frame of 9223372036854775808 bytes was announced") {
		t.Errorf("%v", err)
	}
}

func TestACutFrameIsTheEnd(t *testing.T) {
	if _, err := send(t, frame(8, "0123")).next(); !errors.Is(err, io.EOF) {
		t.Errorf("%v", err)
	}
}
