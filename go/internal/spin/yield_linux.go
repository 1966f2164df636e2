package spin

import "golang.org/x/sys/unix"

// Yield lets other threads and processes have this processor, if one waits for it: of a peer that shares it, each look would else be in
// vain until the kernel takes the processor away. It takes about as long as a few pauses when nobody does.
func Yield() {
	// Raw: for the Go scheduler the goroutine goes on spinning.
	_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
}
