//go:build !linux

// Package birth tells which of two files was made first.
package birth

// Time says nothing on this platform.
type Time struct{ seconds, nanoseconds int64 }
