package spec

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"reflect"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// decoder fills the model from YAML nodes. It is strict: an unknown, missing or repeated key is an error, and so is
// a value of another form. yaml.v3's own decoding stops at the first problem and forgets where values stood.
type decoder struct {
	file   string
	errors Errors
}

func (d *decoder) fail(node *yaml.Node, rule Rule, format string, args ...any) {
	line, column := 1, 1
	if node != nil && node.Line > 0 {
		line, column = node.Line, node.Column
	}
	d.errors = append(d.errors, Error{File: d.file, Line: line, Column: column, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

// parse reads exactly one YAML document.
func (d *decoder) parse(source io.Reader) *yaml.Node {
	var document, second yaml.Node
	reader := yaml.NewDecoder(source)
	err := reader.Decode(&document)
	if errors.Is(err, io.EOF) {
		d.fail(nil, RuleSyntax, "the file is empty")
		return nil
	}
	if err != nil {
		d.fail(syntaxPosition(err), RuleSyntax, "not a YAML document: %v", err)
		return nil
	}
	if err := reader.Decode(&second); !errors.Is(err, io.EOF) {
		d.fail(&second, RuleSyntax, "a spec is one YAML document, another begins here")
		return nil
	}
	return document.Content[0]
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// syntaxPosition finds the line in the text of a YAML error, the only place where it stands.
func syntaxPosition(err error) *yaml.Node {
	match := yamlLine.FindStringSubmatch(err.Error())
	if match == nil {
		return nil
	}
	line, err := strconv.Atoi(match[1])
	if err != nil {
		return nil
	}
	return &yaml.Node{Line: line, Column: 1}
}

// value decodes one node into any part of the model; what names it in messages.
func (d *decoder) value(node *yaml.Node, target reflect.Value, what string) {
	if integer, ok := target.Addr().Interface().(*Integer); ok {
		d.integer(node, integer, what)
		return
	}
	switch target.Kind() {
	case reflect.Pointer:
		target.Set(reflect.New(target.Type().Elem()))
		d.value(node, target.Elem(), what)
	case reflect.Struct:
		d.mapping(node, target, what)
	case reflect.Slice:
		d.list(node, target, what)
	case reflect.Map:
		d.table(node, target, what)
	case reflect.String:
		d.text(node, target, what)
	case reflect.Bool:
		if node.Tag != "!!bool" {
			d.fail(node, RuleBadValue, "%s must be true or false", what)
			return
		}
		target.SetBool(node.Value == "true")
	case reflect.Uint64:
		var integer Integer
		if !d.integer(node, &integer, what) {
			return
		}
		if !integer.IsUint64() {
			d.fail(node, RuleBadValue, "%s must be between 0 and 2^64-1, not %s", what, node.Value)
			return
		}
		target.SetUint(integer.Uint64())
	default:
		panic("spec: the model has a field of kind " + target.Kind().String())
	}
}

func (d *decoder) text(node *yaml.Node, target reflect.Value, what string) {
	if node.Kind != yaml.ScalarNode || node.Tag != "!!str" || strings.TrimSpace(node.Value) == "" {
		d.fail(node, RuleBadValue, "%s must be text", what)
		return
	}
	target.SetString(strings.TrimSpace(node.Value))
}

func (d *decoder) integer(node *yaml.Node, target *Integer, what string) bool {
	number, ok := new(big.Int).SetString(node.Value, 0)
	if node.Kind != yaml.ScalarNode || node.Tag != "!!int" || !ok {
		d.fail(node, RuleBadValue, "%s must be an integer, written as 10, 0x1F or 0o17", what)
		return false
	}
	target.Set(number)
	target.Base = 10
	switch lower := strings.ToLower(node.Value); {
	case strings.HasPrefix(lower, "0x"):
		target.Base = 16
	case strings.HasPrefix(lower, "0o"):
		target.Base = 8
	}
	return true
}

func (d *decoder) list(node *yaml.Node, target reflect.Value, what string) {
	if node.Kind != yaml.SequenceNode {
		d.fail(node, RuleBadValue, "%s must be a list", what)
		return
	}
	target.Set(reflect.MakeSlice(target.Type(), len(node.Content), len(node.Content)))
	for i, element := range node.Content {
		d.value(element, target.Index(i), fmt.Sprintf("%s[%d]", what, i))
	}
}

func (d *decoder) table(node *yaml.Node, target reflect.Value, what string) {
	if node.Kind != yaml.MappingNode {
		d.fail(node, RuleBadValue, "%s must be a mapping", what)
		return
	}
	target.Set(reflect.MakeMap(target.Type()))
	d.repeatedKeys(node, what)
	for i := 0; i+1 < len(node.Content); i += 2 {
		d.entry(node.Content[i], node.Content[i+1], target, what)
	}
}

func (d *decoder) entry(key, node *yaml.Node, table reflect.Value, what string) {
	element := reflect.New(table.Type().Elem()).Elem()
	d.value(node, element, below(what, key.Value))
	table.SetMapIndex(reflect.ValueOf(key.Value), element)
}

func (d *decoder) mapping(node *yaml.Node, target reflect.Value, what string) {
	if node.Kind != yaml.MappingNode {
		d.fail(node, RuleBadValue, "%s must be a mapping", what)
		return
	}
	target.FieldByName("Node").Set(reflect.ValueOf(Node{node}))
	d.repeatedKeys(node, what)
	keys, inline := modelKeys(target.Type())
	for _, key := range keys {
		keyNode, value := lookup(node, key.name)
		if keyNode == nil {
			if !key.optional {
				d.fail(node, RuleMissingKey, "%s lacks the key %q", what, key.name)
			}
			continue
		}
		d.value(value, target.FieldByIndex(key.index), below(what, key.name))
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		switch {
		case hasKey(keys, key.Value):
		case inline != nil:
			table := target.FieldByIndex(inline)
			if table.IsNil() {
				table.Set(reflect.MakeMap(table.Type()))
			}
			d.entry(key, node.Content[i+1], table, what)
		default:
			d.fail(key, RuleUnknownKey, "%s has the unknown key %q; known keys: %s", what, key.Value, keyNames(keys))
		}
	}
}

func (d *decoder) repeatedKeys(node *yaml.Node, what string) {
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key := node.Content[i]
		if seen[key.Value] {
			d.fail(key, RuleDuplicateKey, "%s has the key %q twice", what, key.Value)
		}
		seen[key.Value] = true
	}
}

// modelKey is a YAML key as the tags of the model declare it.
type modelKey struct {
	name     string
	optional bool
	index    []int
}

// modelKeys lists the keys of a part of the model, and the field that takes keys of any name, if there is one.
func modelKeys(part reflect.Type) (keys []modelKey, inline []int) {
	for _, field := range reflect.VisibleFields(part) {
		tag, ok := field.Tag.Lookup("spec")
		if !ok || len(field.Index) > 1 {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		if option == "inline" {
			inline = field.Index
			continue
		}
		keys = append(keys, modelKey{name: name, optional: option == "optional", index: field.Index})
	}
	return keys, inline
}

// whole is what messages call the root of the model.
const whole = "the spec"

// below names a part of a part, for messages.
func below(what, key string) string {
	if what == whole {
		return key
	}
	return what + "." + key
}

func hasKey(keys []modelKey, name string) bool {
	for _, key := range keys {
		if key.name == name {
			return true
		}
	}
	return false
}

func keyNames(keys []modelKey) string {
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = key.name
	}
	sort.Strings(names)
	return strings.Join(names, ", ")
}
