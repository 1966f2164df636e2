package bench

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/document"
	"github.com/zeroduplex/zeroduplex/go/internal/table"
)

// series is what all passes found out about a pair in a setting.
type series struct {
	pair        pair
	setting     setting
	passes      []figures
	unsupported string // why there are none: an outside peer says so,
	failed      string // or an outside peer does what it should not
}

// run measures everything, the pairs of a setting right after each other, as often as there are passes.
func (p plan) run(ctx context.Context, progress io.Writer) (document.Document, error) {
	d := document.Document{SchemaVersion: document.SchemaVersion, Kind: p.kind, Date: time.Now().UTC().Truncate(time.Second), Command: p.command, Host: document.ThisHost(p.place.client, p.place.server), Passes: p.passes}
	all := make([]series, 0, len(p.settings)*len(p.pairs))
	for _, s := range p.settings {
		for _, pair := range p.pairs {
			all = append(all, series{pair: pair, setting: s})
		}
	}
	for pass := range p.passes {
		for i := range all {
			fmt.Fprintf(progress, "pass %d of %d, %d of %d: %s\n", pass+1, p.passes, i+1, len(all), all[i].describe())
			err := p.add(ctx, &all[i], pass)
			switch {
			case err == nil:
			case all[i].pair.outside && ctx.Err() == nil: // what others do wrong must not cost an hour of measurements
				fmt.Fprintf(progress, "failed: %v\n", err)
				all[i].failed, all[i].passes = err.Error(), nil
			default:
				return d, fmt.Errorf("%s: %w", all[i].describe(), err)
			}
		}
	}
	for i := 0; i < len(all); i += len(p.pairs) {
		d.Results = append(d.Results, combineSetting(all[i:i+len(p.pairs)])...)
	}
	return d, nil
}

func (s *series) describe() string {
	return fmt.Sprintf("%s/%s, %s bytes, %s, %d in flight, touch %s", s.pair.client, s.pair.server, table.Count(s.setting.size), s.setting.wait, s.setting.inflight, s.setting.touch)
}

// add measures a series once more, unless it is known to be unsupported or has failed.
func (p plan) add(ctx context.Context, s *series, pass int) error {
	if s.unsupported != "" || s.failed != "" {
		return nil
	}
	result, err := p.measureBoth(ctx, s.pair, s.setting, pass)
	if err == nil {
		s.passes = append(s.passes, result)
		return nil
	}
	unsupported, ok := err.(*unsupportedError) // not wrapped: together with another error it is a failure
	if !ok {
		return err
	}
	if len(s.passes) > 0 {
		return fmt.Errorf("measured before, and in pass %d: %w", pass+1, err)
	}
	s.unsupported = unsupported.reason
	return nil
}
