package spec

import (
	"fmt"
	"regexp"
	"slices"
)

// Struct returns the struct of that name, nil when there is none.
func (s *Spec) Struct(name string) *Struct {
	for i := range s.Structs {
		if s.Structs[i].Name == name {
			return &s.Structs[i]
		}
	}
	return nil
}

// Limit returns the limit of that name, nil when there is none.
func (s *Spec) Limit(name string) *Constant {
	for i := range s.Limits {
		if s.Limits[i].Name == name {
			return &s.Limits[i]
		}
	}
	return nil
}

// Atomic tells whether a field's accesses are atomic.
func Atomic(f Field) bool { return f.Store != "plain" || f.Load != "plain" }

// Inputs lists the configurable sizes of a segment in the order in which its regions use them.
func Inputs(g Segment) []string {
	var names []string
	for _, r := range g.Regions {
		if r.SizedBy != "" && !slices.Contains(names, r.SizedBy) {
			names = append(names, r.SizedBy)
		}
	}
	return names
}

// InputMaximum names the limit of a configurable size.
func InputMaximum(g Segment, input string) string {
	for _, r := range g.Regions {
		if r.SizedBy == input {
			return r.Maximum
		}
	}
	return ""
}

// Placed is a region with its place in a segment.
type Placed struct{ Offset, Size uint64 }

// Place lays the regions of a segment out for given sizes: each starts where the one before ends, a struct has its
// size, and the end of a configurable region is rounded up to the segment's alignment. It also returns the length.
func Place(s *Spec, g Segment, sizes map[string]uint64) ([]Placed, uint64) {
	var placed []Placed
	var end uint64
	for _, r := range g.Regions {
		start := end
		if block := s.Struct(r.Struct); block != nil {
			end = start + block.Size
		} else {
			end = roundUp(start+sizes[r.SizedBy], g.Alignment)
		}
		placed = append(placed, Placed{Offset: start, Size: end - start})
	}
	return placed, end
}

func roundUp(n, alignment uint64) uint64 {
	if alignment == 0 {
		return n
	}
	return (n + alignment - 1) / alignment * alignment
}

// TemplatePart is a piece of a template, either literal text or a parameter.
type TemplatePart struct{ Literal, Parameter string }

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// SplitTemplate cuts a template such as "sem-{name}" at its parameters.
func SplitTemplate(text string) []TemplatePart {
	var parts []TemplatePart
	literal := func(s string) {
		if s != "" {
			parts = append(parts, TemplatePart{Literal: s})
		}
	}
	from := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		literal(text[from:at[0]])
		parts = append(parts, TemplatePart{Parameter: text[at[2]:at[3]]})
		from = at[1]
	}
	literal(text[from:])
	return parts
}

// ByteRange is an inclusive range of bytes.
type ByteRange struct{ First, Last byte }

// ByteClass parses a character class such as [A-Za-z0-9._-]: printable ASCII, no escapes, a '-' alone stands last.
func ByteClass(pattern string) ([]ByteRange, error) {
	if len(pattern) < 3 || pattern[0] != '[' || pattern[len(pattern)-1] != ']' {
		return nil, fmt.Errorf("%q is not a character class like [A-Za-z0-9._-]", pattern)
	}
	body := pattern[1 : len(pattern)-1]
	var ranges []ByteRange
	for i := 0; i < len(body); {
		first := body[i]
		if first <= ' ' || first > '~' || first == '^' || first == '\\' || first == '[' || first == ']' {
			return nil, fmt.Errorf("%q has the character %q, which a class cannot contain", pattern, first)
		}
		if i+2 < len(body) && body[i+1] == '-' {
			if body[i+2] <= first {
				return nil, fmt.Errorf("%q has the empty range %q", pattern, body[i:i+3])
			}
			ranges = append(ranges, ByteRange{first, body[i+2]})
			i += 3
			continue
		}
		ranges = append(ranges, ByteRange{first, first})
		i++
	}
	return ranges, nil
}
