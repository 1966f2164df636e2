package naming

import "strings"

// Kind says what an identifier stands for; each language has its own case for each kind.
type Kind string

// The kinds of identifiers that back ends emit.
const (
	Type      Kind = "type"
	Field     Kind = "field"
	Member    Kind = "member" // of an enumeration
	Constant  Kind = "constant"
	Function  Kind = "function"
	Parameter Kind = "parameter"
)

// Language is the naming table of one target language.
type Language struct {
	// Name is the language's name in paths and JSON values: go, cpp, csharp, python.
	Name     string
	cases    map[Kind]Case
	reserved map[string]bool
	renames  map[string]string
}

// Languages lists every target language.
func Languages() []*Language { return []*Language{Go, Cpp, CSharp, Python} }

// Identifier writes the parts of a name, joined, as an identifier of the given kind.
func (l *Language) Identifier(kind Kind, parts ...string) string {
	identifier := l.cases[kind].Apply(Join(parts...))
	if other, ok := l.renames[identifier]; ok {
		return other
	}
	return identifier
}

// Reserved tells whether the language, or code that a back end emits, needs the identifier for something else.
func (l *Language) Reserved(identifier string) bool { return l.reserved[identifier] }

func words(lists ...string) map[string]bool {
	set := map[string]bool{}
	for _, list := range lists {
		for _, word := range strings.Fields(list) {
			set[word] = true
		}
	}
	return set
}
