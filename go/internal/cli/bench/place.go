package bench

import "fmt"

// place chooses the CPUs: client on the first, server on the second where there are two.
func (p *plan) place(cpus string) error {
	if cpus == "" {
		allowed, err := allowedCPUs()
		if err != nil {
			return err
		}
		p.clientCPU, p.serverCPU = allowed[0], allowed[min(1, len(allowed)-1)]
		return nil
	}
	chosen, err := integers("--cpus", cpus, -1)
	if err != nil {
		return err
	}
	if len(chosen) != 2 {
		return fmt.Errorf("--cpus wants two numbers, %q has %d", cpus, len(chosen))
	}
	p.clientCPU, p.serverCPU = chosen[0], chosen[1]
	return nil
}
