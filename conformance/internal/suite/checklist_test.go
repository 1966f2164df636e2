package suite_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/zeroduplex/zeroduplex/conformance"
	"github.com/zeroduplex/zeroduplex/conformance/internal/suite"
)

// scenarios are the numbers of ZeroBuffer's 75 scenarios: of each chapter the last one, and those that do not exist.
func scenarios() []string {
	missing := []string{"5.4", "11.2"}
	var ids []string
	for chapter, last := range []int{7, 4, 3, 12, 7, 4, 4, 4, 1, 6, 5, 4, 10, 6} {
		for i := 1; i <= last; i++ {
			if id := fmt.Sprintf("%d.%d", chapter+1, i); !slices.Contains(missing, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// The page that says which case covers which scenario must not say more than there is, nor less.
func TestChecklistOfVersion1(t *testing.T) {
	suites, err := suite.Load(conformance.Suites())
	require.NoError(t, err)
	known := map[string]bool{}
	for _, s := range suites {
		for _, c := range s.Cases {
			known[s.Name+"/"+c.Name] = true
		}
	}
	content, err := os.ReadFile("../../docs/v1-checklist.md")
	require.NoError(t, err)
	row := regexp.MustCompile(`(?m)^\| (\d+\.\d+) \| ([^|]+) \| ([^|]+) \|$`)
	name := regexp.MustCompile("`([a-z0-9-]+/[a-z0-9-]+)`")
	var listed []string
	for _, r := range row.FindAllStringSubmatch(string(content), -1) {
		id, covered := r[1], r[3]
		listed = append(listed, id)
		cases := name.FindAllStringSubmatch(covered, -1)
		for _, c := range cases {
			assert.True(t, known[c[1]], "%s names the case %s, which does not exist", id, c[1])
		}
		reason, excused := strings.CutPrefix(covered, "Not applicable")
		assert.True(t, len(cases) > 0 || excused && len(reason) > 20, "%s is neither covered nor excused", id)
	}
	assert.Equal(t, scenarios(), listed)
	assert.Len(t, listed, 75)
}
