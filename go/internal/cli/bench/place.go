package bench

import "fmt"

// placement is where both processes run; -1 for any CPU.
type placement struct {
	client, server int
	threads        int // where the helper thread of the reference runs
}

func (p placement) same() bool { return p.client >= 0 && p.client == p.server }

// parsePlacement chooses the CPUs: client on the first, server on the second where there are two, unless others are asked for.
func parsePlacement(cpus string) (p placement, err error) {
	allowed, err := allowedCPUs()
	if err != nil {
		return p, err
	}
	first, second := allowed[0], allowed[min(1, len(allowed)-1)]
	switch cpus {
	case "":
		return placement{client: first, server: second, threads: second}, nil
	case "same":
		return placement{client: first, server: first, threads: second}, nil
	}
	chosen, err := integers("--cpus", cpus, -1)
	if err != nil {
		return p, err
	}
	if len(chosen) != 2 {
		return p, fmt.Errorf("--cpus wants two numbers or same, %q has %d", cpus, len(chosen))
	}
	p = placement{client: chosen[0], server: chosen[1], threads: chosen[1]}
	if p.threads < 0 {
		p.threads = second
	}
	return p, nil
}
