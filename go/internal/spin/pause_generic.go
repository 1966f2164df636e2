//go:build !amd64 && !arm64

package spin

import "unsafe"

// Pause does nothing on this architecture.
func Pause() {}

// Delay does nothing on this architecture.
func Delay(uint32) {}

// FetchAllForWriting does nothing on this architecture.
func FetchAllForWriting(_, _, _ unsafe.Pointer) {}
