package spec

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// checker collects the violations of the rules that need the whole model.
type checker struct {
	*Spec
	*decoder
}

func check(s *Spec, d *decoder) {
	c := checker{s, d}
	c.checkByteOrder()
	c.checkNames()
	c.checkProtocols()
	c.checkConstants()
	c.checkStructs()
	c.checkEnumerations()
	c.checkSegments()
	c.checkTemplates()
	c.checkNameRules()
	c.checkErrors()
	// Collisions only mean something when the names themselves are right.
	if len(d.errors) == 0 {
		c.checkIdentifiers()
	}
}

func (c checker) checkByteOrder() {
	if c.ByteOrder != "little_endian" {
		c.fail(c.position("byte_order"), RuleByteOrder, "byte_order must be little_endian, the only order that every supported machine has")
	}
}

// named is anything with a name, for the rules about names.
type named struct {
	name string
	node *yaml.Node
}

func names[T any](list []T, of func(T) (string, Node)) []named {
	all := make([]named, len(list))
	for i, one := range list {
		name, node := of(one)
		all[i] = named{name, node.position("name")}
	}
	return all
}

// checkNames checks the form of every name and that it is unique in its list.
func (c checker) checkNames() {
	c.checkList("protocol", names(c.Protocols, func(p Protocol) (string, Node) { return p.Name, p.Node }))
	c.checkList("role", names(c.Roles, func(r Role) (string, Node) { return r.Name, r.Node }))
	c.checkList("constant or limit", slices.Concat(names(c.Constants, constantEntry), names(c.Limits, constantEntry)))
	c.checkList("struct", names(c.Structs, func(s Struct) (string, Node) { return s.Name, s.Node }))
	c.checkList("state machine, enum or flag set", slices.Concat(
		names(c.States, func(m StateMachine) (string, Node) { return m.Name, m.Node }),
		names(c.Enums, func(e Enum) (string, Node) { return e.Name, e.Node }),
		names(c.Flags, func(f FlagSet) (string, Node) { return f.Name, f.Node })))
	c.checkList("segment", names(c.Segments, func(g Segment) (string, Node) { return g.Name, g.Node }))
	c.checkList("semaphore", names(c.Semaphores, func(s Semaphore) (string, Node) { return s.Name, s.Node }))
	c.checkList("path", names(c.Paths, func(p Path) (string, Node) { return p.Name, p.Node }))
	c.checkList("error", names(c.Errors, func(e ErrorKind) (string, Node) { return e.Name, e.Node }))
	for _, p := range c.Protocols {
		c.checkList("default of "+p.Name, names(slices.DeleteFunc(slices.Clone(c.Defaults), func(d Default) bool { return d.Protocol != p.Name }),
			func(d Default) (string, Node) { return d.Name, d.Node }))
	}
	for _, s := range c.Structs {
		c.checkList("field or word of "+s.Name, slices.Concat(
			names(s.Fields, func(f Field) (string, Node) { return f.Name, f.Node }),
			names(s.Words, func(w Word) (string, Node) { return w.Name, w.Node })))
	}
	for _, m := range c.States {
		c.checkList("state of "+m.Name, names(m.Values, valueEntry))
	}
	for _, e := range c.Enums {
		c.checkList("value of "+e.Name, names(e.Values, valueEntry))
	}
	for _, f := range c.Flags {
		c.checkList("bit of "+f.Name, names(f.Bits, func(b Bit) (string, Node) { return b.Name, b.Node }))
	}
	for _, g := range c.Segments {
		c.checkList("region of "+g.Name, names(g.Regions, func(r Region) (string, Node) { return r.Name, r.Node }))
		for _, r := range g.Regions {
			if r.SizedBy != "" {
				c.nameCase("sized_by", named{r.SizedBy, r.position("sized_by")})
			}
		}
	}
}

func constantEntry(c Constant) (string, Node) { return c.Name, c.Node }

func valueEntry(v Value) (string, Node) { return v.Name, v.Node }

func (c checker) checkList(what string, entries []named) {
	first := map[string]int{}
	for _, e := range entries {
		c.nameCase(what, e)
		if line, twice := first[e.name]; twice {
			c.fail(e.node, RuleDuplicateName, "the %s %q exists already, in line %d", what, e.name, line)
			continue
		}
		first[e.name] = e.node.Line
	}
}

var snakeCase = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

func (c checker) nameCase(what string, e named) {
	if !snakeCase.MatchString(e.name) {
		c.fail(e.node, RuleNameCase, "the name of the %s, %q, must be lower_snake_case", what, e.name)
	}
}

func (c checker) checkProtocols() {
	seen := map[uint64]bool{}
	for _, p := range c.Protocols {
		c.checkVersion(p, seen)
		block := c.Struct(p.Oieb)
		if block == nil {
			c.fail(p.position("oieb"), RuleUnknownReference, "there is no struct %q", p.Oieb)
			continue
		}
		if !startsWithIdentity(block) {
			c.fail(p.position("oieb"), RuleIdentity,
				"%s must begin with a u32 (its size) and a u8 of count 4 (the version); other versions recognise it by them",
				p.Oieb)
		}
	}
}

