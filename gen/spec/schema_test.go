package spec

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

const schemaPath = "../../spec/zeroduplex.schema.json"

// schema is the part of JSON Schema that the file uses; decoding refuses any other keyword.
type schema struct {
	Schema               string             `json:"$schema"`
	Title                string             `json:"title"`
	Description          string             `json:"description"`
	Type                 string             `json:"type"`
	Ref                  string             `json:"$ref"`
	Const                any                `json:"const"`
	Enum                 []string           `json:"enum"`
	Pattern              string             `json:"pattern"`
	MinLength            int                `json:"minLength"`
	Minimum              *float64           `json:"minimum"`
	Maximum              *float64           `json:"maximum"`
	Items                *schema            `json:"items"`
	MinItems             int                `json:"minItems"`
	MaxItems             int                `json:"maxItems"`
	Properties           map[string]*schema `json:"properties"`
	Required             []string           `json:"required"`
	AdditionalProperties json.RawMessage    `json:"additionalProperties"`
	OneOf                []*schema          `json:"oneOf"`
	Defs                 map[string]*schema `json:"$defs"`
}

func loadSchema(t *testing.T) *schema {
	t.Helper()
	file, err := os.Open(schemaPath)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, file.Close()) })
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	var root schema
	require.NoError(t, decoder.Decode(&root))
	require.Equal(t, "https://json-schema.org/draft/2020-12/schema", root.Schema)
	return &root
}

// TestSchemaAgreesWithModel compares keys and required keys of every part, both ways.
func TestSchemaAgreesWithModel(t *testing.T) {
	root := loadSchema(t)
	used := map[string]bool{}
	agree(t, root, root, reflect.TypeOf(Spec{}), used)
	for name, definition := range root.Defs {
		if definition.Type == "object" {
			assert.True(t, used[name], "the schema defines %s, which the model does not have", name)
		}
	}
}

func agree(t *testing.T, root, part *schema, model reflect.Type, used map[string]bool) {
	t.Helper()
	keys, inline := modelKeys(model)
	var names, required []string
	for _, key := range keys {
		names = append(names, key.name)
		if !key.optional {
			required = append(required, key.name)
		}
	}
	var properties []string
	for name := range part.Properties {
		properties = append(properties, name)
	}
	assert.ElementsMatch(t, names, properties, "keys of %s", model.Name())
	assert.ElementsMatch(t, required, part.Required, "required keys of %s", model.Name())
	assert.Equal(t, inline == nil, string(part.AdditionalProperties) == "false", "additionalProperties of %s", model.Name())
	for _, key := range keys {
		inner := model.FieldByIndex(key.index).Type
		for inner.Kind() == reflect.Slice || inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() != reflect.Struct || inner == reflect.TypeOf(Integer{}) || used[inner.Name()] {
			continue
		}
		used[inner.Name()] = true
		definition := root.Defs[inner.Name()]
		if assert.NotNil(t, definition, "the schema lacks $defs/%s", inner.Name()) {
			agree(t, root, definition, inner, used)
		}
	}
}

// TestSchemaAgreesWithTables compares lists of words with the tables that the checks use.
func TestSchemaAgreesWithTables(t *testing.T) {
	root := loadSchema(t)
	assert.Equal(t, snakeCase.String(), root.Defs["name"].Pattern)
	for _, name := range root.Defs["scalar"].Enum {
		assert.Contains(t, Scalars, name)
	}
	assert.Len(t, root.Defs["scalar"].Enum, len(Scalars))
	for _, name := range root.Defs["order"].Enum {
		assert.Contains(t, memoryOrders, name)
	}
	assert.Len(t, root.Defs["order"].Enum, len(memoryOrders))
}

func TestSchemaAcceptsTheSpec(t *testing.T) {
	root := loadSchema(t)
	for _, path := range []string{"../../spec/zeroduplex.yaml", "../testdata/valid/minimal.yaml"} {
		assert.Empty(t, validate(root, root, decodeYAML(t, readFixture(t, path)), "spec"), path)
	}
}

