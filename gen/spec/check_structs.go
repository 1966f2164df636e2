package spec

import (
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }

func hex(n uint64) string { return "0x" + strings.ToUpper(strconv.FormatUint(n, 16)) }

func (c checker) checkStructs() {
	for i := range c.Structs {
		s := &c.Structs[i]
		if s.Protocol != "" {
			c.checkProtocol(s.Node, s.Protocol)
		}
		widest := uint64(1)
		for _, f := range s.Fields {
			widest = max(widest, c.checkField(f))
		}
		c.checkLayout(s)
		c.checkStructAlignment(s, widest)
		for _, w := range s.Words {
			c.checkWord(s, w)
		}
		c.checkAtomics(s)
	}
}

// checkField checks a field alone and returns the width of its type.
func (c checker) checkField(f Field) uint64 {
	for i, w := range f.WrittenBy {
		at := f.element("written_by", i)
		c.checkRole(at, w.Role)
		if w.In != "" && !c.hasRegion(w.In) {
			c.fail(at, RuleUnknownReference, "no segment has a region %q", w.In)
		}
	}
	c.checkOrder(f.position("store"), f.Store)
	c.checkOrder(f.position("load"), f.Load)
	if f.PublishedBy != "" && !c.hasMember(f.PublishedBy) {
		c.fail(f.position("published_by"), RuleUnknownReference, "there is no field or word %q; write struct.field", f.PublishedBy)
	}
	if f.Enum != "" {
		c.checkEnumeration(f, f.position("enum"), f.Enum, c.enumerations())
	}
	if f.Flags != "" {
		c.checkEnumeration(f, f.position("flags"), f.Flags, c.flagSets())
	}
	s, ok := c.scalar(f.Node, f.Type)
	if !ok {
		return 1
	}
	count := uint64(1)
	if f.Count != nil {
		count = *f.Count
	}
	if count == 0 || count > 1<<32 || f.Width != s.Width*count {
		c.fail(f.position("width"), RuleWidth, "%s: %d of %s are %d bytes wide, not %d", f.Name, count, f.Type, s.Width*count, f.Width)
	}
	if f.Offset%s.Width != 0 {
		c.fail(f.position("offset"), RuleMisalignment, "%s: a %s at offset %s is not aligned to %d bytes", f.Name, f.Type, hex(f.Offset), s.Width)
	}
	return s.Width
}

// checkLayout checks that fields follow each other, from 0 to the size of the struct.
func (c checker) checkLayout(s *Struct) {
	var end uint64
	before := "the beginning of the struct"
	for _, f := range s.Fields {
		switch {
		case f.Offset < end:
			c.fail(f.position("offset"), RuleOverlap, "%s.%s at %s overlaps %s, which ends at %s", s.Name, f.Name, hex(f.Offset), before, hex(end))
		case f.Offset > end:
			c.fail(f.position("offset"), RuleGap, "%s.%s at %s leaves a gap behind %s, which ends at %s; name the bytes between as a reserved field",
				s.Name, f.Name, hex(f.Offset), before, hex(end))
		}
		end = max(end, f.Offset+f.Width)
		before = f.Name
	}
	if end != s.Size {
		c.fail(s.position("size"), RuleStructSize, "%s ends with its last field at %d, not at %d", s.Name, end, s.Size)
	}
}

func (c checker) checkStructAlignment(s *Struct, widest uint64) {
	switch {
	case !powerOfTwo(s.Alignment):
		c.fail(s.position("alignment"), RuleAlignment, "the alignment %d of %s is no power of two", s.Alignment, s.Name)
	case s.Size%s.Alignment != 0:
		c.fail(s.position("alignment"), RuleAlignment, "the size %d of %s is no multiple of its alignment %d", s.Size, s.Name, s.Alignment)
	case s.Size%widest != 0:
		c.fail(s.position("size"), RuleAlignment, "the size %d of %s is no multiple of its widest number, %d bytes: compilers would pad it",
			s.Size, s.Name, widest)
	case s.Alignment > 1 && s.Alignment < widest:
		c.fail(s.position("alignment"), RuleAlignment, "the alignment %d of %s is below its widest number, %d bytes", s.Alignment, s.Name, widest)
	}
}

func powerOfTwo(n uint64) bool { return n > 0 && n&(n-1) == 0 }

