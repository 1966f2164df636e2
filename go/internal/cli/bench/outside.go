package bench

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/peers"
)

// exitUnsupported is how an outside program says that it cannot do what a setting asks for.
const exitUnsupported = 3

var outsideName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)

// outsidePairs reads --outside: each peer with itself, for others speak another protocol.
func outsidePairs(list string) (pairs []pair, err error) {
	if list == "" {
		return nil, nil
	}
	for _, item := range strings.Split(list, ",") {
		name, folder, ok := strings.Cut(item, "=")
		if !ok || !outsideName.MatchString(name) || folder == "" {
			return nil, fmt.Errorf("--outside: %q is not NAME=FOLDER with a name of a-z, 0-9, . and -", item)
		}
		if slices.Contains(peers.Known, name) || slices.ContainsFunc(pairs, func(p pair) bool { return p.client == name }) {
			return nil, fmt.Errorf("--outside: the name %q is taken", name)
		}
		if folder, err = filepath.Abs(folder); err != nil {
			return nil, fmt.Errorf("--outside: %w", err)
		}
		peer, err := peers.At(name, folder, "bench-server", "bench-client")
		if err != nil {
			return nil, fmt.Errorf("--outside: %w", err)
		}
		p := newPair(peer, peer)
		p.outside = true
		pairs = append(pairs, p)
	}
	return pairs, nil
}

// unsupportedError says that an outside peer cannot do what a setting asks for, in its own words.
type unsupportedError struct{ reason string }

func (e *unsupportedError) Error() string { return "unsupported: " + e.reason }

// judge tells a failure of one of a pair's programs from its saying that it does not support a setting. Ours support everything.
func (p pair) judge(err error) error {
	var exit *peers.ExitError
	if !p.outside || !errors.As(err, &exit) || exit.Code != exitUnsupported {
		return err
	}
	line, _, _ := strings.Cut(exit.Stderr, "\n")
	return &unsupportedError{reason: line}
}
