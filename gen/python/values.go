package python

import (
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

type enum struct {
	Doc    []string
	Type   string
	Values []constant
}

type stateMachine struct {
	Type, Table, MayFollow string
	Triples                []string
}

func protocolConstants(p ir.Protocol) []constant {
	var version []string
	for _, part := range p.Version {
		version = append(version, fmt.Sprint(part))
	}
	return []constant{
		{Doc: doc("Version of protocol " + p.Name + ": " + strings.Join(p.Components[:], ", ") + "."),
			Name: id(naming.Constant, "protocol", p.Name, "version"), Value: "(" + strings.Join(version, ", ") + ")"},
		{Doc: doc("The first eight bytes of a " + p.Name + " segment, read as one little-endian number."),
			Name: id(naming.Constant, p.Oieb, "identity_word"), Value: number(p.IdentityWord)},
	}
}

func rolesView(roles []ir.Role) enum {
	view := enum{Doc: doc("A party of the protocol."), Type: "Role"}
	for _, r := range roles {
		view.Values = append(view.Values, constant{Doc: doc(r.Doc), Name: id(naming.Member, r.Name), Value: fmt.Sprint(r.Index)})
	}
	return view
}

func enumView(e ir.Enum) enum {
	view := enum{Doc: doc(e.Doc), Type: id(naming.Type, e.Name)}
	for _, v := range e.Values {
		view.Values = append(view.Values, constant{Doc: doc(v.Doc), Name: id(naming.Member, v.Name), Value: number(v.Value)})
	}
	return view
}

func flagsView(f ir.FlagSet) enum {
	view := enum{Doc: doc(f.Doc), Type: id(naming.Type, f.Name)}
	for _, b := range f.Bits {
		view.Values = append(view.Values, constant{
			Doc: doc(b.Doc + " Set by the " + b.By + "."), Name: id(naming.Member, b.Name), Value: fmt.Sprintf("1 << %d", b.Bit),
		})
	}
	return view
}

func stateMachineView(m ir.StateMachine) stateMachine {
	view := stateMachine{
		Type: id(naming.Type, m.Name), Table: "_" + id(naming.Constant, m.Name, "moves"), MayFollow: id(naming.Function, m.Name, "may_follow"),
	}
	for _, role := range m.Moves {
		for _, from := range role.From {
			for _, to := range from.To {
				view.Triples = append(view.Triples, fmt.Sprintf("(%s.%s, %s.%s, Role.%s)",
					view.Type, id(naming.Member, from.From), view.Type, id(naming.Member, to), id(naming.Member, role.Role)))
			}
		}
	}
	return view
}
