package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/zeroduplex/zeroduplex/gen/ir"
)

func emitSegments(f *jen.File, d *ir.Document) {
	emitRegionTypes(f)
	for _, s := range d.Segments {
		emitSegmentType(f, s)
		emitRegionList(f, s)
		emitResolve(f, s)
	}
	emitRoundUp(f)
}

func emitRegionTypes(f *jen.File) {
	// // Region is a part of a segment, in bytes.
	// type Region struct{ Offset, Size uint64 }
	comment(f, "Region is a part of a segment, in bytes.")
	f.Type().Id("Region").Struct(jen.List(jen.Id("Offset"), jen.Id("Size")).Uint64())

	// // NamedRegion is a Region with its name in the spec.
	// type NamedRegion struct {
	// 	Name string
	// 	Region
	// }
	comment(f, "NamedRegion is a Region with its name in the spec.")
	f.Type().Id("NamedRegion").Struct(jen.Id("Name").String(), jen.Id("Region"))
}

func segmentType(s ir.Segment) string { return typeName("segment", s.Name) }

func emitSegmentType(f *jen.File, s ir.Segment) {
	// // SegmentV2: … .
	// type SegmentV2 struct {
	// 	OiebRequest Region
	// 	Length uint64
	// }
	comment(f, segmentType(s)+" is a resolved segment. "+s.Doc)
	f.Type().Id(segmentType(s)).StructFunc(func(g *jen.Group) {
		for _, r := range s.Regions {
			comment(g, r.Doc)
			g.Id(fieldName(r.Name)).Id("Region")
		}
		comment(g, "Length of the whole object.")
		g.Id("Length").Uint64()
	})
}

func emitRegionList(f *jen.File, s ir.Segment) {
	// // Regions lists the regions in the order of the segment.
	// func (s SegmentV2) Regions() []NamedRegion {
	// 	return []NamedRegion{
	// 		{Name: "payload", Region: s.Payload},
	// 	}
	// }
	comment(f, "Regions lists the regions in the order of the segment.")
	f.Func().Params(jen.Id("s").Id(segmentType(s))).Id("Regions").Params().Index().Id("NamedRegion").Block(
		jen.Return(jen.Index().Id("NamedRegion").CustomFunc(lines, func(g *jen.Group) {
			for _, r := range s.Regions {
				g.Values(jen.Id("Name").Op(":").Lit(r.Name), jen.Id("Region").Op(":").Id("s").Dot(fieldName(r.Name)))
			}
		})),
	)
}

// lines prints a composite literal with one element per line.
var lines = jen.Options{Open: "{", Close: "}", Separator: ",", Multi: true}

func emitResolve(f *jen.File, s ir.Segment) {
	// // ResolveSegmentV2 lays a segment out … .
	// func ResolveSegmentV2(metadataRequest, payload uint64) (SegmentV2, bool) {
	// 	…
	// 	return s, true
	// }
	comment(f, "Resolve"+segmentType(s)+" lays a segment out for the given sizes in bytes, wanted or stored: stored ones are rounded already "+
		"and stay as they are. It reports false for a rounded size below its minimum or above its limit.")
	f.Func().Id("Resolve"+segmentType(s)).ParamsFunc(func(g *jen.Group) {
		if s.Sized {
			g.ListFunc(func(g *jen.Group) {
				for _, input := range s.Inputs {
					g.Id(paramName(input.Name))
				}
			}).Uint64()
		}
	}).Params(jen.Id(segmentType(s)), jen.Bool()).BlockFunc(func(g *jen.Group) {
		if s.Sized {
			emitInputChecks(g, s)
			emitRegionEnds(g, s)
		}
		emitPlacedRegions(g, s)
		if s.Sized {
			emitSizeChecks(g, s)
		}
		// return resolved, true
		g.Return(jen.Id("resolved"), jen.True())
	})
}

