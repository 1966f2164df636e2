// Package protocol is the --protocol of the peers that serve: the same handler behind either protocol.
package protocol

import (
	"fmt"

	"github.com/zeroduplex/zeroduplex/go"
)

// Usage explains the flag.
const Usage = "v2: in place; v1: in two buffers"

// Default is the flag's.
const Default = "v2"

// Check refuses what is no protocol.
func Check(name string) error {
	if name != "v1" && name != "v2" {
		return fmt.Errorf("--protocol %q is neither v1 nor v2", name)
	}
	return nil
}

// Create makes a server of a protocol that Check accepts. Only the factory call differs.
func Create(protocol, name string, config zeroduplex.BufferConfig, options ...zeroduplex.ServerOption) (zeroduplex.DuplexServer, error) {
	if protocol == "v1" {
		return zeroduplex.DefaultFactory().CreateImmutableServer(name, config, options...)
	}
	return zeroduplex.DefaultFactory().CreateInPlaceDuplexServer(name, config, options...)
}
