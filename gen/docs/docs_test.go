package docs

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/spec"
)

func document(t *testing.T) *ir.Document {
	t.Helper()
	model, err := spec.Load("../testdata/valid/minimal.yaml", "minimal.yaml")
	require.NoError(t, err)
	return ir.Resolve(model)
}

func render(t *testing.T, text string) (string, error) {
	t.Helper()
	files, err := Backend{Text: []byte(text)}.Files(document(t))
	if err != nil {
		return "", err
	}
	require.Len(t, files, 1)
	assert.Equal(t, Path, files[0].Path)
	return string(files[0].Content), nil
}

func TestTextAroundRegionsStays(t *testing.T) {
	files, err := Backend{}.Files(document(t))
	require.NoError(t, err)
	fresh := string(files[0].Content)
	edited := strings.Replace(fresh, "## Roles\n", "## Roles\n\nWords of a person.\n", 1)
	edited = strings.Replace(edited, "| client | Asks.", "| client | Edited.", 1)
	require.Contains(t, edited, "Edited.")
	again, err := render(t, edited)
	require.NoError(t, err)
	assert.Equal(t, strings.Replace(fresh, "## Roles\n", "## Roles\n\nWords of a person.\n", 1), again)
	twice, err := render(t, again)
	require.NoError(t, err)
	assert.Equal(t, again, twice)
}

func TestBrokenText(t *testing.T) {
	files, err := Backend{}.Files(document(t))
	require.NoError(t, err)
	fresh := string(files[0].Content)
	for name, c := range map[string]struct{ old, new, want string }{
		"missing region": {"<!-- generated:roles -->", "", "a region ends here that never began"},
		"unknown region": {"<!-- generated:roles -->", "<!-- generated:rolls -->", `nothing generates the region "rolls"`},
		"nested region":  {"<!-- /generated -->", "", `a region begins inside "protocols"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render(t, strings.Replace(fresh, c.old, c.new, 1))
			require.ErrorContains(t, err, c.want)
			assert.Regexp(t, `^spec/PROTOCOL\.md:\d+: `, err.Error())
		})
	}
	_, err = render(t, "# Nothing here\n")
	require.ErrorContains(t, err, `the region "protocols" is missing; add the lines <!-- generated:protocols --> and <!-- /generated -->`)
	_, err = render(t, "<!-- generated:roles -->\n")
	require.ErrorContains(t, err, `the region "roles" never ends`)
	_, err = render(t, fresh+"<!-- generated:roles -->\n<!-- /generated -->\n")
	require.ErrorContains(t, err, "stands here twice")
}

func TestTwoPartsOfOneName(t *testing.T) {
	d := document(t)
	d.Structs[0].Name = "errors"
	_, err := Backend{}.Files(d)
	require.ErrorContains(t, err, `two parts of the spec want the region "errors"`)
}

func TestRuler(t *testing.T) {
	lines := ruler([]ir.RulerRow{
		{Offset: 0, Lines: 1, Cells: []ir.RulerCell{{Label: "a", Bits: 8}, {Label: "b", Bits: 24}}},
		{Offset: 4, Lines: 2, Cells: []ir.RulerCell{{Label: "wide", Bits: 32}}},
		{Offset: 12, Lines: 8, Cells: []ir.RulerCell{{Label: "long", Bits: 32}}},
	})
	assert.Equal(t, []string{
		"|       a       |                       b                       |  0x00",
		"+---------------------------------------------------------------+",
		"|                             wide                              |  0x04",
		"|                                                               |",
		"+---------------------------------------------------------------+",
		"|                             long                              |  0x0C",
		"|                        ... 7 more rows                        |",
		"+---------------------------------------------------------------+",
	}, lines[3:])
}

func TestTableEscapesCells(t *testing.T) {
	assert.Equal(t, []string{
		`| a    | b |`,
		`| ---- | - |`,
		`| x\|y | ü |`,
	}, newTable([]string{"a", "b"}, [][]string{{"x|y", "ü"}}).Lines)
}
