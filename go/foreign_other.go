//go:build !linux

package zeroduplex

func foreign(uint32) bool { return false }
