//go:build !linux

package spin

import "runtime"

// Yield lets other goroutines run.
func Yield() { runtime.Gosched() }
