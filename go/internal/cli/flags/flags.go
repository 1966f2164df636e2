// Package flags parses the command line of a subcommand the same way for all of them.
package flags

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// Exit codes of every subcommand.
const (
	OK     = 0
	Failed = 1
	Usage  = 2
)

// Set is the flags of a subcommand.
type Set struct {
	*flag.FlagSet
	stderr io.Writer
}

// New makes a set whose help begins with usage.
func New(name, usage string, stderr io.Writer) *Set {
	s := &Set{FlagSet: flag.NewFlagSet(name, flag.ContinueOnError), stderr: stderr}
	s.SetOutput(stderr)
	s.FlagSet.Usage = func() {
		fmt.Fprintln(stderr, usage)
		if s.hasFlags() {
			fmt.Fprintln(stderr, "\nFlags:")
			s.PrintDefaults()
		}
	}
	return s
}

func (s *Set) hasFlags() (any bool) {
	s.VisitAll(func(*flag.Flag) { any = true })
	return any
}

// Parse reads args, in which flags and positional arguments may be mixed, and wants exactly as many positional arguments as
// there are names. When it reports false, the command ends with the exit code; what is wrong has been printed.
func (s *Set) Parse(args []string, names ...string) (positional []string, code int, ok bool) {
	for {
		if err := s.FlagSet.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, OK, false
		} else if err != nil {
			return nil, Usage, false // the flag package has printed it
		}
		if s.NArg() == 0 {
			break
		}
		positional = append(positional, s.Arg(0))
		args = s.Args()[1:]
	}
	switch {
	case len(positional) > len(names):
		return nil, s.Misuse(fmt.Errorf("unexpected argument %q", positional[len(names)])), false
	case len(positional) < len(names):
		return nil, s.Misuse(fmt.Errorf("%s is missing", names[len(positional)])), false
	}
	return positional, OK, true
}

// Misuse prints what is wrong with the arguments and returns the exit code for it.
func (s *Set) Misuse(err error) int {
	fmt.Fprintf(s.stderr, "%s: %v\n", s.Name(), err)
	return Usage
}

// Fail prints why the command failed and returns the exit code for it.
func (s *Set) Fail(err error) int {
	fmt.Fprintf(s.stderr, "%s: %v\n", s.Name(), err)
	return Failed
}

// Finish turns the outcome of a command into its exit code.
func (s *Set) Finish(err error) int {
	if err != nil {
		return s.Fail(err)
	}
	return OK
}