func emitInputChecks(g *jen.Group, s ir.Segment) {
	// // Limits come first: no sum below can overflow then.
	// if metadataRequest > MaxMetadataSize || payload > MaxPayloadSize {
	// 	return SegmentV2{}, false
	// }
	comment(g, "Limits come first: no sum below can overflow then.")
	conditions := make([]jen.Code, len(s.Inputs))
	for i, input := range s.Inputs {
		conditions[i] = jen.Id(paramName(input.Name)).Op(">").Id(constantName(input.Maximum))
	}
	g.If(anyOf(conditions)).Block(jen.Return(jen.Id(segmentType(s)).Values(), jen.False()))
}

func emitRegionEnds(g *jen.Group, s ir.Segment) {
	for _, r := range s.Regions {
		if r.Input != "" {
			// payloadEnd := roundUp(metadataResponseEnd+payload, 64)
			g.Id(regionEnd(r.Name)).Op(":=").Id("roundUp").
				Call(regionStart(r).Op("+").Id(paramName(r.Input)), decimal(s.Alignment))
		}
	}
}

func emitPlacedRegions(g *jen.Group, s ir.Segment) {
	// resolved := SegmentV2{
	// 	OiebRequest: Region{Offset: 0x00, Size: 88},
	// 	Payload: Region{Offset: metadataResponseEnd, Size: payloadEnd - metadataResponseEnd},
	// 	Length: payloadEnd,
	// }
	g.Id("resolved").Op(":=").Id(segmentType(s)).CustomFunc(lines, func(g *jen.Group) {
		for _, r := range s.Regions {
			size := decimal(r.Size)
			if r.Input != "" {
				size = jen.Id(regionEnd(r.Name)).Op("-").Add(regionStart(r))
			}
			g.Id(fieldName(r.Name)).Op(":").Id("Region").Values(
				jen.Id("Offset").Op(":").Add(regionStart(r)), jen.Id("Size").Op(":").Add(size))
		}
		length := decimal(s.FixedLength)
		if s.Sized {
			length = jen.Id(regionEnd(s.LastSized))
		}
		g.Id("Length").Op(":").Add(length)
	})
}

func emitSizeChecks(g *jen.Group, s ir.Segment) {
	// if resolved.Payload.Size < 128 || resolved.Payload.Size > MaxPayloadSize {
	// 	return SegmentV2{}, false
	// }
	var conditions []jen.Code
	for _, r := range s.Regions {
		size := jen.Id("resolved").Dot(fieldName(r.Name)).Dot("Size")
		if r.Minimum > 0 {
			conditions = append(conditions, size.Clone().Op("<").Add(decimal(r.Minimum)))
		}
		if r.Input != "" {
			conditions = append(conditions, size.Clone().Op(">").Id(constantName(r.Maximum)))
		}
	}
	g.If(anyOf(conditions)).Block(jen.Return(jen.Id(segmentType(s)).Values(), jen.False()))
}

func emitRoundUp(f *jen.File) {
	// // roundUp rounds n up to a multiple of alignment.
	// func roundUp(n, alignment uint64) uint64 { return (n + alignment - 1) / alignment * alignment }
	comment(f, "roundUp rounds n up to a multiple of alignment.")
	f.Func().Id("roundUp").Params(jen.List(jen.Id("n"), jen.Id("alignment")).Uint64()).Uint64().Block(
		jen.Return(jen.Parens(jen.Id("n").Op("+").Id("alignment").Op("-").Lit(1)).
			Op("/").Id("alignment").Op("*").Id("alignment")),
	)
}

// regionStart is 0xB0, or metadataRequestEnd when the offset depends on the sizes.
func regionStart(r ir.Region) *jen.Statement {
	if r.Offset != nil {
		return hex(*r.Offset)
	}
	return jen.Id(regionEnd(r.After))
}

func regionEnd(name string) string { return paramName(name, "end") }

// anyOf joins conditions by ||, one per line when they are many.
func anyOf(conditions []jen.Code) *jen.Statement {
	joined := jen.Add(conditions[0])
	for _, c := range conditions[1:] {
		joined.Op("||")
		if len(conditions) > 3 {
			joined.Line()
		}
		joined.Add(c)
	}
	return joined
}
