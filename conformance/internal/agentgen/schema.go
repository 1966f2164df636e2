// Package agentgen generates the message types of the agent protocol in all four languages from schema/agent.yaml.
package agentgen

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// Schema is schema/agent.yaml.
type Schema struct {
	ProtocolVersion int         `yaml:"protocol_version"`
	Roles           []Name      `yaml:"roles"`
	Outcomes        []Name      `yaml:"outcomes"`
	Handlers        []Name      `yaml:"handlers"`
	Messages        []Message   `yaml:"messages"`
	Operations      []Operation `yaml:"operations"`
}

// Name is a word of the protocol.
type Name struct {
	Name string `yaml:"name"`
	Doc  string `yaml:"doc"`
}

// Message is a JSON object.
type Message struct {
	Name   string  `yaml:"name"`
	Doc    string  `yaml:"doc"`
	Fields []Field `yaml:"fields"`
}

// Field is a member of a message.
type Field struct {
	Name     string `yaml:"name"`
	Type     string `yaml:"type"`
	Optional bool   `yaml:"optional"`
	Doc      string `yaml:"doc"`
}

// Operation is something an agent is asked to do.
type Operation struct {
	Name   string  `yaml:"name"`
	Role   string  `yaml:"role"`
	Doc    string  `yaml:"doc"`
	Args   []Field `yaml:"args"`
	Result string  `yaml:"result"`
}

// Arguments is the message of an operation's arguments.
func (o Operation) Arguments() Message {
	return Message{Name: o.Name + "_args", Doc: o.Doc, Fields: o.Args}
}

// Roles lists the roles in which an agent knows the operation.
func (o Operation) Roles(all []Name) []string {
	if o.Role != both {
		return []string{o.Role}
	}
	var names []string
	for _, r := range all {
		names = append(names, r.Name)
	}
	return names
}

const both = "both"

var scalars = map[string]bool{"string": true, "integer": true, "signed": true, "bool": true, "object": true}

// Element is the type of a list's elements, and whether the field is a list.
func (f Field) Element() (string, bool) {
	if inner, ok := strings.CutPrefix(f.Type, "["); ok {
		return strings.TrimSuffix(inner, "]"), true
	}
	return f.Type, false
}

// Parse reads a schema strictly: unknown keys, unknown types and double names are errors.
func Parse(content []byte) (*Schema, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	var s Schema
	if err := decoder.Decode(&s); err != nil {
		return nil, fmt.Errorf("agent schema: %w", err)
	}
	return &s, s.check()
}

func (s *Schema) check() error {
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf("agent schema: "+format, args...)) }
	if s.ProtocolVersion < 1 {
		fail("protocol_version %d", s.ProtocolVersion)
	}
	messages := map[string]bool{}
	fields := func(m Message) {
		if m.Doc == "" {
			fail("%s has no doc", m.Name)
		}
		if messages[m.Name] {
			fail("%s is there twice", m.Name)
		}
		names := map[string]bool{}
		for _, f := range m.Fields {
			element, list := f.Element()
			switch {
			case names[f.Name]:
				fail("%s.%s is there twice", m.Name, f.Name)
			case !scalars[element] && !messages[element]:
				fail("%s.%s has the unknown type %q (a message must stand above its use)", m.Name, f.Name, f.Type)
			case list && f.Optional:
				fail("%s.%s: a list is never optional, it may be empty", m.Name, f.Name)
			case f.Doc == "":
				fail("%s.%s has no doc", m.Name, f.Name)
			}
			names[f.Name] = true
		}
		messages[m.Name] = true
	}
	for _, m := range s.Messages {
		fields(m)
	}
	roles := map[string]bool{both: true}
	for _, r := range s.Roles {
		roles[r.Name] = true
	}
	for _, o := range s.Operations {
		fields(o.Arguments())
		if !roles[o.Role] {
			fail("%s has the unknown role %q", o.Name, o.Role)
		}
		if !messages[o.Result] {
			fail("%s has the unknown result %q", o.Name, o.Result)
		}
	}
	return errors.Join(errs...)
}
