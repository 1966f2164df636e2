package golang

import (
	"github.com/dave/jennifer/jen"

	"github.com/zeroduplex/zeroduplex/gen/ir"
)

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
