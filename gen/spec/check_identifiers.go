package spec

import (
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/zeroduplex/zeroduplex/gen/naming"
)

// identifier is a name as back ends will emit it.
type identifier struct {
	kind  naming.Kind
	parts []string
	node  *yaml.Node
}

// checkIdentifiers checks that in every language no emitted identifier is a reserved word, and that no two in one
// scope are equal. Casing is mechanical, so names that differ in the spec can become equal only by joining.
func (c checker) checkIdentifiers() {
	global := c.globalIdentifiers()
	scopes := c.localIdentifiers()
	for _, language := range naming.Languages() {
		c.checkScope(language, global)
		for _, scope := range scopes {
			c.checkScope(language, scope)
		}
	}
}

func (c checker) checkScope(language *naming.Language, scope []identifier) {
	first := map[string]*yaml.Node{}
	for _, i := range scope {
		name := language.Identifier(i.kind, i.parts...)
		if language.Reserved(name) {
			c.failOnce(i.node, RuleReservedWord, "%q would become %q, which is taken in %s; choose another name", naming.Join(i.parts...), name, language.Name)
		}
		if other, twice := first[name]; twice && other != i.node {
			c.failOnce(i.node, RuleCollision, "%q would become %q, which line %d leads to already; choose another name",
				naming.Join(i.parts...), name, other.Line)
		}
		first[name] = i.node
	}
}

// failOnce reports a violation at most once per place and rule, not once per language.
func (c checker) failOnce(at *yaml.Node, rule Rule, format string, args ...any) {
	if !slices.ContainsFunc(c.errors, func(e Error) bool { return e.Line == at.Line && e.Column == at.Column && e.Rule == rule }) {
		c.fail(at, rule, format, args...)
	}
}

// globalIdentifiers lists what stands beside each other in the namespace or package.
func (c checker) globalIdentifiers() []identifier {
	var all []identifier
	add := func(node *yaml.Node, kind naming.Kind, parts ...string) {
		all = append(all, identifier{kind, parts, node})
	}
	for _, fixed := range []string{"region", "role", "named_region", "struct_info", "field_info", "segment_info", "region_info", "semaphore_info"} {
		add(c.yaml, naming.Type, fixed)
	}
	for _, fixed := range []string{"structs", "segments", "semaphores", "spec_digest", "name_minimum", "name_maximum",
		"name_pattern", "name_forbidden_prefixes"} {
		add(c.yaml, naming.Constant, fixed)
	}
	add(c.yaml, naming.Function, "valid_name")
	for _, p := range c.Protocols {
		for _, part := range []string{"major", "minor", "patch", "reserved", "version"} {
			add(p.position("name"), naming.Constant, "protocol", p.Name, part)
		}
		add(p.position("oieb"), naming.Constant, p.Oieb, "identity_word")
	}
	for _, list := range [][]Constant{c.Constants, c.Limits} {
		for _, constant := range list {
			add(constant.position("name"), naming.Constant, constant.Name)
		}
	}
	for _, d := range c.Defaults {
		add(d.position("name"), naming.Constant, "default", d.Protocol, d.Name)
	}
	for _, s := range c.Structs {
		add(s.position("name"), naming.Type, s.Name)
		add(s.position("name"), naming.Constant, s.Name, "size")
		for _, f := range s.Fields {
			add(f.position("name"), naming.Constant, s.Name, f.Name, "offset")
		}
		for _, w := range s.Words {
			add(w.position("name"), naming.Constant, s.Name, w.Name, "offset")
		}
	}
	for _, e := range slices.Concat(c.enumerations(), c.flagSets()) {
		add(e.node.position("name"), naming.Type, e.name)
	}
	for _, g := range c.Segments {
		add(g.position("name"), naming.Type, "segment", g.Name)
		add(g.position("name"), naming.Function, "resolve_segment", g.Name)
	}
	for _, s := range c.Semaphores {
		add(s.position("name"), naming.Function, s.Name, "semaphore")
	}
	for _, p := range c.Paths {
		add(p.position("name"), naming.Function, p.Name, "path")
		add(p.position("name"), naming.Constant, p.Name)
	}
	return all
}

// localIdentifiers lists the scopes inside structs, enumerations, segments and functions.
func (c checker) localIdentifiers() [][]identifier {
	var scopes [][]identifier
	scope := func(kind naming.Kind, entries []named, parts ...string) {
		var all []identifier
		for _, e := range entries {
			all = append(all, identifier{kind, append([]string{e.name}, parts...), e.node})
		}
		scopes = append(scopes, all)
	}
	scope(naming.Member, names(c.Roles, func(r Role) (string, Node) { return r.Name, r.Node }))
	for _, s := range c.Structs {
		scope(naming.Field, slices.Concat(
			names(s.Fields, func(f Field) (string, Node) { return f.Name, f.Node }),
			names(s.Words, func(w Word) (string, Node) { return w.Name, w.Node })))
	}
	for _, m := range c.States {
		scope(naming.Member, names(m.Values, valueEntry))
	}
	for _, e := range c.Enums {
		scope(naming.Member, names(e.Values, valueEntry))
	}
	for _, f := range c.Flags {
		scope(naming.Member, names(f.Bits, func(b Bit) (string, Node) { return b.Name, b.Node }))
	}
	for _, g := range c.Segments {
		regions := names(g.Regions, func(r Region) (string, Node) { return r.Name, r.Node })
		scope(naming.Field, append(regions, named{"length", g.position("regions")}, named{"regions", g.position("regions")}))
		scopes = append(scopes, resolveScope(g))
	}
	errors := names(c.Errors, func(e ErrorKind) (string, Node) { return e.Name, e.Node })
	scope(naming.Member, errors)
	scope(naming.Type, errors, "error")
	scope(naming.Type, errors, "exception")
	return scopes
}

// resolveScope lists the parameters and variables of the function that lays a segment out.
func resolveScope(g Segment) []identifier {
	all := []identifier{
		{naming.Parameter, []string{"resolved"}, g.position("regions")},
		{naming.Parameter, []string{"segment"}, g.position("regions")},
	}
	seen := map[string]bool{}
	for _, r := range g.Regions {
		if r.SizedBy == "" {
			continue
		}
		all = append(all, identifier{naming.Parameter, []string{r.Name, "end"}, r.position("name")})
		if !seen[r.SizedBy] {
			all = append(all, identifier{naming.Parameter, []string{r.SizedBy}, r.position("sized_by")})
		}
		seen[r.SizedBy] = true
	}
	return all
}
