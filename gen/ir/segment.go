package ir

import "github.com/zeroduplex/zeroduplex/gen/spec"

func segment(s *spec.Spec, g spec.Segment) Segment {
	resolved := Segment{
		Name: g.Name, Protocol: g.Protocol, Alignment: g.Alignment, Doc: g.Doc,
		Inputs: []Input{}, Regions: []Region{}, Examples: []Example{},
	}
	for _, name := range spec.Inputs(g) {
		resolved.Inputs = append(resolved.Inputs, Input{Name: name, Maximum: spec.InputMaximum(g, name)})
	}
	for _, r := range g.Regions {
		resolved.add(s, r)
	}
	for _, e := range g.Examples {
		resolved.Examples = append(resolved.Examples, example(s, g, e))
	}
	return resolved
}

// add appends a region. Fixed regions come first, so the first configurable one still has a known offset.
func (g *Segment) add(s *spec.Spec, r spec.Region) {
	region := Region{Name: r.Name, Doc: r.Doc, Struct: r.Struct, Input: r.SizedBy, Maximum: r.Maximum}
	if g.Sized {
		region.After = g.LastSized
	} else {
		offset := g.FixedLength
		region.Offset = &offset
	}
	if r.Struct != "" {
		region.Size = s.Struct(r.Struct).Size
		g.FixedLength += region.Size
	} else {
		region.Minimum = *r.Minimum
		g.Sized = true
		g.LastSized = r.Name
	}
	g.Regions = append(g.Regions, region)
}

func example(s *spec.Spec, g spec.Segment, e spec.Example) Example {
	resolved := Example{Inputs: []ExampleInput{}, Regions: []ExampleRegion{}, Length: e.Length}
	for _, name := range spec.Inputs(g) {
		resolved.Inputs = append(resolved.Inputs, ExampleInput{Name: name, Value: e.Sizes[name]})
	}
	placed, _ := spec.Place(s, g, e.Sizes)
	for i, r := range g.Regions {
		resolved.Regions = append(resolved.Regions, ExampleRegion{
			Name: r.Name, Offset: placed[i].Offset, Size: placed[i].Size, End: placed[i].Offset + placed[i].Size,
		})
	}
	return resolved
}
