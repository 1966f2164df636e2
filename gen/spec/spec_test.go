package spec

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const invalidFolder = "../testdata/invalid"

// TestInvalidFixtures loads every fixture and compares all violations with the `# want` lines at its beginning.
func TestInvalidFixtures(t *testing.T) {
	for _, path := range fixtures(t) {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			model, err := Load(path, "spec")
			require.Error(t, err)
			assert.Nil(t, model)
			var violations Errors
			require.ErrorAs(t, err, &violations)
			var got []string
			for _, v := range violations {
				got = append(got, strings.TrimPrefix(v.Error(), "spec:"))
			}
			assert.Equal(t, wanted(t, path), got)
			rule, _, _ := strings.Cut(name, ".")
			assert.Contains(t, strings.Join(got, "\n"), "["+rule+"]", "the fixture does not violate the rule it is named after")
		})
	}
}

// TestEveryRuleHasAFixture fails for a rule without a fixture, and for a fixture without a rule.
func TestEveryRuleHasAFixture(t *testing.T) {
	covered := map[string]bool{}
	for _, path := range fixtures(t) {
		rule, _, _ := strings.Cut(filepath.Base(path), ".")
		covered[rule] = true
	}
	declared := declaredRules(t)
	require.Greater(t, len(declared), 30)
	for _, rule := range declared {
		assert.True(t, covered[rule], "no fixture %s/%s.yaml", invalidFolder, rule)
		delete(covered, rule)
	}
	assert.Empty(t, covered, "fixtures of unknown rules")
}

func TestAllViolationsAreReportedInOrder(t *testing.T) {
	source := readFixture(t, "../testdata/valid/minimal.yaml")
	source = strings.Replace(source, "little_endian", "big_endian", 1)
	source = strings.Replace(source, "size: 32", "size: 33", 1)
	source = strings.Replace(source, "kind_of: wrong", "kind_of: unknown", 1)
	_, err := Parse([]byte(source), "file.yaml")
	var violations Errors
	require.ErrorAs(t, err, &violations)
	var rules []Rule
	for i, v := range violations {
		rules = append(rules, v.Rule)
		assert.Equal(t, "file.yaml", v.File)
		if i > 0 {
			assert.LessOrEqual(t, violations[i-1].Line, v.Line)
		}
	}
	assert.Equal(t, []Rule{RuleByteOrder, RuleStructSize, RuleAlignment, RuleRegionOffset, RuleErrorParent}, rules)
}

func TestValidSpecs(t *testing.T) {
	for _, path := range []string{"../testdata/valid/minimal.yaml", "../../spec/zeroduplex.yaml"} {
		model, err := Load(path, path)
		require.NoError(t, err)
		assert.Len(t, model.Digest, 12)
	}
}

func TestMissingFile(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "none.yaml"), "none.yaml")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func fixtures(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(invalidFolder, "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	return paths
}

func readFixture(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

func wanted(t *testing.T, path string) []string {
	t.Helper()
	var want []string
	for _, line := range strings.Split(readFixture(t, path), "\n") {
		if message, ok := strings.CutPrefix(line, "# want "); ok {
			want = append(want, message)
		}
	}
	require.NotEmpty(t, want, "a fixture begins with the messages it leads to: # want line:column: message [rule]")
	return want
}

// declaredRules reads the constants of type Rule from the source, so that none can be forgotten here.
func declaredRules(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "rules.go", nil, 0)
	require.NoError(t, err)
	var rules []string
	ast.Inspect(file, func(n ast.Node) bool {
		value, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		text, err := strconv.Unquote(value.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		rules = append(rules, text)
		return true
	})
	return rules
}
