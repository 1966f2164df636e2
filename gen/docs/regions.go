package docs

import (
	"fmt"

	"github.com/zeroduplex/zeroduplex/gen/ir"
)

func renderRegions(d *ir.Document) ([]region, error) {
	var regions []region
	seen := map[string]bool{}
	add := func(name, heading, template string, view any) error {
		if seen[name] {
			return fmt.Errorf("%s: two parts of the spec want the region %q; rename one of them", Path, name)
		}
		seen[name] = true
		content, err := templates.Text(template, view)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", Path, name, err)
		}
		regions = append(regions, region{name: name, heading: heading, content: content})
		return nil
	}
	for _, part := range parts(d) {
		if err := add(part.name, part.heading, part.template, part.view); err != nil {
			return nil, err
		}
	}
	return regions, nil
}

// part is a region before rendering.
type part struct {
	name, heading, template string
	view                    any
}

func parts(d *ir.Document) []part {
	list := []part{
		{"protocols", "Versions", "table.tmpl", protocolTable(d.Protocols)},
		{"roles", "Roles", "table.tmpl", roleTable(d.Roles)},
	}
	for _, s := range d.Segments {
		list = append(list, part{"segment_" + s.Name, "The segment of " + s.Name, "segment.tmpl", segmentView(s)})
	}
	for _, s := range d.Structs {
		list = append(list, part{s.Name, "`" + s.Name + "`", "struct.tmpl", structView(s)})
	}
	for _, m := range d.States {
		list = append(list, part{m.Name, "`" + m.Name + "`", "states.tmpl", stateView(m)})
	}
	for _, e := range d.Enums {
		list = append(list, part{e.Name, "`" + e.Name + "`", "table.tmpl", enumTable(e)})
	}
	for _, f := range d.Flags {
		list = append(list, part{f.Name, "`" + f.Name + "`", "table.tmpl", flagTable(f)})
	}
	return append(list,
		part{"semaphores", "Semaphores", "table.tmpl", semaphoreTable(d.Semaphores)},
		part{"paths", "Paths", "table.tmpl", pathTable(d.Paths)},
		part{"names", "Names", "table.tmpl", nameTable(d.Names)},
		part{"constants", "Constants", "table.tmpl", constantTable(d.Constants)},
		part{"limits", "Limits", "table.tmpl", constantTable(d.Limits)},
		part{"defaults", "Defaults", "table.tmpl", defaultTable(d.Defaults)},
		part{"errors", "Errors", "table.tmpl", errorTable(d.Errors)},
	)
}
