//go:build amd64 || arm64

package spin

// Pause tells the processor that this is a spin loop, so that it leaves resources to a sibling thread and leaves the loop faster.
func Pause()
