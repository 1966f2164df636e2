// Package conformance holds what the runner is built with: the suites, the known failures and the recorded v1 scenarios.
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

//go:embed testdata/golden-v1
var golden embed.FS

// GoldenDeviations is golden-v1-deviations.yaml.
//
//go:embed testdata/golden-v1-deviations.yaml
var GoldenDeviations []byte

// Golden is the folder of recorded v1 scenarios.
func Golden() fs.FS { return folder(golden, "testdata/golden-v1") }

// Suites is the folder of suites.
func Suites() fs.FS { return folder(suites, "suites") }

func folder(files embed.FS, name string) fs.FS {
	folder, err := fs.Sub(files, name)
	if err != nil {
		panic(err) // the name is a constant that is there
	}
	return folder
}
