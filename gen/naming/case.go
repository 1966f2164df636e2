// Package naming turns the lower_snake_case names of the spec into identifiers of the four languages.
// Casing and reserved words are data, one table per language, so that a back end never decides about a name.
package naming

import "strings"

// Case is one way of writing a lower_snake_case name.
type Case string

// The cases; the example is the name payload_read_count.
const (
	Snake  Case = "snake"  // payload_read_count
	Pascal Case = "pascal" // PayloadReadCount
	Camel  Case = "camel"  // payloadReadCount
	Upper  Case = "upper"  // PAYLOAD_READ_COUNT
)

// Apply writes the lower_snake_case name in the case c.
func (c Case) Apply(name string) string {
	switch c {
	case Pascal:
		return capitalise(strings.Split(name, "_"))
	case Camel:
		first, rest, _ := strings.Cut(name, "_")
		return first + capitalise(strings.Split(rest, "_"))
	case Upper:
		return strings.ToUpper(name)
	default:
		return name
	}
}

// Join joins parts of a name that are themselves in lower_snake_case, leaving out empty ones.
func Join(parts ...string) string {
	kept := make([]string, 0, len(parts))
	for _, part := range parts {
		if part != "" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "_")
}

func capitalise(words []string) string {
	var b strings.Builder
	for _, word := range words {
		if word != "" {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}
