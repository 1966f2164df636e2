package spec

import (
	"fmt"
	"sort"
	"strings"

	"gopkg.in/yaml.v3"
)

// Error is one violation of one rule at one place of a spec file.
type Error struct {
	File    string
	Line    int
	Column  int
	Rule    Rule
	Message string
}

func (e Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s [%s]", e.File, e.Line, e.Column, e.Message, e.Rule)
}

// Errors is everything that is wrong with a spec, in the order of the file.
type Errors []Error

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

func (e Errors) sorted() Errors {
	sort.SliceStable(e, func(i, j int) bool {
		if e[i].Line != e[j].Line {
			return e[i].Line < e[j].Line
		}
		return e[i].Column < e[j].Column
	})
	return e
}

// Node remembers where in the YAML a part of the model came from.
type Node struct{ yaml *yaml.Node }

// position returns the YAML node behind a key of the part, or of the part itself when the key is absent.
func (n Node) position(key string) *yaml.Node {
	if _, value := lookup(n.yaml, key); value != nil {
		return value
	}
	return n.yaml
}

// element returns the YAML node of the i-th element of the list behind a key.
func (n Node) element(key string, i int) *yaml.Node {
	list := n.position(key)
	if list.Kind == yaml.SequenceNode && i < len(list.Content) {
		return list.Content[i]
	}
	return list
}

func lookup(mapping *yaml.Node, key string) (keyNode, value *yaml.Node) {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i], mapping.Content[i+1]
		}
	}
	return nil, nil
}
