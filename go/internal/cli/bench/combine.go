package bench

import (
	"slices"
	"strconv"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/cli/bench/document"
	"github.com/zeroduplex/zeroduplex/go/internal/stats"
)

// combineSetting makes the results of all pairs in one setting. Outside peers measure no limits of their own: they are compared with the
// medians of those that ours measured beside them.
func combineSetting(all []series) (results []document.Result) {
	var ours []measured
	for _, s := range all {
		results = append(results, s.combine())
		if r := results[len(results)-1]; !r.Outside {
			ours = append(ours, measured{ClientResult: benchproto.ClientResult{LimitP50NS: r.LimitP50NS, LimitSemaphoreP50NS: r.LimitSemaphoreP50NS, MemcpyP50NS: r.MemcpyP50NS}})
		}
	}
	for i := range results {
		if r := &results[i]; r.Outside && r.Samples > 0 {
			setLimits(r, ours)
		}
	}
	return results
}

// combine takes the median of each figure over the passes.
func (s *series) combine() document.Result {
	set := s.setting
	r := document.Result{Client: s.pair.client, Server: s.pair.server, Outside: s.pair.outside, Unsupported: s.unsupported, Failed: s.failed,
		Size: set.size, Wait: set.wait, Inflight: set.inflight, Touch: string(set.touch)}
	if len(s.passes) == 0 {
		return r
	}
	var inPlace, dual []measured
	for _, pass := range s.passes {
		inPlace, dual = append(inPlace, pass.measured), append(dual, pass.dual)
	}
	r.Samples = set.count
	r.P50NS = median(inPlace, func(m measured) int64 { return m.P50NS })
	r.P99NS = median(inPlace, func(m measured) int64 { return m.P99NS })
	r.P999NS = median(inPlace, func(m measured) int64 { return m.P999NS })
	r.ThreadsP50NS = median(inPlace, func(m measured) int64 { return m.ThreadsP50NS })
	r.ThreadsP99NS = median(inPlace, func(m measured) int64 { return m.ThreadsP99NS })
	r.RatioToThreads = ratio(r.P50NS, r.ThreadsP50NS)
	if elapsed := median(inPlace, func(m measured) int64 { return m.ElapsedNS }); elapsed > 0 {
		r.PerSecond = int64(float64(set.count) / float64(elapsed) * 1e9)
	}
	if shm := inPlace[0].shm; shm > 0 { // of every pass
		r.ShmBytes = &shm
	}
	r.CopiedBytes = inPlace[0].CopiedBytes
	r.ClientUsage, r.ServerUsage = usages(inPlace)
	setLimits(&r, inPlace)
	if set.dual && !s.pair.outside {
		r.Dual = combineDual(r, dual)
	}
	return r
}

func setLimits(r *document.Result, passes []measured) {
	r.LimitP50NS = median(passes, func(m measured) int64 { return m.LimitP50NS })
	r.LimitSemaphoreP50NS = median(passes, func(m measured) int64 { return m.LimitSemaphoreP50NS })
	r.MemcpyP50NS = median(passes, func(m measured) int64 { return m.MemcpyP50NS })
	r.RatioToLimit = ratio(r.P50NS, r.LimitP50NS)
	r.RatioToSemaphore = ratio(r.P50NS, r.LimitSemaphoreP50NS)
	r.RatioToMemcpy = ratio(r.P50NS, r.MemcpyP50NS)
}

func combineDual(inPlace document.Result, passes []measured) *document.DualResult {
	d := &document.DualResult{ShmBytes: passes[0].shm, CopiedBytes: passes[0].CopiedBytes,
		P50NS:  median(passes, func(m measured) int64 { return m.P50NS }),
		P99NS:  median(passes, func(m measured) int64 { return m.P99NS }),
		P999NS: median(passes, func(m measured) int64 { return m.P999NS })}
	d.Ratio = ratio(inPlace.P50NS, d.P50NS)
	if inPlace.ShmBytes != nil {
		d.ShmRatio = ratio(*inPlace.ShmBytes, d.ShmBytes)
	}
	d.ClientUsage, d.ServerUsage = usages(passes)
	return d
}

func usages(passes []measured) (client, server *benchproto.Usage) {
	return combineUsage(passes, func(m measured) *benchproto.Usage { return m.Client }), combineUsage(passes, func(m measured) *benchproto.Usage { return m.Server })
}

// combineUsage takes medians; nil when a pass does not know.
func combineUsage(passes []measured, of func(measured) *benchproto.Usage) *benchproto.Usage {
	u := &benchproto.Usage{RanOn: []int{}}
	var cpu, minor, major, allocated, shared []int64
	for _, pass := range passes {
		one := of(pass)
		if one == nil {
			return nil
		}
		cpu, minor, major = append(cpu, one.CPUNS), append(minor, one.MinorFaults), append(major, one.MajorFaults)
		u.RanOn = append(u.RanOn, one.RanOn...)
		if one.AllocatedBytes != nil {
			allocated = append(allocated, *one.AllocatedBytes)
		}
		if one.SharedBytes != nil {
			shared = append(shared, *one.SharedBytes)
		}
	}
	u.CPUNS, u.MinorFaults, u.MajorFaults = stats.Summarize(cpu).P50, stats.Summarize(minor).P50, stats.Summarize(major).P50
	u.AllocatedBytes, u.SharedBytes = middle(allocated, len(passes)), middle(shared, len(passes))
	slices.Sort(u.RanOn)
	u.RanOn = slices.Compact(u.RanOn)
	return u
}

// middle is the median of what was measured in so many passes; nil when one does not know.
func middle(values []int64, passes int) *int64 {
	if len(values) != passes {
		return nil
	}
	m := stats.Summarize(values).P50
	return &m
}

// median leaves out what a pass or a pair did not measure, which is 0; 0 when none did.
func median(passes []measured, figure func(measured) int64) int64 {
	var values []int64
	for _, pass := range passes {
		if value := figure(pass); value > 0 {
			values = append(values, value)
		}
	}
	return stats.Summarize(values).P50
}

// ratio is a/b with three decimals, 0 without b.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(float64(a)/float64(b), 'f', 3, 64), 64) // its own output always parses
	return rounded
}
