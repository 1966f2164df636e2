// Package toolchain runs compilers and interpreters for tests. A missing one fails the test: a check that did not run
// must never look like one that passed.
package toolchain

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

// limit is far above what any of the small programs here needs, even on a busy machine.
const limit = 5 * time.Minute

// packages names the Debian package of each tool.
var packages = map[string]string{"g++": "g++", "mcs": "mono-mcs", "mono": "mono-runtime", "python3": "python3", "go": "golang"}

// Require fails the test, naming the package to install, when the tool is missing.
func Require(t testing.TB, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Fatalf("%s is needed for this test and missing; install the package %s", tool, packages[tool])
	}
}

// Run runs a tool in a folder and returns what it printed; its failure fails the test.
func Run(t testing.TB, folder string, environment []string, tool string, args ...string) string {
	t.Helper()
	out, err := Try(t, folder, environment, tool, args...)
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", tool, args, err, out)
	}
	return out
}

// Try is Run for a tool that may fail.
func Try(t testing.TB, folder string, environment []string, tool string, args ...string) (string, error) {
	t.Helper()
	Require(t, tool)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	command := exec.CommandContext(ctx, tool, args...)
	command.Dir = folder
	command.Env = append(command.Environ(), environment...)
	out, err := command.CombinedOutput()
	return string(out), err
}
