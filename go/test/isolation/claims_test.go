//go:build linux

package isolation

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// reference is how the documents name the proof of a claim: `go: TestName`, `cpp: Suite.Name`, `csharp: Class.Method`,
// `python: file::test_name` or `conformance: suite/case`.
var reference = regexp.MustCompile("`(go|cpp|csharp|python|conformance): ([^`\\s]+)`")

var declarations = map[string]struct {
	folder, ending string
	declared       *regexp.Regexp
	name           func(file string, match []string) string
}{
	"go":     {"go", "_test.go", regexp.MustCompile(`(?m)^func (Test\w+)\(`), func(_ string, m []string) string { return m[1] }},
	"cpp":    {"cpp/tests", ".cpp", regexp.MustCompile(`(?m)^TEST(?:_F|_P)?\((\w+), (\w+)\)`), func(_ string, m []string) string { return m[1] + "." + m[2] }},
	"csharp": {"csharp/tests", "Tests.cs", regexp.MustCompile(`(?m)^ {8}public (?:async Task|void) (\w+)\(`), func(file string, m []string) string { return strings.TrimSuffix(file, ".cs") + "." + m[1] }},
	"python": {"python/tests", ".py", regexp.MustCompile(`(?m)^(?:async )?def (test_\w+)\(`), func(file string, m []string) string { return strings.TrimSuffix(file, ".py") + "::" + m[1] }},
}

// proofs are all tests and cases there are, as the documents name them.
func proofs(t *testing.T, root string) map[string]bool {
	found := map[string]bool{}
	for language, d := range declarations {
		err := filepath.WalkDir(filepath.Join(root, d.folder), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, d.ending) {
				return err
			}
			content, err := os.ReadFile(path)
			for _, match := range d.declared.FindAllStringSubmatch(string(content), -1) {
				found[language+": "+d.name(filepath.Base(path), match)] = true
			}
			return err
		})
		require.NoError(t, err)
	}
	suites, err := filepath.Glob(filepath.Join(root, "conformance", "suites", "*.yaml"))
	require.NoError(t, err)
	for _, path := range suites {
		var suite struct {
			Suite string
			Cases []struct{ Name string }
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(content, &suite), path)
		for _, c := range suite.Cases {
			found[fmt.Sprintf("conformance: %s/%s", suite.Suite, c.Name)] = true
		}
	}
	return found
}

// unproven lists the promises of a document, its table rows, that name no proof, and the proofs that do not exist.
func unproven(document string, exists map[string]bool) (problems []string) {
	body := false
	for _, line := range strings.Split(document, "\n") {
		names := reference.FindAllStringSubmatch(line, -1)
		for _, name := range names {
			if !exists[name[1]+": "+name[2]] {
				problems = append(problems, "does not exist: "+name[0])
			}
		}
		row := strings.HasPrefix(line, "|")
		if row && body && len(names) == 0 {
			problems = append(problems, "names no proof: "+line)
		}
		body = row && (body || strings.HasPrefix(line, "|--") || strings.HasPrefix(line, "| --"))
	}
	return problems
}

func TestEveryPromiseNamesAProofThatExists(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	require.NoError(t, err)
	exists := proofs(t, root)
	for _, kind := range []string{"go", "cpp", "csharp", "python", "conformance"} {
		n := 0
		for name := range exists {
			if strings.HasPrefix(name, kind+": ") {
				n++
			}
		}
		require.Greater(t, n, 20, "the tests of %s were not found", kind)
	}
	for _, document := range []string{"spec/docs/security.md", "spec/docs/containers.md", "spec/docs/memory.md"} {
		content, err := os.ReadFile(filepath.Join(root, document))
		require.NoError(t, err)
		assert.Greater(t, len(reference.FindAllString(string(content), -1)), 5, "%s names hardly any proof", document)
		assert.Empty(t, unproven(string(content), exists), document)
	}
}

func TestPromisesWithoutAProofAreFound(t *testing.T) {
	exists := map[string]bool{"go: TestThere": true, "conformance: names/valid": true}
	assert.Empty(t, unproven("Text.\n\n| promise | proof |\n|---|---|\n| it works | `go: TestThere`, `conformance: names/valid` |\n", exists))
	assert.Equal(t, []string{"does not exist: `go: TestGone`", "names no proof: | it is safe | trust us |"},
		unproven("See `go: TestGone`.\n\n| promise | proof |\n|---|---|\n| it is safe | trust us |\n", exists))
}
