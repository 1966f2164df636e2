package modelagent

import (
	"fmt"
	"os"
	"path/filepath"
)

// variable makes a test binary that calls BeAgent an agent.
const variable = "ZERODUPLEX_MODEL_AGENT"

// Command writes a program that is the running test binary as a model with a fault; the binary's TestMain must call BeAgent.
func Command(folder string, fault Fault) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "agent")
	return path, os.WriteFile(path, fmt.Appendf(nil, "#!/bin/sh\n%s=%s exec %s \"$@\"\n", variable, fault, self), 0o755)
}

// BeAgent is the model if the process was started as one; it says whether it was.
func BeAgent() (asked bool, err error) {
	fault, asked := os.LookupEnv(variable)
	if !asked {
		return false, nil
	}
	return true, Run(Fault(fault), os.Args[1], os.Stdin, os.Stdout)
}
