package peers

import (
	"bytes"
	"errors"
	"os/exec"
)

// ExitError says that a program ended by itself, and how.
type ExitError struct {
	Code   int
	Stderr string // what it wrote there, shortened
	err    error
}

func (e *ExitError) Error() string { return e.err.Error() }

// Unwrap gives the whole story.
func (e *ExitError) Unwrap() error { return e.err }

// withExit makes err an ExitError when waited, what waiting for the program gave, is an exit code and no signal.
func withExit(err, waited error, stderr *bytes.Buffer) error {
	var exit *exec.ExitError
	if !errors.As(waited, &exit) || !exit.Exited() {
		return err
	}
	return &ExitError{Code: exit.ExitCode(), Stderr: message(stderr), err: err}
}