// TestSchemaRefusesViolations shows that the validation of the test above can fail, for each keyword.
func TestSchemaRefusesViolations(t *testing.T) {
	root := loadSchema(t)
	source := readFixture(t, "../testdata/valid/minimal.yaml")
	for name, change := range map[string][2]string{
		"const":                {"little_endian", "big_endian"},
		"enum":                 {"store: seq_cst", "store: eventually"},
		"pattern":              {"name: counter", "name: Counter"},
		"type":                 {"size: 32", "size: large"},
		"minimum":              {"offset: 0x18", "offset: -8"},
		"maximum":              {"bit: 31", "bit: 64"},
		"minItems":             {"version: [3, 0, 0, 0]", "version: [3, 0, 0]"},
		"maxItems":             {"version: [3, 0, 0, 0]", "version: [3, 0, 0, 0, 0]"},
		"required":             {"    doc: A struct.\n", ""},
		"additionalProperties": {"size: 32", "size: 32\n    colour: red"},
		"oneOf":                {"struct: block, doc", "doc"},
		"minLength":            {"doc: A struct.", `doc: ""`},
	} {
		changed := strings.Replace(source, change[0], change[1], 1)
		require.NotEqual(t, source, changed, name)
		assert.NotEmpty(t, validate(root, root, decodeYAML(t, changed), "spec"), name)
	}
}

func decodeYAML(t *testing.T, source string) any {
	t.Helper()
	var value any
	require.NoError(t, yaml.Unmarshal([]byte(source), &value))
	return value
}

// validate checks a value against a schema and returns what is wrong.
func validate(root, s *schema, value any, at string) []string {
	if s.Ref != "" {
		return validate(root, root.Defs[strings.TrimPrefix(s.Ref, "#/$defs/")], value, at)
	}
	var wrong []string
	fail := func(keyword string) { wrong = append(wrong, at+": "+keyword) }
	if s.Const != nil && s.Const != value {
		fail("const")
	}
	if text, ok := value.(string); s.Enum != nil && (!ok || !slices.Contains(s.Enum, text)) {
		fail("enum")
	}
	if s.Type != "" && typeOf(value) != s.Type {
		fail("type")
		return wrong
	}
	switch v := value.(type) {
	case string:
		if len(v) < s.MinLength || (s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v)) {
			fail("minLength or pattern")
		}
	case []any:
		if len(v) < s.MinItems || (s.MaxItems > 0 && len(v) > s.MaxItems) {
			fail("minItems or maxItems")
		}
		for _, element := range v {
			wrong = append(wrong, validate(root, s.Items, element, at+"[]")...)
		}
	case map[string]any:
		wrong = append(wrong, validateObject(root, s, v, at)...)
	default:
		if n, ok := asFloat(value); ok && ((s.Minimum != nil && n < *s.Minimum) || (s.Maximum != nil && n > *s.Maximum)) {
			fail("minimum or maximum")
		}
	}
	return wrong
}

func validateObject(root, s *schema, object map[string]any, at string) []string {
	var wrong []string
	for _, key := range s.Required {
		if _, ok := object[key]; !ok {
			wrong = append(wrong, at+": required "+key)
		}
	}
	for key, value := range object {
		property := s.Properties[key]
		if property == nil && len(s.AdditionalProperties) > 0 {
			property = additional(s.AdditionalProperties)
			if property == nil {
				wrong = append(wrong, at+": additionalProperties "+key)
			}
		}
		if property != nil {
			wrong = append(wrong, validate(root, property, value, at+"."+key)...)
		}
	}
	matching := 0
	for _, one := range s.OneOf {
		if len(validateObject(root, one, object, at)) == 0 {
			matching++
		}
	}
	if len(s.OneOf) > 0 && matching != 1 {
		wrong = append(wrong, at+": oneOf")
	}
	return wrong
}

// additional is the schema of other keys, nil when there must be none.
func additional(raw json.RawMessage) *schema {
	var s schema
	if string(raw) == "false" || json.Unmarshal(raw, &s) != nil {
		return nil
	}
	return &s
}

func typeOf(value any) string {
	switch value.(type) {
	case string:
		return "string"
	case bool:
		return "boolean"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	case int, int64, uint64:
		return "integer"
	default:
		return "other"
	}
}

func asFloat(value any) (float64, bool) {
	switch n := value.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	default:
		return 0, false
	}
}
