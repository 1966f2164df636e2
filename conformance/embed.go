// Package conformance holds what the runner is built with: the suites and the known failures.
package conformance

import (
	"embed"
	"io/fs"
)

//go:embed suites/*.yaml
var suites embed.FS

// KnownFailing is known_failing.yaml.
//
//go:embed known_failing.yaml
var KnownFailing []byte

// Suites is the folder of suites.
func Suites() fs.FS {
	folder, err := fs.Sub(suites, "suites")
	if err != nil {
		panic(err) // the name is a constant that is there
	}
	return folder
}
