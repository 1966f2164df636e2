package spec

import "slices"

func (c checker) checkEnumerations() {
	for _, e := range slices.Concat(c.enumerations(), c.flagSets()) {
		c.scalar(e.node, e.typeName)
		field, _ := c.member(e.field)
		switch {
		case field == nil:
			c.fail(e.node.position("field"), RuleUnknownReference, "there is no field %q; write struct.field", e.field)
		case e.reference(*field) != e.name:
			c.fail(e.node.position("field"), RuleBackReference, "%s does not say that its values are those of %s", e.field, e.name)
		}
	}
	for _, m := range c.States {
		c.checkValues(m.Type, m.Values)
		c.checkTransitions(m)
	}
	for _, e := range c.Enums {
		c.checkValues(e.Type, e.Values)
	}
	for _, f := range c.Flags {
		c.checkBits(f)
	}
}

func (c checker) checkValues(typeName string, values []Value) {
	seen := map[string]string{}
	scalar, known := Scalars[typeName]
	for _, v := range values {
		if known && !scalar.Holds(&v.Value.Int) {
			c.fail(v.position("value"), RuleRange, "%s: %s does not fit a %s", v.Name, v.Value.String(), typeName)
		}
		if other, twice := seen[v.Value.String()]; twice {
			c.fail(v.position("value"), RuleDuplicate, "%s and %s have the same value %s", v.Name, other, v.Value.String())
		}
		seen[v.Value.String()] = v.Name
	}
}

func (c checker) checkBits(f FlagSet) {
	seen := map[uint64]string{}
	scalar, known := Scalars[f.Type]
	for _, b := range f.Bits {
		c.checkRole(b.position("by"), b.By)
		if known && b.Bit >= scalar.Width*8 {
			c.fail(b.position("bit"), RuleRange, "%s: a %s has no bit %d", b.Name, f.Type, b.Bit)
		}
		if other, twice := seen[b.Bit]; twice {
			c.fail(b.position("bit"), RuleDuplicate, "%s and %s are the same bit %d", b.Name, other, b.Bit)
		}
		seen[b.Bit] = b.Name
	}
}

func (c checker) checkTransitions(m StateMachine) {
	isState := func(name string) bool {
		return slices.ContainsFunc(m.Values, func(v Value) bool { return v.Name == name })
	}
	if !isState(m.Initial) {
		c.fail(m.position("initial"), RuleUnknownState, "%s has no state %q", m.Name, m.Initial)
		return
	}
	for i, name := range m.Final {
		if !isState(name) {
			c.fail(m.element("final", i), RuleUnknownState, "%s has no state %q", m.Name, name)
		}
	}
	type move struct{ from, to, by string }
	seen := map[move]bool{}
	for _, t := range m.Transitions {
		c.checkRole(t.position("by"), t.By)
		c.checkOrder(t.position("order"), t.Order)
		if !isState(t.To) {
			c.fail(t.position("to"), RuleUnknownState, "%s has no state %q", m.Name, t.To)
		}
		for i, from := range t.From {
			if !isState(from) {
				c.fail(t.element("from", i), RuleUnknownState, "%s has no state %q", m.Name, from)
			}
			if one := (move{from, t.To, t.By}); seen[one] {
				c.fail(t.element("from", i), RuleDuplicate, "the transition from %s to %s by %s is listed already", from, t.To, t.By)
			} else {
				seen[one] = true
			}
		}
	}
	c.checkReachable(m)
}

// checkReachable checks that every state can be reached from the initial one, and left unless it is final.
func (c checker) checkReachable(m StateMachine) {
	reached := map[string]bool{m.Initial: true}
	for grown := true; grown; {
		grown = false
		for _, t := range m.Transitions {
			if !reached[t.To] && slices.ContainsFunc(t.From, func(from string) bool { return reached[from] }) {
				reached[t.To] = true
				grown = true
			}
		}
	}
	for _, v := range m.Values {
		if !reached[v.Name] {
			c.fail(v.Node.position("name"), RuleUnreachableState, "no transitions lead from %s to the state %s", m.Initial, v.Name)
		}
		leaves := slices.ContainsFunc(m.Transitions, func(t Transition) bool { return slices.Contains(t.From, v.Name) })
		if !leaves && !slices.Contains(m.Final, v.Name) {
			c.fail(v.Node.position("name"), RuleDeadEnd, "no transition leads out of the state %s; list it under final if that is meant", v.Name)
		}
	}
}
