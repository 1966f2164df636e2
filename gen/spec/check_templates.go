package spec

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// The parameters that templates know.
const (
	parameterName   = "name"
	parameterKind   = "kind"
	parameterTmpdir = "tmpdir"
)

func (c checker) checkTemplates() {
	for _, s := range c.Semaphores {
		c.checkProtocol(s.Node, s.Protocol)
		for key, role := range map[string]string{"posted_by": s.PostedBy, "waited_by": s.WaitedBy} {
			if role != either {
				c.checkRole(s.position(key), role)
			}
		}
		if s.Initial > 0x7FFFFFFF {
			c.fail(s.position("initial"), RuleRange, "%s: a semaphore's value is at most 2147483647", s.Name)
		}
		c.checkTemplate(s.position("template"), s.Template, []string{parameterName}, true)
	}
	for _, p := range c.Paths {
		// A folder, which is what has a mode, serves all names.
		isFolder := p.Mode != nil
		c.checkTemplate(p.position("template"), p.Template, []string{parameterName, parameterKind, parameterTmpdir}, !isFolder)
		if isFolder && (p.Mode.Sign() < 0 || p.Mode.BitLen() > 12) {
			c.fail(p.position("mode"), RuleRange, "%s: a mode has twelve bits, from 0 to 0o7777", p.Name)
		}
	}
}

func (c checker) checkTemplate(at *yaml.Node, template string, known []string, needsName bool) {
	hasName := false
	for _, part := range SplitTemplate(template) {
		switch {
		case part.Parameter == "" && strings.ContainsAny(part.Literal, "{}"):
			c.fail(at, RuleTemplate, "the template %q has a brace without its partner", template)
		case part.Parameter == "" && part.Literal == "":
			c.fail(at, RuleTemplate, "the template %q has an empty parameter", template)
		case part.Parameter != "" && !slices.Contains(known, part.Parameter):
			c.fail(at, RuleTemplate, "the template %q has the unknown parameter {%s}; known: %s", template, part.Parameter, quoted(known))
		}
		hasName = hasName || part.Parameter == parameterName
	}
	if needsName && !hasName {
		c.fail(at, RuleTemplate, "the template %q lacks {name}: all channels would share it", template)
	}
}
