// Package document is the JSON form of a benchmark, and how its figures are shown.
package document

import (
	"fmt"
	"time"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/table"
)

// SchemaVersion is the version of the JSON form.
const SchemaVersion = 2

// Document is the JSON form of a benchmark.
type Document struct {
	SchemaVersion int       `json:"schema_version"`
	Kind          string    `json:"kind"` // rtt, frames or dual
	Date          time.Time `json:"date"` // when it began
	Command       string    `json:"command"`
	Host          Host      `json:"host"`
	Passes        int       `json:"passes"`
	Results       []Result  `json:"results"`
}

// Result is one configuration. Times are nanoseconds; every figure is the median over the passes. What was not measured is left out or null.
type Result struct {
	Client      string `json:"client"`
	Server      string `json:"server"`
	Outside     bool   `json:"outside,omitempty"`     // programs of others, named by --outside
	Unsupported string `json:"unsupported,omitempty"` // why there are no figures: outside peers only
	Failed      string `json:"failed,omitempty"`      // as Unsupported, and why it is a failure
	Size        int    `json:"size"`
	Wait        string `json:"wait"`
	Inflight    int    `json:"inflight"`
	Touch       string `json:"touch"`
	Samples     int    `json:"samples"` // per pass; 0: unsupported or failed
	P50NS       int64  `json:"p50_ns"`
	P99NS       int64  `json:"p99_ns"`
	P999NS      int64  `json:"p999_ns,omitempty"`
	PerSecond   int64  `json:"per_second,omitempty"` // round trips

	// The raw limits of the same run. An outside peer is compared with the median of what our pairs measured beside it.
	LimitP50NS          int64   `json:"limit_p50_ns,omitempty"` // a cache line bounced
	RatioToLimit        float64 `json:"ratio_to_limit,omitempty"`
	LimitSemaphoreP50NS int64   `json:"limit_semaphore_p50_ns,omitempty"` // two semaphores posted in turn, where the wait is to block
	RatioToSemaphore    float64 `json:"ratio_to_semaphore,omitempty"`
	MemcpyP50NS         int64   `json:"memcpy_p50_ns,omitempty"` // a frame's bytes copied once
	RatioToMemcpy       float64 `json:"ratio_to_memcpy,omitempty"`
	// Frames only: the same work done by two threads of the client's process.
	ThreadsP50NS   int64   `json:"threads_p50_ns,omitempty"`
	ThreadsP99NS   int64   `json:"threads_p99_ns,omitempty"`
	RatioToThreads float64 `json:"ratio_to_threads,omitempty"`

	ShmBytes    *int64 `json:"shm_bytes"`    // objects and semaphores
	CopiedBytes *int64 `json:"copied_bytes"` // by the SDK, for one frame
	// What both processes used for all samples of a pass.
	ClientUsage *benchproto.Usage `json:"client_usage"`
	ServerUsage *benchproto.Usage `json:"server_usage"`

	Dual *DualResult `json:"dual,omitempty"` // dual only
}

// DualResult is the same over v1's two buffers.
type DualResult struct {
	P50NS       int64             `json:"p50_ns"`
	P99NS       int64             `json:"p99_ns"`
	P999NS      int64             `json:"p999_ns"`
	Ratio       float64           `json:"ratio"` // in place to this
	ShmBytes    int64             `json:"shm_bytes"`
	ShmRatio    float64           `json:"shm_ratio"`
	CopiedBytes *int64            `json:"copied_bytes"`
	ClientUsage *benchproto.Usage `json:"client_usage"`
	ServerUsage *benchproto.Usage `json:"server_usage"`
}

// Failures are the settings in which outside peers failed, and why.
func (d Document) Failures() (list []string) {
	for _, r := range d.Results {
		if r.Failed != "" {
			list = append(list, fmt.Sprintf("%s, %s bytes, %s, touch %s: %s", r.Client, table.Count(r.Size), r.Wait, r.Touch, r.Failed))
		}
	}
	return list
}
