package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
)

func emitProtocol(f *jen.File, d *ir.Document) {
	emitDigest(f, d)
	for _, p := range d.Protocols {
		emitVersion(f, p)
	}
	emitRoles(f, d.Roles)
	for _, m := range d.States {
		emitEnum(f, m.Enum)
		emitMayFollow(f, m)
	}
	for _, e := range d.Enums {
		emitEnum(f, e)
	}
	for _, s := range d.Flags {
		emitFlags(f, s)
	}
	emitConstants(f, "Constants of the protocol.", d.Constants)
	emitConstants(f, "Limits of the protocol.", d.Limits)
	emitDefaults(f, d.Defaults)
}

func emitDigest(f *jen.File, d *ir.Document) {
	// // SpecDigest identifies the spec … .
	// const SpecDigest = "0123456789ab"
	comment(f, "SpecDigest identifies the spec that this package was generated from.")
	f.Const().Id("SpecDigest").Op("=").Lit(d.Digest)
}

func emitVersion(f *jen.File, p ir.Protocol) {
	// // Version of protocol v2. …
	// const (
	// 	ProtocolV2Major uint8 = 2
	// 	OiebV2IdentityWord uint64 = 0x200000058
	// )
	comment(f, "Version of protocol "+p.Name+". "+p.Doc)
	f.Const().DefsFunc(func(g *jen.Group) {
		for i, component := range p.Components {
			g.Id(constantName("protocol", p.Name, component)).Uint8().Op("=").Add(decimal(p.Version[i]))
		}
		comment(g, "The first eight bytes of a segment, read as one little-endian number.")
		g.Id(constantName(p.Oieb, "identity_word")).Uint64().Op("=").Add(number(p.IdentityWord))
	})
	// // ProtocolV2Version is the version as it stands in the segment.
	// var ProtocolV2Version = [4]uint8{2, 0, 0, 0}
	name := constantName("protocol", p.Name, "version")
	comment(f, name+" is the version as it stands in the segment.")
	f.Var().Id(name).Op("=").Index(jen.Lit(len(p.Version))).Uint8().ValuesFunc(func(g *jen.Group) {
		for _, part := range p.Version {
			g.Add(decimal(part))
		}
	})
}

func emitConstants(f *jen.File, doc string, constants []ir.Constant) {
	if len(constants) == 0 {
		return
	}
	// // Limits of the protocol.
	// const (
	// 	MaxFrameData uint64 = 2147483584
	// )
	comment(f, doc)
	f.Const().DefsFunc(func(g *jen.Group) {
		for _, c := range constants {
			comment(g, backend.WithUnit(c.Doc, c.Unit))
			g.Id(constantName(c.Name)).Add(scalar(c.Type)).Op("=").Add(number(c.Value))
		}
	})
}

// durations are the units of package time.
var durations = map[ir.Duration]string{ir.Milliseconds: "Millisecond", ir.Microseconds: "Microsecond"}

func emitDefaults(f *jen.File, defaults []ir.Default) {
	if len(defaults) == 0 {
		return
	}
	// // Defaults of what a user may configure.
	// const (
	// 	DefaultV2PayloadSize uint64 = 16777216
	// 	DefaultV2ConnectTimeout = 5000 * time.Millisecond
	// )
	comment(f, "Defaults of what a user may configure.")
	f.Const().DefsFunc(func(g *jen.Group) {
		for _, d := range defaults {
			name := constantName("default", d.Protocol, d.Name)
			if d.Duration != nil {
				comment(g, d.Doc)
				g.Id(name).Op("=").Add(number(d.Value)).Op("*").Qual("time", durations[*d.Duration])
				continue
			}
			comment(g, backend.WithUnit(d.Doc, d.Unit))
			g.Id(name).Add(scalar(d.Type)).Op("=").Add(number(d.Value))
		}
	})
}
