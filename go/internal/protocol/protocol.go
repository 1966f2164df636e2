// Package protocol is the --protocol of the peers that serve: the same handler behind either protocol.
package protocol

import (
	"fmt"

	"github.com/zeroduplex/zeroduplex/go"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// Usage explains the flag.
const Usage = "v2: in place; v1: in two buffers"

// The protocols.
const (
	InPlace = "v2"
	Dual    = "v1"

	// Default is the flag's.
	Default = InPlace
)

// Paths are the files of a channel in shared memory, its semaphores included.
func Paths(protocol, channel string) (paths []string) {
	if protocol == Dual {
		for _, buffer := range []string{channel + "_request", channel + "_response"} {
			paths = append(paths, wire.ObjectPath(buffer), wire.SemaphorePath(wire.DataWrittenSemaphore(buffer)), wire.SemaphorePath(wire.DataReadSemaphore(buffer)))
		}
		return paths
	}
	paths = []string{wire.ObjectPath(channel)}
	for _, semaphore := range []func(string) string{wire.RequestReadySemaphore, wire.ResponseReadySemaphore, wire.ResponseConsumedSemaphore, wire.SpaceAvailableSemaphore} {
		paths = append(paths, wire.SemaphorePath(semaphore(channel)))
	}
	return paths
}

// Check refuses what is no protocol.
func Check(name string) error {
	if name != Dual && name != InPlace {
		return fmt.Errorf("--protocol %q is neither v1 nor v2", name)
	}
	return nil
}

// Create makes a server of a protocol that Check accepts. Only the factory call differs.
func Create(protocol, name string, config zeroduplex.BufferConfig, options ...zeroduplex.ServerOption) (zeroduplex.DuplexServer, error) {
	if protocol == Dual {
		return zeroduplex.DefaultFactory().CreateImmutableServer(name, config, options...)
	}
	return zeroduplex.DefaultFactory().CreateInPlaceDuplexServer(name, config, options...)
}