func (c checker) checkWord(s *Struct, w Word) {
	c.checkOrder(w.position("store"), w.Store)
	c.checkOrder(w.position("load"), w.Load)
	scalar, ok := c.scalar(w.Node, w.Type)
	if ok && w.Width != scalar.Width {
		c.fail(w.position("width"), RuleWordWidth, "the word %s is a %s and so %d bytes wide, not %d", w.Name, w.Type, scalar.Width, w.Width)
	}
	if ok && w.Offset%scalar.Width != 0 {
		c.fail(w.position("offset"), RuleMisalignment, "the word %s at offset %s is not aligned to %d bytes", w.Name, hex(w.Offset), scalar.Width)
	}
	end := w.Offset
	for i, covered := range w.Covers {
		at := slices.IndexFunc(s.Fields, func(f Field) bool { return f.Name == covered })
		if at < 0 {
			c.fail(w.element("covers", i), RuleUnknownReference, "%s has no field %q", s.Name, covered)
			return
		}
		if s.Fields[at].Offset != end {
			c.fail(w.element("covers", i), RuleWordCover, "the word %s needs a field that begins at %s here, %s begins at %s",
				w.Name, hex(end), covered, hex(s.Fields[at].Offset))
			return
		}
		end += s.Fields[at].Width
	}
	if end != w.Offset+w.Width {
		c.fail(w.position("covers"), RuleWordCover, "the fields of the word %s end at %s, the word itself at %s", w.Name, hex(end), hex(w.Offset+w.Width))
	}
}

// checkAtomics checks that what is accessed atomically can be, and that what is not has somebody to publish it.
func (c checker) checkAtomics(s *Struct) {
	covered := map[string]bool{}
	for _, w := range s.Words {
		if scalar, ok := Scalars[w.Type]; ok && scalar.Width < 4 {
			c.fail(w.position("type"), RuleAtomicType, "the word %s must be a number of 4 or 8 bytes to be accessed atomically", w.Name)
		}
		for _, name := range w.Covers {
			covered[name] = true
		}
	}
	for _, f := range s.Fields {
		atomic := Atomic(f) && !covered[f.Name]
		if scalar, ok := Scalars[f.Type]; ok && atomic && (f.Count != nil || scalar.Width < 4) {
			c.fail(f.position("type"), RuleAtomicType, "%s must be one number of 4 or 8 bytes to be accessed atomically; or let a word cover it", f.Name)
		}
		if atomic && f.PublishedBy != "" {
			c.fail(f.position("published_by"), RulePublication, "%s is atomic itself; only a plain field is published by another", f.Name)
		}
	}
}

func (c checker) hasRegion(name string) bool {
	return slices.ContainsFunc(c.Segments, func(g Segment) bool {
		return slices.ContainsFunc(g.Regions, func(r Region) bool { return r.Name == name })
	})
}

// member finds struct.field; word tells that it is a word instead.
func (c checker) member(path string) (field *Field, word bool) {
	structName, name, _ := strings.Cut(path, ".")
	s := c.Struct(structName)
	if s == nil {
		return nil, false
	}
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			return &s.Fields[i], false
		}
	}
	return nil, slices.ContainsFunc(s.Words, func(w Word) bool { return w.Name == name })
}

func (c checker) hasMember(path string) bool {
	field, word := c.member(path)
	return field != nil || word
}

// enumeration is what a state machine, an enum and a flag set have in common.
type enumeration struct {
	node      Node
	name      string
	field     string
	typeName  string
	reference func(Field) string
}

func (c checker) enumerations() []enumeration {
	ofField := func(f Field) string { return f.Enum }
	var all []enumeration
	for _, m := range c.States {
		all = append(all, enumeration{m.Node, m.Name, m.Field, m.Type, ofField})
	}
	for _, e := range c.Enums {
		all = append(all, enumeration{e.Node, e.Name, e.Field, e.Type, ofField})
	}
	return all
}

func (c checker) flagSets() []enumeration {
	var all []enumeration
	for _, f := range c.Flags {
		all = append(all, enumeration{f.Node, f.Name, f.Field, f.Type, func(f Field) string { return f.Flags }})
	}
	return all
}

// checkEnumeration checks the reference of a field to what lists its values.
func (c checker) checkEnumeration(f Field, at *yaml.Node, name string, all []enumeration) {
	i := slices.IndexFunc(all, func(e enumeration) bool { return e.name == name })
	if i < 0 {
		c.fail(at, RuleUnknownReference, "nothing lists the values of %q", name)
		return
	}
	if all[i].typeName != f.Type {
		c.fail(at, RuleBackReference, "%s is a %s, but %s lists values of a %s", f.Name, f.Type, name, all[i].typeName)
	}
}
