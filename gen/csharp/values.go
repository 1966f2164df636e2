package csharp

import (
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

type enum struct {
	Doc        []string
	Flags      bool
	Type, Base string
	Values     []member
}

type member struct {
	Doc         []string
	Name, Value string
}

type stateMachine struct {
	Type, MayFollow string
	Roles           []roleMoves
}

type roleMoves struct {
	Role  string
	Moves []move
}

type move struct{ From, Condition string }

func rolesView(roles []ir.Role) enum {
	view := enum{Doc: doc("A party of the protocol."), Type: "Role", Base: scalars["u8"]}
	for _, r := range roles {
		view.Values = append(view.Values, member{Doc: doc(r.Doc), Name: id(naming.Member, r.Name), Value: fmt.Sprint(r.Index)})
	}
	return view
}

func enumView(e ir.Enum) enum {
	view := enum{Doc: doc(e.Doc), Type: id(naming.Type, e.Name), Base: scalars[e.Type]}
	for _, v := range e.Values {
		view.Values = append(view.Values, member{Doc: doc(v.Doc), Name: id(naming.Member, v.Name), Value: number(v.Value, e.Type)})
	}
	return view
}

func flagsView(f ir.FlagSet) enum {
	view := enum{Doc: doc(f.Doc), Flags: true, Type: id(naming.Type, f.Name), Base: scalars[f.Type]}
	for _, b := range f.Bits {
		view.Values = append(view.Values, member{
			Doc: doc(b.Doc + " Set by the " + b.By + "."), Name: id(naming.Member, b.Name),
			Value: fmt.Sprintf("(%s)1 << %d", scalars[f.Type], b.Bit),
		})
	}
	return view
}

func stateMachineView(m ir.StateMachine) stateMachine {
	view := stateMachine{Type: id(naming.Type, m.Name), MayFollow: id(naming.Function, m.Name, "may_follow")}
	for _, role := range m.Moves {
		moves := roleMoves{Role: id(naming.Member, role.Role)}
		for _, from := range role.From {
			var conditions []string
			for _, to := range from.To {
				conditions = append(conditions, "to == "+view.Type+"."+id(naming.Member, to))
			}
			moves.Moves = append(moves.Moves, move{From: id(naming.Member, from.From), Condition: strings.Join(conditions, " || ")})
		}
		view.Roles = append(view.Roles, moves)
	}
	return view
}
