// Package unixsock is a Unix stream socket by system calls, in Go's fastest way: the calling thread itself blocks in the kernel, where
// package net would park a goroutine and wake it through epoll.
package unixsock

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// Conn is one end of a connection. It is for one goroutine at a time.
type Conn struct {
	fd int
	// Spin makes Read look for bytes again and again instead of sleeping.
	Spin bool
}

// address is in the abstract namespace, so that nothing is left behind.
func address(name string) *unix.SockaddrUnix {
	return &unix.SockaddrUnix{Name: "@zeroduplex-bench-" + name}
}

// Serve listens at name and hands each connection to serve, one after the other, on a thread of its own. serve returns nil at the end of
// a connection; what else it returns ends the serving and comes out of the channel.
func Serve(name string, spin bool, serve func(*Conn) error) (<-chan error, error) {
	listener, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("making a socket: %w", err)
	}
	if err = unix.Bind(listener, address(name)); err == nil {
		err = unix.Listen(listener, 1)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listening at %q: %w", name, err), unix.Close(listener))
	}
	ended := make(chan error, 1)
	go func() {
		for {
			fd, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			if err == nil {
				err = errors.Join(serve(&Conn{fd: fd, Spin: spin}), unix.Close(fd))
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	return ended, nil
}

// Connect connects to the server at name.
func Connect(name string, spin bool) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("making a socket: %w", err)
	}
	if err = unix.Connect(fd, address(name)); err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to %q: %w", name, err), unix.Close(fd))
	}
	return &Conn{fd: fd, Spin: spin}, nil
}

// Close closes this end.
func (c *Conn) Close() error { return unix.Close(c.fd) }

// Read reads what is there, at least one byte, and io.EOF at the connection's end.
func (c *Conn) Read(p []byte) (int, error) {
	flags := 0
	if c.Spin {
		flags = unix.MSG_DONTWAIT
	}
	for {
		n, _, err := unix.Recvfrom(c.fd, p, flags)
		switch {
		case n > 0:
			return n, nil
		case err == nil || errors.Is(err, unix.ECONNRESET):
			return 0, io.EOF
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR):
			return 0, fmt.Errorf("reading: %w", err)
		}
	}
}

// Write writes all of p.
func (c *Conn) Write(p []byte) (int, error) {
	for written := 0; written < len(p); {
		n, err := unix.SendmsgN(c.fd, p[written:], nil, nil, unix.MSG_NOSIGNAL)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return written, fmt.Errorf("writing: %w", err)
		}
		written += max(0, n)
	}
	return len(p), nil
}

// WriteSome writes as much of p as there is room for. With none it waits until there is room or something to read, and says which.
func (c *Conn) WriteSome(p []byte) (n int, readable bool, err error) {
	n, err = unix.SendmsgN(c.fd, p, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
		if err != nil {
			err = fmt.Errorf("writing: %w", err)
		}
		return max(0, n), false, err
	}
	poll := []unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN | unix.POLLOUT}}
	if _, err = unix.Poll(poll, -1); err != nil && !errors.Is(err, unix.EINTR) {
		return 0, false, fmt.Errorf("waiting for room: %w", err)
	}
	return 0, poll[0].Revents&unix.POLLIN != 0, nil
}
