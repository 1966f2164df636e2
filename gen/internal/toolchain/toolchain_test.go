package toolchain

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// recorder is a test that notes its failure instead of failing.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatalf(format string, args ...any) { r.failure = fmt.Sprintf(format, args...) }

// TestMissingToolFails checks that a test without its tool fails and says what to install; it must not skip.
func TestMissingToolFails(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for tool, pkg := range map[string]string{"mcs": "mono-mcs", "mono": "mono-runtime", "python3": "python3", "g++": "g++"} {
		r := &recorder{TB: t}
		Require(r, tool)
		assert.Equal(t, tool+" is needed for this test and missing; install the package "+pkg, r.failure)
	}
}

func TestPresentToolPasses(t *testing.T) {
	r := &recorder{TB: t}
	Require(r, "go")
	assert.Empty(t, r.failure)
}
