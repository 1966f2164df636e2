package cpp

import (
	"fmt"
	"strings"

	"github.com/zeroduplex/zeroduplex/gen/ir"
	"github.com/zeroduplex/zeroduplex/gen/naming"
)

type segment struct {
	Doc, ResolveDoc           []string
	Type, Resolve, Parameters string
	Sized                     bool
	Regions                   []region
	Ends                      []constant
	Length                    string
	TooLarge, OutOfRange      string
}

type region struct {
	Doc                []string
	Name, Offset, Size string
}

func segmentView(s ir.Segment) segment {
	view := segment{
		Doc: doc(s.Doc), Type: id(naming.Type, "segment", s.Name), Resolve: id(naming.Function, "resolve_segment", s.Name), Sized: s.Sized,
		ResolveDoc: doc("Lays a segment out for the given sizes in bytes, wanted or stored: stored ones are rounded already and stay as they are. " +
			"Empty for a rounded size below its minimum or above its limit."),
		Length: fmt.Sprint(s.FixedLength),
	}
	var parameters, tooLarge, outOfRange []string
	for _, input := range s.Inputs {
		name := id(naming.Parameter, input.Name)
		parameters = append(parameters, "std::uint64_t "+name)
		tooLarge = append(tooLarge, name+" > "+id(naming.Constant, input.Maximum))
	}
	for _, r := range s.Regions {
		placed := region{Doc: doc(r.Doc), Name: id(naming.Field, r.Name), Offset: start(r), Size: fmt.Sprint(r.Size)}
		if r.Input != "" {
			end := endName(r.Name)
			view.Ends = append(view.Ends, constant{
				Name: end, Value: fmt.Sprintf("detail::round_up(%s + %s, %d)", start(r), id(naming.Parameter, r.Input), s.Alignment),
			})
			placed.Size = end + " - " + start(r)
			view.Length = end
			size := "resolved." + placed.Name + ".size"
			if r.Minimum > 0 {
				outOfRange = append(outOfRange, fmt.Sprintf("%s < %d", size, r.Minimum))
			}
			outOfRange = append(outOfRange, size+" > "+id(naming.Constant, r.Maximum))
		}
		view.Regions = append(view.Regions, placed)
	}
	view.Parameters = strings.Join(parameters, ", ")
	view.TooLarge = strings.Join(tooLarge, " ||\n      ")
	view.OutOfRange = strings.Join(outOfRange, " ||\n      ")
	return view
}

func start(r ir.Region) string {
	if r.Offset != nil {
		return hex(*r.Offset)
	}
	return endName(r.After)
}

func endName(region string) string { return id(naming.Parameter, region, "end") }
