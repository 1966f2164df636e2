package ir

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/zeroduplex/zeroduplex/gen/spec"
)

func minimal(t *testing.T) *Document {
	t.Helper()
	model, err := spec.Load("../testdata/valid/minimal.yaml", "minimal.yaml")
	require.NoError(t, err)
	return Resolve(model)
}

func TestResolvedNumbers(t *testing.T) {
	d := minimal(t)
	assert.Equal(t, Integer{Decimal: "12884901920", Base: 16, Digits: "300000020"}, d.Protocols[0].IdentityWord)
	assert.Equal(t, Integer{Decimal: "1023", Base: 8, Digits: "1777"}, *d.Paths[1].Mode)
	assert.Equal(t, Integer{Decimal: "-1", Base: 10, Digits: "1", Negative: true}, d.Enums[0].Values[1].Value)
	assert.Nil(t, d.Defaults[0].Duration)
	assert.Equal(t, Milliseconds, *d.Defaults[1].Duration)
}

func TestResolvedFields(t *testing.T) {
	fields := map[string]Field{}
	for _, f := range minimal(t).Structs[0].Fields {
		fields[f.Name] = f
	}
	assert.False(t, fields["block_size"].Atomic, "a word covers it")
	assert.Equal(t, "identity", fields["block_size"].Word)
	assert.True(t, fields["counter"].Atomic)
	assert.False(t, fields["status"].Atomic)
	assert.Equal(t, uint64(4), fields["reserved"].Count)
}

func TestResolvedSegment(t *testing.T) {
	s := minimal(t).Segments[0]
	require.Len(t, s.Regions, 3)
	assert.Equal(t, uint64(0x20), *s.Regions[1].Offset, "the first configurable region has a known offset")
	assert.Nil(t, s.Regions[2].Offset)
	assert.Equal(t, "notes", s.Regions[2].After)
	assert.Equal(t, "body", s.LastSized)
	assert.Equal(t, []Input{{"notes", "max_notes"}, {"body", "max_body"}}, s.Inputs)
	assert.Equal(t, []ExampleRegion{{"head", 0, 0x20, 0x20}, {"notes", 0x20, 32, 0x40}, {"body", 0x40, 128, 0xC0}}, s.Examples[0].Regions)
}

func TestResolvedMoves(t *testing.T) {
	assert.Equal(t, []RoleMoves{
		{Role: "client", From: []Moves{{"idle", []string{"busy"}}}},
		{Role: "server", From: []Moves{{"idle", []string{"gone"}}, {"busy", []string{"idle", "gone"}}}},
	}, minimal(t).States[0].Moves)
}

func TestTemplates(t *testing.T) {
	assert.Equal(t, Template{
		Text:       "{a}/x-{b}.{a}",
		Parts:      []Part{{Parameter: "a"}, {Literal: "/x-"}, {Parameter: "b"}, {Literal: "."}, {Parameter: "a"}},
		Parameters: []string{"a", "b"},
	}, template("{a}/x-{b}.{a}"))
}

func TestErrorsStandBehindTheirKind(t *testing.T) {
	var order []string
	for _, e := range errorKinds([]spec.ErrorKind{
		kind("leaf", 1, "inner"), kind("inner", 3, "root"), kind("root", 4, ""), kind("other", 2, ""),
	}) {
		order = append(order, e.Name)
	}
	assert.Equal(t, []string{"root", "inner", "leaf", "other"}, order)
}

func kind(name string, code int64, parent string) spec.ErrorKind {
	e := spec.ErrorKind{Name: name, KindOf: parent}
	e.Code.SetInt64(code)
	return e
}

func TestRulerRows(t *testing.T) {
	rows := ruler([]Field{{Name: "a", Offset: 0, Width: 1}, {Name: "b", Offset: 1, Width: 9}, {Name: "c", Offset: 10,
		Width: 2}, {Name: "d", Offset: 12, Width: 16}})
	assert.Equal(t, []RulerRow{
		{Offset: 0, Lines: 1, Cells: []RulerCell{{"a", 8}, {"b", 24}}},
		{Offset: 4, Lines: 1, Cells: []RulerCell{{"b", 32}}},
		{Offset: 8, Lines: 1, Cells: []RulerCell{{"b", 16}, {"c", 16}}},
		{Offset: 12, Lines: 4, Cells: []RulerCell{{"d", 32}}, Last: true},
	}, rows)
}

// TestDumpHasNoNulls checks that the JSON of a spec without optional parts still has lists everywhere.
func TestDumpHasNoNulls(t *testing.T) {
	model, err := spec.Load("../testdata/golden/errors/spec.yaml", "spec.yaml")
	require.NoError(t, err)
	dump, err := json.Marshal(Resolve(model))
	require.NoError(t, err)
	assert.NotContains(t, string(dump), "null")
}
