// Package sizes is the sizes of the frames that stream peers exchange: given by flags that are the same in every language, so that a reader
// knows what its writer sends.
package sizes

import (
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
)

// Flags are the flags of a command that decide on sizes.
type Flags struct {
	size, list string
	seed       uint64
}

// Bind adds the flags to a command's.
func (f *Flags) Bind(set *flag.FlagSet) {
	set.StringVar(&f.size, "size", "", "bytes of each frame, or A-B for random ones")
	set.StringVar(&f.list, "sizes", "", "bytes of the frames, one after the other and again: a,b,c")
	set.Uint64Var(&f.seed, "seed", 1, "seed of random sizes")
}

// Given reports whether the command line said anything about sizes.
func (f *Flags) Given() bool { return f.size != "" || f.list != "" }

// Sizes gives the size of one frame after the other.
type Sizes struct {
	list  []int // cycled when there are several
	next  int
	least int
	span  uint64 // random sizes: least to least + span - 1; 0 for none
	state uint64
}

// Parse reads the flags.
func (f *Flags) Parse() (*Sizes, error) {
	switch {
	case f.size != "" && f.list != "":
		return nil, errors.New("--size and --sizes exclude each other")
	case f.list != "":
		return parseList(f.list)
	case f.size == "":
		return nil, errors.New("--size or --sizes is missing")
	}
	first, last, random := strings.Cut(f.size, "-")
	if !random {
		return parseList(first)
	}
	least, err := positive(first)
	if err != nil {
		return nil, err
	}
	most, err := positive(last)
	if err != nil {
		return nil, err
	}
	if most < least {
		return nil, fmt.Errorf("--size %s ends before it begins", f.size)
	}
	return &Sizes{least: least, span: uint64(most-least) + 1, state: f.seed}, nil
}

func parseList(list string) (*Sizes, error) {
	s := &Sizes{}
	for _, text := range strings.Split(list, ",") {
		n, err := positive(text)
		if err != nil {
			return nil, err
		}
		s.list = append(s.list, n)
	}
	return s, nil
}

func positive(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is no number of bytes, 1 or more", text)
	}
	return n, nil
}

// Next is the size of the next frame.
func (s *Sizes) Next() int {
	if s.span == 0 {
		n := s.list[s.next]
		s.next = (s.next + 1) % len(s.list)
		return n
	}
	return s.least + int(s.random()%s.span)
}

// random is splitmix64, which every language has or can have in three lines.
func (s *Sizes) random() uint64 {
	s.state += 0x9E3779B97F4A7C15
	z := s.state
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}
