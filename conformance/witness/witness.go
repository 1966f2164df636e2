// Package witness is the wire layout, and the errors, typed by hand: what the runner reads and writes segments by, and judges the agents' offsets with.
package witness

import (
	"bytes"
	_ "embed" // the files

	"gopkg.in/yaml.v3"
)

//go:embed offsets.yaml
var offsets []byte

//go:embed errors.yaml
var errorCodes []byte

// Struct is a struct's layout, in bytes.
type Struct struct {
	Size   uint64               `yaml:"size"`
	Fields map[string][2]uint64 `yaml:"fields"` // offset and width
}

// Structs are the structs by name.
var Structs = load[Struct]("offsets.yaml", offsets)

// ErrorCodes are the codes of the errors by name.
var ErrorCodes = load[uint64]("errors.yaml", errorCodes)

func load[T any](file string, content []byte) map[string]T {
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	var values map[string]T
	if err := decoder.Decode(&values); err != nil {
		panic("conformance/witness/" + file + ": " + err.Error())
	}
	return values
}
