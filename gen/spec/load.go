package spec

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"reflect"
)

// digestBytes is how much of the SHA-256 of a spec its digest shows.
const digestBytes = 6

// Load reads and checks a spec file. name is what messages call the file. The error, when there is one about the
// content, is of type Errors and holds every violation.
func Load(path, name string) (*Spec, error) {
	source, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(source, name)
}

// Parse checks a spec held in memory; see Load.
func Parse(source []byte, name string) (*Spec, error) {
	d := &decoder{file: name}
	root := d.parse(bytes.NewReader(source))
	if root == nil {
		return nil, d.errors
	}
	model := &Spec{}
	d.value(root, reflect.ValueOf(model).Elem(), whole)
	// The rules assume a complete model: what does not decode is reported alone.
	if len(d.errors) == 0 {
		check(model, d)
	}
	if len(d.errors) > 0 {
		return nil, d.errors.sorted()
	}
	sum := sha256.Sum256(source)
	model.Digest = fmt.Sprintf("%x", sum[:digestBytes])
	return model, nil
}
