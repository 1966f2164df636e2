package spec

import (
	"maps"
	"math/big"
	"slices"
)

func (c checker) checkSegments() {
	for _, g := range c.Segments {
		c.checkProtocol(g.Node, g.Protocol)
		if !powerOfTwo(g.Alignment) {
			c.fail(g.position("alignment"), RuleAlignment, "the alignment %d of segment %s is no power of two", g.Alignment, g.Name)
			continue
		}
		sound := true
		for _, r := range g.Regions {
			sound = c.checkRegionKind(r) && sound
		}
		// Offsets and examples follow from the regions; they mean nothing while one of those is wrong.
		if sound && c.checkRegionOffsets(g) && c.checkRegionSizes(g) {
			for _, e := range g.Examples {
				c.checkExample(g, e)
			}
		}
	}
}

func (c checker) checkRegionKind(r Region) bool {
	isStruct := r.Struct != ""
	isSized := r.SizedBy != "" || r.Minimum != nil || r.Maximum != ""
	complete := r.SizedBy != "" && r.Minimum != nil && r.Maximum != ""
	switch {
	case isStruct == isSized || (isSized && !complete):
		c.fail(r.yaml, RuleRegionKind, "the region %s needs either struct, or sized_by with minimum and maximum", r.Name)
	case isStruct && c.Struct(r.Struct) == nil:
		c.fail(r.position("struct"), RuleUnknownReference, "there is no struct %q", r.Struct)
	case isSized && c.Limit(r.Maximum) == nil:
		c.fail(r.position("maximum"), RuleUnknownReference, "there is no limit %q", r.Maximum)
	default:
		return true
	}
	return false
}

// checkRegionOffsets checks order and stated offsets. Regions of a struct come first and state theirs; the first
// configurable region still has a known one; from the second on it depends on sizes and cannot be stated.
func (c checker) checkRegionOffsets(g Segment) bool {
	sound := true
	bad := func(r Region, key string, rule Rule, format string, args ...any) {
		c.fail(r.position(key), rule, format, args...)
		sound = false
	}
	var end uint64
	sized := 0
	for _, r := range g.Regions {
		block := c.Struct(r.Struct)
		switch {
		case block != nil && sized > 0:
			bad(r, "name", RuleRegionOrder, "the struct region %s must come before all regions of configurable size", r.Name)
		case r.Offset == nil && sized == 0:
			bad(r, "name", RuleRegionOffset, "the region %s must state its offset, %s", r.Name, hex(end))
		case r.Offset != nil && sized > 0:
			bad(r, "offset", RuleRegionOffset, "the offset of the region %s depends on the sizes before it; remove it", r.Name)
		case r.Offset != nil && *r.Offset != end:
			bad(r, "offset", RuleRegionOffset, "the region %s begins where the one before it ends, at %s, not at %s", r.Name, hex(end), hex(*r.Offset))
		case block != nil && end%block.Alignment != 0:
			bad(r, "offset", RuleMisalignment, "the struct of the region %s at %s is not aligned to %d bytes", r.Name, hex(end), block.Alignment)
		}
		if block != nil {
			end += block.Size
		} else {
			sized++
		}
	}
	return sound
}

// checkRegionSizes checks that no sizes within the limits overflow, and that one size has one limit.
func (c checker) checkRegionSizes(g Segment) bool {
	sum := new(big.Int)
	limits := map[string]string{}
	sound := true
	for _, r := range g.Regions {
		if block := c.Struct(r.Struct); block != nil {
			sum.Add(sum, new(big.Int).SetUint64(block.Size))
			continue
		}
		limit := c.Limit(r.Maximum)
		sum.Add(sum, &limit.Value.Int).Add(sum, new(big.Int).SetUint64(g.Alignment))
		if other, known := limits[r.SizedBy]; known && other != r.Maximum {
			c.fail(r.position("maximum"), RuleRegionKind, "%s has the limit %s in another region", r.SizedBy, other)
			sound = false
		}
		limits[r.SizedBy] = r.Maximum
		if limit.Value.Cmp(new(big.Int).SetUint64(*r.Minimum)) < 0 {
			c.fail(r.position("minimum"), RuleDefaultLimit, "the minimum %d of the region %s is above its limit %s", *r.Minimum, r.Name, limit.Value.String())
			sound = false
		}
	}
	const bits = 63
	if sum.BitLen() > bits {
		c.fail(g.position("regions"), RuleRegionOverflow, "the largest segment, %s bytes, does not fit %d bits; lower the limits", sum.String(), bits)
		return false
	}
	return sound
}

func (c checker) checkExample(g Segment, e Example) {
	inputs := Inputs(g)
	for _, name := range inputs {
		if _, given := e.Sizes[name]; !given {
			c.fail(e.yaml, RuleExample, "the example lacks the size %q", name)
			return
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Sizes)) {
		if !slices.Contains(inputs, name) {
			c.fail(e.position(name), RuleUnknownKey, "the example has the unknown key %q; sizes are: %s", name, quoted(inputs))
			return
		}
	}
	placed, length := Place(c.Spec, g, e.Sizes)
	regions := e.Node.position("regions")
	for i, r := range g.Regions {
		stated, ok := e.Regions[r.Name]
		_, at := lookup(regions, r.Name)
		switch {
		case !ok && r.SizedBy != "":
			c.fail(regions, RuleExample, "the example lacks the region %s", r.Name)
		case ok && (len(stated) != 2 || stated[0] != placed[i].Offset || stated[1] != placed[i].Size):
			c.fail(at, RuleExample, "the region %s is at %s with %d bytes for these sizes: write [%s, %d]", r.Name,
				hex(placed[i].Offset), placed[i].Size, hex(placed[i].Offset), placed[i].Size)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Regions)) {
		if !slices.ContainsFunc(g.Regions, func(r Region) bool { return r.Name == name }) {
			_, at := lookup(regions, name)
			c.fail(at, RuleUnknownReference, "segment %s has no region %q", g.Name, name)
		}
	}
	if e.Length != length {
		c.fail(e.position("length"), RuleExample, "the length is %d for these sizes, not %d", length, e.Length)
	}
}
