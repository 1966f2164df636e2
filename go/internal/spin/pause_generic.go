//go:build !amd64 && !arm64

package spin

import "unsafe"

// Pause does nothing on this architecture.
func Pause() {}

// FetchForWriting does nothing on this architecture.
func FetchForWriting(unsafe.Pointer) {}
