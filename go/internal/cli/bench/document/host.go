package document

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Host is where it was measured.
type Host struct {
	CPU       string `json:"cpu"`
	CPUs      int    `json:"cpus"`
	Kernel    string `json:"kernel"`
	GoVersion string `json:"go_version"`
	Arch      string `json:"arch"`
	ClientCPU int    `json:"client_cpu"` // -1: not pinned
	ServerCPU int    `json:"server_cpu"`
}

// ThisHost describes this machine and the CPUs that client and server are given; -1 for any.
func ThisHost(clientCPU, serverCPU int) Host {
	h := Host{CPU: "unknown processor", CPUs: runtime.NumCPU(), Kernel: "unknown", GoVersion: runtime.Version(), Arch: runtime.GOARCH, ClientCPU: clientCPU, ServerCPU: serverCPU}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		h.Kernel = strings.TrimSpace(string(release))
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, line := range strings.Split(string(info), "\n") {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				h.CPU = strings.TrimSpace(value)
				break
			}
		}
	}
	return h
}

// Machine says in one line what was measured on.
func (h Host) Machine() string {
	return fmt.Sprintf("%s, %d CPUs, kernel %s", h.CPU, h.CPUs, h.Kernel)
}

// Placement says in one line who was measured where.
func (h Host) Placement() string {
	where := func(cpu int) string {
		if cpu < 0 {
			return "any CPU"
		}
		return fmt.Sprintf("CPU %d", cpu)
	}
	return fmt.Sprintf("client on %s, server on %s", where(h.ClientCPU), where(h.ServerCPU))
}
