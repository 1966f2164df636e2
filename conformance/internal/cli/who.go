package cli

import (
	"errors"
	"flag"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/zeroduplex/zeroduplex/conformance/internal/report"
)

// who are the flags that say which agents take part.
type who struct {
	agents    map[string]string
	builtIn   string
	languages string
}

func (w *who) add(flags *flag.FlagSet) {
	w.agents, w.builtIn = map[string]string{}, "build/agents"
	flags.Func("agent", "`language=path` of an agent; adds a language or replaces a built-in agent (repeatable)", func(s string) error {
		language, path, ok := strings.Cut(s, "=")
		if !ok || language == "" || path == "" || strings.Contains(language, "->") {
			return errors.New("want language=path")
		}
		w.agents[language] = path
		return nil
	})
	flags.Func("agents", "`folder` of the built-in agents, <folder>/<language>/agent (default: build/agents); or a list of languages, as of -languages", func(s string) error {
		notBuiltIn := func(language string) bool { return !slices.Contains(report.BuiltIn, language) }
		if slices.ContainsFunc(strings.Split(s, ","), notBuiltIn) {
			w.builtIn = s
		} else {
			w.languages = s
		}
		return nil
	})
	flags.StringVar(&w.languages, "languages", "", "comma-separated `list` of languages to pair (default: "+strings.Join(report.BuiltIn, ",")+" and those of -agent)")
}

// commands are the languages that take part, and their agents.
func (w *who) commands() ([]string, map[string]string) {
	names, commands := w.languageNames(), map[string]string{}
	for _, language := range names {
		commands[language] = filepath.Join(w.builtIn, language, "agent")
		if given, ok := w.agents[language]; ok {
			commands[language] = given
		}
	}
	return names, commands
}

func (w *who) languageNames() []string {
	if w.languages != "" {
		return strings.Split(w.languages, ",")
	}
	names := slices.Clone(report.BuiltIn)
	for _, language := range slices.Sorted(maps.Keys(w.agents)) {
		if !slices.Contains(names, language) {
			names = append(names, language)
		}
	}
	return names
}
