package golang

import (
	"fmt"
	"strings"

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

func emitRoles(f *jen.File, roles []ir.Role) {
	// // Role is a party of the protocol.
	// type Role uint8
	comment(f, "Role is a party of the protocol.")
	f.Type().Id("Role").Uint8()
	// // The roles.
	// const (
	// 	RoleClient Role = 1
	// )
	comment(f, "The roles.")
	f.Const().DefsFunc(func(g *jen.Group) {
		for _, r := range roles {
			comment(g, r.Doc)
			g.Id(memberName("role", r.Name)).Id("Role").Op("=").Lit(r.Index)
		}
	})
	names := make([]string, len(roles))
	for i, r := range roles {
		names[i] = r.Name
	}
	emitString(f, "role", names)
}

func emitEnum(f *jen.File, e ir.Enum) {
	// // FrameState: … .
	// type FrameState int32
	comment(f, typeName(e.Name)+": "+e.Doc)
	f.Type().Id(typeName(e.Name)).Add(scalar(e.Type))
	// // The values of FrameState.
	// const (
	// 	FrameStateFree FrameState = 0
	// )
	comment(f, "The values of "+typeName(e.Name)+".")
	f.Const().DefsFunc(func(g *jen.Group) {
		for _, v := range e.Values {
			comment(g, v.Doc)
			g.Id(memberName(e.Name, v.Name)).Id(typeName(e.Name)).Op("=").Add(number(v.Value))
		}
	})
	names := make([]string, len(e.Values))
	for i, v := range e.Values {
		names[i] = v.Name
	}
	emitString(f, e.Name, names)
}

func emitString(f *jen.File, enum string, names []string) {
	// // String returns the name in the spec, or the number when it has none.
	// func (v FrameState) String() string {
	// 	switch v {
	// 	case FrameStateFree:
	// 		return "free"
	// 	default:
	// 		return "frame_state(" + strconv.FormatInt(int64(v), 10) + ")"
	// 	}
	// }
	comment(f, "String returns the name in the spec, or the number when it has none.")
	f.Func().Params(jen.Id("v").Id(typeName(enum))).Id("String").Params().String().Block(
		jen.Switch(jen.Id("v")).BlockFunc(func(g *jen.Group) {
			for _, name := range names {
				g.Case(jen.Id(memberName(enum, name))).Block(jen.Return(jen.Lit(name)))
			}
			g.Default().Block(jen.Return(jen.Lit(enum+"(").Op("+").
				Qual("strconv", "FormatInt").Call(jen.Int64().Parens(jen.Id("v")), jen.Lit(10)).Op("+").Lit(")")))
		}),
	)
}

func emitMayFollow(f *jen.File, m ir.StateMachine) {
	// // FrameStateMayFollow tells whether by may change from into to.
	// func FrameStateMayFollow(from, to FrameState, by Role) bool {
	// 	switch by {
	// 	case RoleClient:
	// 		switch from {
	// 		case FrameStateFree:
	// 			return to == FrameStateRequest || to == FrameStateWrap
	// 		}
	// 	}
	// 	return false
	// }
	name := functionName(m.Name, "may_follow")
	comment(f, name+" tells whether the role by may change the state from into to.")
	f.Func().Id(name).Params(jen.List(jen.Id("from"), jen.Id("to")).Id(typeName(m.Name)), jen.Id("by").Id("Role")).Bool().Block(
		jen.Switch(jen.Id("by")).BlockFunc(func(g *jen.Group) {
			for _, moves := range m.Moves {
				g.Case(jen.Id(memberName("role", moves.Role))).Block(
					jen.Switch(jen.Id("from")).BlockFunc(func(g *jen.Group) { emitMoves(g, m.Name, moves.From) }))
			}
		}),
		jen.Return(jen.False()),
	)
}

func emitMoves(g *jen.Group, enum string, moves []ir.Moves) {
	for _, move := range moves {
		conditions := make([]jen.Code, len(move.To))
		for i, to := range move.To {
			conditions[i] = jen.Id("to").Op("==").Id(memberName(enum, to))
		}
		// case FrameStateFree:
		// 	return to == FrameStateRequest || to == FrameStateWrap
		g.Case(jen.Id(memberName(enum, move.From))).Block(jen.Return(anyOf(conditions)))
	}
}

func emitFlags(f *jen.File, s ir.FlagSet) {
	// // FrameFlags: … .
	// const (
	// 	FrameFlagsOneWay uint32 = 1 << 0
	// )
	comment(f, typeName(s.Name)+": "+s.Doc)
	f.Const().DefsFunc(func(g *jen.Group) {
		for _, b := range s.Bits {
			comment(g, b.Doc+" Set by the "+b.By+".")
			g.Id(constantName(s.Name, b.Name)).Add(scalar(s.Type)).Op("=").Lit(1).Op("<<").Add(decimal(b.Bit))
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

func emitErrors(f *jen.File, d *ir.Document) {
	// // ErrorCode identifies an error in every language.
	// type ErrorCode int32
	comment(f, "ErrorCode identifies a kind of error. The numbers are the same in every language.")
	f.Type().Id("ErrorCode").Int32()
	// // The error codes.
	// const (
	// 	// The channel name breaks the name rules.
	// 	ErrorCodeInvalidName ErrorCode = 2
	// )
	comment(f, "The error codes.")
	f.Const().DefsFunc(func(g *jen.Group) {
		for _, e := range d.Errors {
			comment(g, e.Meaning)
			g.Id(memberName("error_code", e.Name)).Id("ErrorCode").Op("=").Lit(int(e.Code))
		}
	})
	emitErrorTable(f, d.Errors)
	emitSentinels(f, d.Errors)
}

func emitErrorTable(f *jen.File, errors []ir.ErrorKind) {
	// // errorTable describes every error; a kind stands before its sub-kinds.
	// var errorTable = []errorInfo{
	// 	{Code: ErrorCodeTimeout, Name: "timeout", Retryable: true, Meaning: "…", Remedy: "…"},
	// }
	comment(f, "errorTable describes every error; a kind stands before its sub-kinds.")
	f.Var().Id("errorTable").Op("=").Index().Id("errorInfo").CustomFunc(lines, func(g *jen.Group) {
		for _, e := range errors {
			g.Add(errorEntry(e))
		}
	})
}

func errorEntry(e ir.ErrorKind) *jen.Statement {
	// {
	// 	Code: ErrorCodeAcquisitionOpen,
	// 	Name: "acquisition_open",
	// 	Parent: ErrorCodeBufferFull,
	// 	Retryable: true,
	// 	Meaning: "…",
	// 	Remedy: "…",
	// }
	return jen.CustomFunc(lines, func(g *jen.Group) {
		g.Id("Code").Op(":").Id(memberName("error_code", e.Name))
		g.Id("Name").Op(":").Lit(e.Name)
		if e.Parent != "" {
			g.Id("Parent").Op(":").Id(memberName("error_code", e.Parent))
		}
		g.Id("Retryable").Op(":").Lit(e.Retryable)
		g.Id("Meaning").Op(":").Lit(e.Meaning)
		g.Id("Remedy").Op(":").Lit(e.Remedy)
	})
}

func emitSentinels(f *jen.File, errors []ir.ErrorKind) {
	// // Errors to compare with errors.Is.
	// var (
	// 	// ErrTimeout: The deadline passed. Wait longer, …
	// 	ErrTimeout error = sentinel(ErrorCodeTimeout)
	// )
	comment(f, "The kinds of errors, to be compared by errors.Is.")
	f.Var().DefsFunc(func(g *jen.Group) {
		for _, e := range errors {
			name := constantName("err", e.Name)
			comment(g, fmt.Sprintf("%s: %s %s%s", name, e.Meaning, e.Remedy, kindNote(e)))
			g.Id(name).Error().Op("=").Id("sentinel").Call(jen.Id(memberName("error_code", e.Name)))
		}
	})
}

func kindNote(e ir.ErrorKind) string {
	var notes []string
	if e.Parent != "" {
		notes = append(notes, "A kind of "+constantName("err", e.Parent)+".")
	}
	if e.Retryable {
		notes = append(notes, "Retryable.")
	}
	if len(notes) == 0 {
		return ""
	}
	return " " + strings.Join(notes, " ")
}
