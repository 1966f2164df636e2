package benchproto

import "slices"

// ClientResult is the one line of JSON that a bench client prints. Clients that are not ours may leave out what follows clock_ns.
type ClientResult struct {
	P50NS      int64 `json:"p50_ns"`
	P99NS      int64 `json:"p99_ns"`
	P999NS     int64 `json:"p999_ns"`
	Samples    int   `json:"samples"`
	LimitP50NS int64 `json:"limit_p50_ns"` // 0: not measured, as with every limit
	CPU        int   `json:"cpu"`
	ClockNS    int64 `json:"clock_ns"`

	ElapsedNS           int64 `json:"elapsed_ns"` // of all blocks of frames together
	LimitSemaphoreP50NS int64 `json:"limit_semaphore_p50_ns"`
	MemcpyP50NS         int64 `json:"memcpy_p50_ns"` // copying a frame's bytes within the client
	ThreadsP50NS        int64 `json:"threads_p50_ns"`
	ThreadsP99NS        int64 `json:"threads_p99_ns"`
	// CopiedBytes is what the SDK copies for one frame, both sides together; null: not known.
	CopiedBytes *int64 `json:"copied_bytes"`
	Client      *Usage `json:"client"`
	Server      *Usage `json:"server"`
}

// Usage is what a process used up while frames were exchanged, without the limit batches between them.
type Usage struct {
	CPUNS       int64 `json:"cpu_ns"`
	MinorFaults int64 `json:"minor_faults"`
	MajorFaults int64 `json:"major_faults"`
	// AllocatedBytes is on the heap; null: the language cannot tell.
	AllocatedBytes *int64 `json:"allocated_bytes"`
	// SharedBytes is the process's share of the channel's memory when all was done, SharedMemory; null: not known.
	SharedBytes *int64 `json:"shared_bytes"`
	// RanOn are the CPUs on which the exchanging thread was seen, ascending; empty: not known.
	RanOn []int `json:"ran_on"`
}

// Add adds what was used between two notes.
func (u *Usage) Add(from, to Note) {
	u.CPUNS += to.CPUNS - from.CPUNS
	u.MinorFaults += to.MinorFaults - from.MinorFaults
	u.MajorFaults += to.MajorFaults - from.MajorFaults
	if from.Allocated != nil && to.Allocated != nil {
		if u.AllocatedBytes == nil {
			u.AllocatedBytes = new(int64)
		}
		*u.AllocatedBytes += *to.Allocated - *from.Allocated
	}
	for _, cpu := range []int{from.CPU, to.CPU} {
		if at, found := slices.BinarySearch(u.RanOn, cpu); !found && cpu >= 0 {
			u.RanOn = slices.Insert(u.RanOn, at, cpu)
		}
	}
}
