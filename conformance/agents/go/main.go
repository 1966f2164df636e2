// Command agent does with the Go SDK what the conformance runner asks: see conformance/docs/writing-an-agent.md.
package main

import (
	"fmt"
	"os"

	"github.com/zeroduplex/zeroduplex/conformance/agents/go/agent"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: agent server|client")
		os.Exit(2)
	}
	if err := agent.Run(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
		os.Exit(2)
	}
}
