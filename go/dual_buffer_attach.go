package zeroduplex

import (
	"errors"
	"fmt"
)

// tryDualBuffer attaches once to a v1 server: as the writer of its requests, and as the reader of a buffer for its responses. Not before the
// server has read what a dead predecessor left: it would answer that to us.
//
// The response buffer gets the permissions of the request buffer, so that a server that lets another user in can answer him.
func (a *attacher) tryDualBuffer() (DuplexClient, error) {
	if len(a.name) > longestDualBufferName {
		return nil, a.fail(ErrorCodeServerNotFound, fmt.Sprintf("a v1 server's name has at most %d bytes", longestDualBufferName), nil)
	}
	requests := streamAttacher{name: a.name + requestSuffix, otherUsers: a.options.otherUsers, pages: a.options.pages, caughtUp: true}
	buffer, ring, err := requests.try()
	if err != nil {
		return nil, a.noServer(err)
	}
	request := newWriter(buffer, ring, a.options.commonOptions, a.options.sendTimeout)
	options := readerOptions{commonOptions: a.options.commonOptions, readTimeout: a.options.callTimeout, mode: request.mode()}
	response, err := newReader(a.name+responseSuffix, a.options.responses, options)
	if err != nil {
		return nil, errors.Join(err, request.Close())
	}
	return newDualBufferChannel(a.name, a.options, request, response), nil
}

// noServer gives an error of the request buffer the meaning that it has for a client.
func (a *attacher) noServer(err error) error {
	var failed *Error
	if !errors.As(err, &failed) {
		return err
	}
	code := failed.Code
	if code == ErrorCodeBufferNotFound || code == ErrorCodeReaderDead {
		code = ErrorCodeServerNotFound
	}
	return a.fail(code, "of v1", err)
}