func (c checker) checkVersion(p Protocol, seen map[uint64]bool) {
	at := p.position("version")
	const parts = 4
	if len(p.Version) != parts {
		c.fail(at, RuleVersion, "a version has four parts, major, minor, patch and a reserved 0, not %d", len(p.Version))
		return
	}
	for _, part := range p.Version {
		if part > 255 {
			c.fail(at, RuleVersion, "%d does not fit the one byte of a version's part", part)
			return
		}
	}
	if p.Version[0] == 0 || p.Version[parts-1] != 0 {
		c.fail(at, RuleVersion, "the major version must be above 0 and the fourth part, which is reserved, 0")
	}
	if want := "v" + decimal(p.Version[0]); p.Name != want {
		c.fail(p.position("name"), RuleVersion, "a protocol of major version %d is named %s, not %q", p.Version[0], want, p.Name)
	}
	if seen[p.Version[0]] {
		c.fail(at, RuleDuplicate, "another protocol has the major version %d", p.Version[0])
	}
	seen[p.Version[0]] = true
}

func startsWithIdentity(s *Struct) bool {
	if len(s.Fields) < 2 {
		return false
	}
	size, version := s.Fields[0], s.Fields[1]
	return size.Type == "u32" && size.Count == nil && version.Type == "u8" && version.Count != nil && *version.Count == 4
}

func (c checker) checkProtocol(node Node, name string) {
	if !slices.ContainsFunc(c.Protocols, func(p Protocol) bool { return p.Name == name }) {
		c.fail(node.position("protocol"), RuleUnknownReference, "there is no protocol %q", name)
	}
}

func (c checker) checkRole(at *yaml.Node, name string) {
	if !slices.ContainsFunc(c.Roles, func(r Role) bool { return r.Name == name }) {
		c.fail(at, RuleUnknownRole, "there is no role %q", name)
	}
}

func (c checker) checkOrder(at *yaml.Node, order string) {
	if !memoryOrders[order] {
		c.fail(at, RuleUnknownOrder, "%q is no memory order; use plain, relaxed, acquire, release, acq_rel or seq_cst", order)
	}
}

// scalar looks a type up; ok is false, and the violation reported, when there is none of that name.
func (c checker) scalar(node Node, name string) (Scalar, bool) {
	s, ok := Scalars[name]
	if !ok {
		c.fail(node.position("type"), RuleUnknownType, "%q is no number type; use u8, u16, u32, u64, i8, i16, i32 or i64", name)
	}
	return s, ok
}

func (c checker) checkFits(node Node, name string, typeName string, value Integer) {
	if s, ok := c.scalar(node, typeName); ok && !s.Holds(&value.Int) {
		c.fail(node.position("value"), RuleRange, "%s: %s does not fit a %s", name, value.String(), typeName)
	}
}

func (c checker) checkConstants() {
	for _, list := range [][]Constant{c.Constants, c.Limits} {
		for _, constant := range list {
			c.checkFits(constant.Node, constant.Name, constant.Type, constant.Value)
		}
	}
	for _, d := range c.Defaults {
		c.checkProtocol(d.Node, d.Protocol)
		c.checkFits(d.Node, d.Name, d.Type, d.Value)
		c.checkDefaultLimit(d)
	}
}

// checkDefaultLimit compares a default with the limits min_<name> and max_<name>.
func (c checker) checkDefaultLimit(d Default) {
	if limit := c.Limit("min_" + d.Name); limit != nil && d.Value.Cmp(&limit.Value.Int) < 0 {
		c.fail(d.position("value"), RuleDefaultLimit, "the default %s of %s is below the limit %s, %s", d.Name,
			d.Value.String(), limit.Name, limit.Value.String())
	}
	if limit := c.Limit("max_" + d.Name); limit != nil && d.Value.Cmp(&limit.Value.Int) > 0 {
		c.fail(d.position("value"), RuleDefaultLimit, "the default %s of %s is above the limit %s, %s",
			d.Name, d.Value.String(), limit.Name, limit.Value.String())
	}
}

func (c checker) checkNameRules() {
	n := c.Names
	if _, err := ByteClass(n.Pattern); err != nil {
		c.fail(n.position("pattern"), RuleNamePattern, "%v", err)
	}
	if n.Minimum < 1 || n.Minimum > n.Maximum {
		c.fail(n.position("minimum"), RuleNamePattern, "names need at least 1 byte and a maximum that is not below the minimum")
	}
}

func (c checker) checkErrors() {
	parents := map[string]string{}
	for _, e := range c.Errors {
		parents[e.Name] = e.KindOf
	}
	codes := map[string]string{}
	int32Type := Scalars["i32"]
	for _, e := range c.Errors {
		if e.Code.Sign() <= 0 || !int32Type.Holds(&e.Code.Int) {
			c.fail(e.position("code"), RuleErrorCode, "%s: the code %s must be from 1 to 2147483647", e.Name, e.Code.String())
		}
		if other, twice := codes[e.Code.String()]; twice {
			c.fail(e.position("code"), RuleDuplicate, "the code %s belongs to %s already", e.Code.String(), other)
		}
		codes[e.Code.String()] = e.Name
		c.checkParent(e, parents)
	}
}

func (c checker) checkParent(e ErrorKind, parents map[string]string) {
	if e.KindOf == "" {
		return
	}
	if _, known := parents[e.KindOf]; !known {
		c.fail(e.position("kind_of"), RuleErrorParent, "there is no error %q", e.KindOf)
		return
	}
	for above, steps := e.KindOf, 0; above != ""; above, steps = parents[above], steps+1 {
		if above == e.Name || steps > len(parents) {
			c.fail(e.position("kind_of"), RuleErrorParent, "%s is, through kind_of, a kind of itself", e.Name)
			return
		}
	}
}

// quoted lists names for a message.
func quoted(list []string) string { return strings.Join(list, ", ") }
