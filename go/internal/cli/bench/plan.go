package bench

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
)

// plan is what is going to be measured.
type plan struct {
	kind     string
	command  string // as it was given, for the record
	passes   int
	place    placement
	pairs    []pair
	settings []setting
}

// setting is one way to exchange frames.
type setting struct {
	size, inflight, count, warmup int
	wait                          string
	touch                         benchproto.Touch
	threads                       bool // beside the same work done by two threads
	dual                          bool // beside v1's two buffers
	limits                        limits
}

// kind is what a positional argument stands for.
type kind struct {
	sizes, waits, touch string // what is measured unless something else is asked for
	touches             []benchproto.Touch
	threads, dual       bool
}

var working = []benchproto.Touch{benchproto.TouchFill, benchproto.TouchPage, benchproto.TouchAll}

var kinds = map[string]kind{
	"rtt":    {sizes: "64,4096,65536,1048576,25000000", waits: "spin,hybrid,block", touch: "none", touches: []benchproto.Touch{benchproto.TouchNone}},
	"frames": {sizes: strconv.Itoa(frameSize), waits: "hybrid", touch: "fill,all", touches: working, threads: true},
	"dual":   {sizes: dualSizes, waits: "hybrid", touch: "fill", touches: working, dual: true},
}

func (o options) plan() (p plan, err error) {
	k, ok := kinds[o.kind]
	if !ok {
		return p, fmt.Errorf("%q is not one of rtt, frames, dual", o.kind)
	}
	if o.passes < 1 || o.count < 0 {
		return p, errors.New("--passes must be at least 1, --count not negative")
	}
	p.kind, p.passes = o.kind, o.passes
	if p.place, err = parsePlacement(o.cpus); err != nil {
		return p, err
	}
	if p.place.same() && !k.threads && !k.dual {
		k.waits = "hybrid,block" // who spins there takes the CPU from the one it waits for
	}
	if p.settings, err = o.settings(k, p.place); err != nil {
		return p, err
	}
	p.pairs, err = o.choosePairs()
	return p, err
}

// settings are all combinations of what was asked for.
func (o options) settings(k kind, place placement) (settings []setting, err error) {
	sizes, err1 := integers("--sizes", cmp.Or(o.sizes, k.sizes), 0)
	inflights, err2 := integers("--inflight", o.inflight, 1)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	for _, text := range strings.Split(cmp.Or(o.touch, k.touch), ",") {
		touch, err := benchproto.ParseTouch(text)
		if err == nil && !slices.Contains(k.touches, touch) {
			err = fmt.Errorf("%s measures with --touch %s, not %s", o.kind, k.touches, touch)
		}
		if err != nil {
			return nil, err
		}
		for _, wait := range strings.Split(cmp.Or(o.waits, k.waits), ",") {
			if !slices.Contains([]string{"spin", "hybrid", "block"}, wait) {
				return nil, fmt.Errorf("wait %q is not one of spin, hybrid, block", wait)
			}
			for _, size := range sizes {
				for _, inflight := range inflights {
					// Two threads that hand over by spinning, or bounce a line, get nowhere on one CPU.
					s := setting{size: size, inflight: inflight, wait: wait, touch: touch, threads: k.threads && !place.same(), dual: k.dual,
						count: o.count, limits: limits{line: !place.same(), semaphore: wait == "block" || place.same()}}
					s.chooseCount()
					settings = append(settings, s)
				}
			}
		}
	}
	return settings, nil
}

// chooseCount takes enough frames for steady percentiles, and few enough to end.
func (s *setting) chooseCount() {
	const most, least, bytes = 20_000, 100, 2_000_000_000
	if s.count == 0 {
		s.count = min(most, max(least, bytes/max(1, s.size))) // also where ours touch nothing: others copy
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
