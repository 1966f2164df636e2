package zeroduplex

import "github.com/zeroduplex/zeroduplex/go/internal/shm"

// MemoryReport says what became of WithPrefault and WithHugePages for this process's mapping, as it was when the memory was created or
// attached to. Without these options it is empty.
type MemoryReport struct {
	// Prefaulted: every page of the mapping was made present and writable. WithHugePages does so too where it creates memory.
	Prefaulted bool
	// HugePageBytes is how many bytes of the mapping the kernel maps by huge pages, as it says itself; 0 when none, or when it cannot be known.
	HugePageBytes uint64
	// Reason says why an option was not fulfilled and what can be done, empty when all was done that was asked for.
	Reason string
}

// reportOn tells what became of a wish for memory that is ready.
func reportOn(provider MemoryProvider, wish shm.PageWish) MemoryReport {
	if own, ok := provider.(*SharedMemory); ok {
		return MemoryReport(own.object.Pages())
	}
	if wish == (shm.PageWish{}) {
		return MemoryReport{}
	}
	return MemoryReport{Reason: "the memory is the application's own: its pages are left to whoever mapped it"}
}

// and is the report on two mappings together.
func (r MemoryReport) and(other MemoryReport) MemoryReport {
	both := MemoryReport{Prefaulted: r.Prefaulted && other.Prefaulted, HugePageBytes: r.HugePageBytes + other.HugePageBytes, Reason: r.Reason}
	switch {
	case both.Reason == "":
		both.Reason = other.Reason
	case other.Reason != "" && other.Reason != r.Reason:
		both.Reason += "; " + other.Reason
	}
	return both
}
