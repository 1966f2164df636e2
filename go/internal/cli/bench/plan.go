package bench

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
)

// plan is what is going to be measured.
type plan struct {
	kind                 string
	passes               int
	clientCPU, serverCPU int
	pairs                []pair
	settings             []setting
}

// setting is one way to exchange frames.
type setting struct {
	size, inflight, count, warmup int
	wait                          string
	touch                         benchproto.Touch
	threads                       bool
	dual                          bool
}

func (o options) plan() (plan, error) {
	p := plan{kind: o.kind, passes: o.passes}
	sizes, waits, touch := "64,4096,65536,1048576,25000000", "spin,hybrid,block", benchproto.TouchNone
	switch o.kind {
	case "rtt":
	case "frames":
		sizes, waits, touch = strconv.Itoa(frameSize), "hybrid", benchproto.TouchPage
	case "dual":
		sizes, waits, touch = dualSizes, "hybrid", benchproto.TouchPage
	default:
		return p, fmt.Errorf("%q is not one of rtt, frames, dual", o.kind)
	}
	if o.passes < 1 || o.count < 0 {
		return p, errors.New("--passes must be at least 1, --count not negative")
	}
	if o.sizes != "" {
		sizes = o.sizes
	}
	if o.waits != "" {
		waits = o.waits
	}
	sizeList, err1 := integers("--sizes", sizes, 0)
	inflightList, err2 := integers("--inflight", o.inflight, 1)
	if err := errors.Join(err1, err2); err != nil {
		return p, err
	}
	for _, wait := range strings.Split(waits, ",") {
		if !slices.Contains([]string{"spin", "hybrid", "block"}, wait) {
			return p, fmt.Errorf("wait %q is not one of spin, hybrid, block", wait)
		}
		for _, size := range sizeList {
			for _, inflight := range inflightList {
				s := setting{size: size, inflight: inflight, wait: wait, touch: touch, threads: o.kind == "frames", dual: o.kind == "dual", count: o.count}
				s.chooseCount()
				p.settings = append(p.settings, s)
			}
		}
	}
	if err := p.place(o.cpus); err != nil {
		return p, err
	}
	var err error
	p.pairs, err = o.choosePairs()
	return p, err
}

func (s *setting) chooseCount() {
	if s.count == 0 {
		s.count = smallCount
		if s.touch != benchproto.TouchNone {
			s.count = largeCount
		}
	}
	s.warmup = max(1, s.count/10)
}

func integers(name, list string, least int) (values []int, err error) {
	for _, item := range strings.Split(list, ",") {
		value, err := strconv.Atoi(item)
		if err != nil || value < least {
			return nil, fmt.Errorf("%s: %q is no number of at least %d", name, item, least)
		}
		values = append(values, value)
	}
	return values, nil
}
