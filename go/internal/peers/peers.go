// Package peers finds and runs the small programs that every language provides under build/peers/<language>/.
package peers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Known are the languages that may have peers, in the order in which they are shown.
var Known = []string{"go", "cpp", "csharp", "python"}

// Language is a language whose peers were found.
type Language struct {
	Name   string
	folder string
}

// Command is the start of a command line: a program, perhaps with first arguments.
type Command []string

// Peer is the command of one of the language's programs.
func (l Language) Peer(program string) Command { return Command{filepath.Join(l.folder, program)} }

// Has fails when the language lacks some of the programs.
func (l Language) Has(programs ...string) error {
	for _, program := range programs {
		if err := executable(l.Peer(program)[0]); err != nil {
			return fmt.Errorf("the %s peers are incomplete, run `make peers`: %w", l.Name, err)
		}
	}
	return nil
}

// At is a language, or any other peer, whose programs lie in a folder of their own. It fails when one is missing.
func At(name, folder string, programs ...string) (Language, error) {
	l := Language{Name: name, folder: folder}
	for _, program := range programs {
		if err := executable(l.Peer(program)[0]); err != nil {
			return Language{}, fmt.Errorf("%s is no folder of %s: %w", folder, strings.Join(programs, " and "), err)
		}
	}
	return l, nil
}

// Find returns the languages that have all the programs under folder. It fails when there is none, when a language lacks some
// of the programs, or when a folder is of no known language: an incomplete build must not shrink what is tested.
func Find(folder string, programs ...string) ([]Language, error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("looking for peers: %w", err)
	}
	var found []Language
	for _, entry := range entries {
		if !slices.Contains(Known, entry.Name()) {
			return nil, fmt.Errorf("%s is of no known language (%s)", filepath.Join(folder, entry.Name()), strings.Join(Known, ", "))
		}
		l := Language{Name: entry.Name(), folder: filepath.Join(folder, entry.Name())}
		if err := l.Has(programs...); err != nil {
			return nil, err
		}
		found = append(found, l)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no peers in %s, run `make peers`", folder)
	}
	slices.SortFunc(found, func(a, b Language) int { return slices.Index(Known, a.Name) - slices.Index(Known, b.Name) })
	return found, nil
}

func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return fmt.Errorf("%s is no executable file", path)
	}
	return nil
}

// Folder is where peers are looked for by default: beside the folder of this program (build/bin and build/peers).
func Folder() string {
	self, err := os.Executable()
	if err != nil {
		return filepath.Join("build", "peers")
	}
	return filepath.Join(filepath.Dir(filepath.Dir(self)), "peers")
}

// Leftovers lists what a channel, or a v1 buffer, left in shared memory, its semaphores and temporary files included.
func Leftovers(channel string) []string {
	entries, err := os.ReadDir("/dev/shm")
	if err != nil {
		return []string{err.Error()} // not being able to look is not the same as finding nothing
	}
	var left []string
	for _, entry := range entries {
		name := entry.Name()
		// The two buffers of a v1 channel have names of their own.
		for _, object := range []string{channel, channel + "_request", channel + "_response"} {
			if name == object || strings.HasPrefix(name, "sem.sem-") && strings.HasSuffix(name, "-"+object) || strings.HasPrefix(name, ".zd-"+object+".") {
				left = append(left, filepath.Join("/dev/shm", name))
			}
		}
	}
	return left
}
