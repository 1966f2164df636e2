package cpp

import (
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/backend"
	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

type protocol struct {
	Doc                                    []string
	Components                             []constant
	Version, Values, Identity, IdentityHex string
}

type enum struct {
	Doc        []string
	Type, Base string
	Values     []member
}

type member struct {
	Doc               []string
	Name, Text, Value string
}

type stateMachine struct {
	enum
	MayFollow string
	Roles     []roleMoves
}

type roleMoves struct {
	Role  string
	Moves []move
}

type move struct{ From, Condition string }

type flagSet struct {
	Doc  []string
	Bits []constant
}

func protocolView(p ir.Protocol) protocol {
	view := protocol{
		Doc:         doc("Version of protocol " + p.Name + ". " + p.Doc),
		Version:     id(naming.Constant, "protocol", p.Name, "version"),
		Identity:    id(naming.Constant, p.Oieb, "identity_word"),
		IdentityHex: number(p.IdentityWord, "u64"),
	}
	var values []string
	for i, component := range p.Components {
		name := id(naming.Constant, "protocol", p.Name, component)
		view.Components = append(view.Components, constant{Name: name, Value: fmt.Sprint(p.Version[i])})
		values = append(values, fmt.Sprint(p.Version[i]))
	}
	view.Values = strings.Join(values, ", ")
	return view
}

func rolesView(roles []ir.Role) enum {
	view := enum{Doc: doc("A party of the protocol."), Type: "Role", Base: scalars["u8"]}
	for _, r := range roles {
		view.Values = append(view.Values, member{
			Doc: doc(r.Doc), Name: id(naming.Member, r.Name), Text: backend.Quote(r.Name), Value: fmt.Sprint(r.Index),
		})
	}
	return view
}

func enumView(e ir.Enum) enum {
	view := enum{Doc: doc(e.Doc), Type: id(naming.Type, e.Name), Base: scalars[e.Type]}
	for _, v := range e.Values {
		view.Values = append(view.Values, member{
			Doc: doc(v.Doc), Name: id(naming.Member, v.Name), Text: backend.Quote(v.Name), Value: number(v.Value, e.Type),
		})
	}
	return view
}

func stateMachineView(m ir.StateMachine) stateMachine {
	view := stateMachine{enum: enumView(m.Enum), MayFollow: id(naming.Function, m.Name, "may_follow")}
	for _, role := range m.Moves {
		moves := roleMoves{Role: id(naming.Member, role.Role)}
		for _, from := range role.From {
			var conditions []string
			for _, to := range from.To {
				conditions = append(conditions, "to == "+view.Type+"::"+id(naming.Member, to))
			}
			moves.Moves = append(moves.Moves, move{From: id(naming.Member, from.From), Condition: strings.Join(conditions, " || ")})
		}
		view.Roles = append(view.Roles, moves)
	}
	return view
}

func flagSetView(f ir.FlagSet) flagSet {
	view := flagSet{Doc: doc(f.Doc)}
	for _, b := range f.Bits {
		view.Bits = append(view.Bits, constant{
			Doc: doc(b.Doc + " Set by the " + b.By + "."), Type: scalars[f.Type],
			Name: id(naming.Constant, f.Name, b.Name), Value: fmt.Sprintf("%s{1} << %d", scalars[f.Type], b.Bit),
		})
	}
	return view
}
