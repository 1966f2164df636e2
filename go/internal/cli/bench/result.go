package bench

import (
	"strconv"

	"github.com/zeroduplex/zeroduplex/go/internal/stats"
)

// Document is the JSON form of a benchmark.
type Document struct {
	SchemaVersion int      `json:"schema_version"`
	Kind          string   `json:"kind"` // rtt, frames or dual
	Host          Host     `json:"host"`
	Passes        int      `json:"passes"`
	Results       []Result `json:"results"`
}

// Result is one configuration. Times are nanoseconds, medians over the passes.
type Result struct {
	Client       string  `json:"client"`
	Server       string  `json:"server"`
	Outside      bool    `json:"outside,omitempty"`     // programs of others, named by --outside
	Unsupported  string  `json:"unsupported,omitempty"` // why there are no figures: outside peers only
	Size         int     `json:"size"`
	Wait         string  `json:"wait"`
	Inflight     int     `json:"inflight"`
	Touch        string  `json:"touch"`
	P50NS        int64   `json:"p50_ns"`
	P99NS        int64   `json:"p99_ns"`
	Samples      int     `json:"samples"` // per pass
	LimitP50NS   int64   `json:"limit_p50_ns"`
	RatioToLimit float64 `json:"ratio_to_limit"`
	// Frames only: the same work done by two threads of the client's process.
	ThreadsP50NS   int64   `json:"threads_p50_ns,omitempty"`
	ThreadsP99NS   int64   `json:"threads_p99_ns,omitempty"`
	RatioToThreads float64 `json:"ratio_to_threads,omitempty"`
	// Dual only: the same over v1's two buffers, and the bytes of shared memory that either takes.
	DualP50NS    int64   `json:"dual_p50_ns,omitempty"`
	DualP99NS    int64   `json:"dual_p99_ns,omitempty"`
	RatioToDual  float64 `json:"ratio_to_dual,omitempty"`
	ShmBytes     int64   `json:"shm_bytes,omitempty"`
	DualShmBytes int64   `json:"dual_shm_bytes,omitempty"`
	ShmRatio     float64 `json:"shm_ratio,omitempty"`
}

// combineSetting makes the results of all pairs in one setting. Outside peers measure no limit of their own: they are compared with the
// median of those that ours measured beside them.
func combineSetting(all []series) (results []Result) {
	var limits []int64
	for _, s := range all {
		r := s.combine()
		if !r.Outside && r.LimitP50NS > 0 {
			limits = append(limits, r.LimitP50NS)
		}
		results = append(results, r)
	}
	limit := stats.Summarize(limits).P50
	for i := range results {
		if r := &results[i]; r.Outside && r.Unsupported == "" {
			r.LimitP50NS, r.RatioToLimit = limit, ratio(r.P50NS, limit)
		}
	}
	return results
}

// combine takes the median of each figure over the passes.
func (all series) combine() Result {
	pair, s, passes := all.pair, all.setting, all.passes
	median := func(figure func(figures) int64) int64 {
		var values []int64
		for _, pass := range passes {
			values = append(values, figure(pass))
		}
		return stats.Summarize(values).P50
	}
	r := Result{Client: pair.client, Server: pair.server, Outside: pair.outside, Unsupported: all.unsupported, Size: s.size, Wait: s.wait, Inflight: s.inflight, Touch: string(s.touch),
		P50NS:        median(func(f figures) int64 { return f.P50NS }),
		P99NS:        median(func(f figures) int64 { return f.P99NS }),
		LimitP50NS:   median(func(f figures) int64 { return f.LimitP50NS }),
		ThreadsP50NS: median(func(f figures) int64 { return f.ThreadsP50NS }),
		ThreadsP99NS: median(func(f figures) int64 { return f.ThreadsP99NS }),
		DualP50NS:    median(func(f figures) int64 { return f.dual.P50NS }),
		DualP99NS:    median(func(f figures) int64 { return f.dual.P99NS }),
	}
	if len(passes) > 0 {
		r.Samples = s.count
	}
	if s.dual && len(passes) > 0 {
		r.ShmBytes, r.DualShmBytes = passes[0].shm, passes[0].dualShm // of every pass
	}
	r.RatioToLimit = ratio(r.P50NS, r.LimitP50NS)
	r.RatioToThreads = ratio(r.P50NS, r.ThreadsP50NS)
	r.RatioToDual = ratio(r.P50NS, r.DualP50NS)
	r.ShmRatio = ratio(r.ShmBytes, r.DualShmBytes)
	return r
}

// ratio is a/b with three decimals, 0 without b.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(float64(a)/float64(b), 'f', 3, 64), 64) // its own output always parses
	return rounded
}
