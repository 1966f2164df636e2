package modelagent

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/zeroduplex/zeroduplex/conformance/internal/agentproto"
	"github.com/zeroduplex/zeroduplex/conformance/internal/segment"
	"github.com/zeroduplex/zeroduplex/conformance/witness"
)

// failure is an error of the protocol.
type failure struct{ name, text string }

func (f *failure) Error() string { return f.name + ": " + f.text }

func fail(name, format string, args ...any) error {
	return &failure{name, fmt.Sprintf(format, args...)}
}

// report turns an error into what an agent answers.
func report(err error) *agentproto.Failure {
	var f *failure
	if errors.As(err, &f) {
		return &agentproto.Failure{Name: f.name, Code: witness.ErrorCodes[f.name], Message: f.Error()}
	}
	return &agentproto.Failure{Name: agentproto.ErrorUnexpected, Message: err.Error()}
}

// is tells whether an error has one of the names.
func is(err error, names ...string) bool {
	var f *failure
	if errors.As(err, &f) {
		for _, name := range names {
			if f.name == name {
				return true
			}
		}
	}
	return false
}

// checkName refuses names that cannot be files.
func checkName(name string) error {
	allowed := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
	}
	if len(name) == 0 || len(name) > 200 || name[0] == '.' || strings.HasPrefix(name, "sem.") || strings.ContainsFunc(name, func(r rune) bool { return !allowed(r) }) {
		return fail("invalid_name", "%q", name)
	}
	return nil
}

// alive tells whether a process lives; a zombie does not.
func alive(pid uint64) bool {
	if !segment.Alive(pid) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	return err != nil || !strings.HasPrefix(after, "Z")
}
