//go:build linux

package zeroduplex

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zeroduplex/zeroduplex/go/internal/child"
	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

// namePrefix is of all channels of this run, so that runs beside each other do not meet.
var namePrefix = fmt.Sprintf("zdgo-%d-", os.Getpid())

func TestMain(m *testing.M) {
	child.Main(roles)
	code := m.Run()
	if left := leftovers(namePrefix); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "the tests left over: %s\n", strings.Join(left, ", "))
		code = 1
	}
	os.Exit(code)
}

// leftovers are the files that channels whose names start with prefix have in the file system.
func leftovers(prefix string) []string {
	var found []string
	for _, pattern := range []string{
		wire.ObjectPath(prefix), wire.SemaphorePath(wire.RequestReadySemaphore(prefix)), wire.SemaphorePath(wire.ResponseReadySemaphore(prefix)),
		wire.SemaphorePath(wire.ResponseConsumedSemaphore(prefix)), wire.SemaphorePath(wire.SpaceAvailableSemaphore(prefix)),
		wire.SemaphorePath(wire.DataWrittenSemaphore(prefix)), wire.SemaphorePath(wire.DataReadSemaphore(prefix)),
		filepath.Dir(wire.ObjectPath(prefix)) + "/.zd-" + prefix, strings.TrimSuffix(wire.LockPath(prefix), ".lock"),
		strings.TrimSuffix(wire.LockCsharpPath(temporaryFolder(), prefix), ".lock"),
	} {
		matches, err := filepath.Glob(pattern + "*")
		if err != nil {
			panic(err)
		}
		found = append(found, matches...)
	}
	return found
}

func temporaryFolder() string {
	if folder := os.Getenv("TMPDIR"); folder != "" {
		return folder
	}
	return "/tmp"
}
