package unixsock

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// unique is a name that nothing else uses.
func unique(t *testing.T) string { return fmt.Sprintf("test-%d-%s", os.Getpid(), t.Name()) }

// echo sends back what comes until the connection ends.
func echo(c *Conn) error {
	buffer := make([]byte, 1<<16)
	for {
		n, err := c.Read(buffer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			_, err = c.Write(buffer[:n])
		}
		if err != nil {
			return err
		}
	}
}

func TestBytesGoThereAndBackAsleepAndSpinning(t *testing.T) {
	for _, spin := range []bool{false, true} {
		name := fmt.Sprint(unique(t), spin)
		if _, err := Serve(name, spin, echo); err != nil {
			t.Fatal(err)
		}
		for range 2 { // one client after the other
			c, err := Connect(name, spin)
			if err != nil {
				t.Fatal(err)
			}
			sent, got := bytes.Repeat([]byte("abc"), 1000), make([]byte, 0, 3000)
			if _, err := c.Write(sent); err != nil {
				t.Fatal(err)
			}
			for len(got) < len(sent) {
				n, err := c.Read(got[len(got):cap(got)])
				if err != nil {
					t.Fatal(err)
				}
				got = got[:len(got)+n]
			}
			if !bytes.Equal(got, sent) {
				t.Error("other bytes came back")
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestANameIsServedOnce(t *testing.T) {
	if _, err := Serve(unique(t), false, echo); err != nil {
		t.Fatal(err)
	}
	if _, err := Serve(unique(t), false, echo); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("%v", err)
	}
}

func TestWhatServingReturnsComesOut(t *testing.T) {
	broken := errors.New("broken")
	ended, err := Serve(unique(t), false, func(*Conn) error { return broken })
	if err != nil {
		t.Fatal(err)
	}
	c, err := Connect(unique(t), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("reading from a peer that has gone: %v", err)
	}
	if _, err := c.Write([]byte{1}); !errors.Is(err, unix.EPIPE) {
		t.Errorf("writing to a peer that has gone: %v", err)
	}
}

func TestNobodyThereIsAnError(t *testing.T) {
	if _, err := Connect(unique(t), false); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("%v", err)
	}
}

func TestAFullConnectionSaysWhenThereIsSomethingToRead(t *testing.T) {
	read := make(chan struct{})
	if _, err := Serve(unique(t), false, func(c *Conn) error {
		if _, err := c.Write([]byte{7}); err != nil {
			return err
		}
		<-read // and reads nothing
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	c, err := Connect(unique(t), false)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	defer close(read)
	for chunk := make([]byte, 1<<20); ; {
		n, readable, err := c.WriteSome(chunk)
		if err != nil {
			t.Fatal(err)
		}
		if readable {
			if n != 0 {
				t.Errorf("%d bytes were written, too", n)
			}
			break
		}
	}
	if n, err := c.Read(make([]byte, 8)); n != 1 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}
