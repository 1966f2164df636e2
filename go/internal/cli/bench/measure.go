package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/zeroduplex/zeroduplex/go/internal/benchproto"
	"github.com/zeroduplex/zeroduplex/go/internal/protocol"
)

// measured is what one client and one server found out together.
type measured struct {
	benchproto.ClientResult
	shm int64 // bytes of shared memory, objects and semaphores; 0: not known, as of outside peers
}

// measure runs one client against one server.
func (p plan) measure(ctx context.Context, pair pair, s setting, protocolName string) (m measured, err error) {
	channel := fmt.Sprintf("zd-bench-%d", os.Getpid())
	control, remove, err := createControl(channel)
	if err != nil {
		return m, err
	}
	defer func() { err = also(err, remove()) }()
	common := []string{"--name", channel, "--size", strconv.Itoa(s.size), "--inflight", strconv.Itoa(s.inflight), "--wait", s.wait,
		"--limit-object", control, "--touch", string(s.touch)}
	server, err := pair.serverProgram.Start(ctx, append(common, p.serverFlags(pair, protocolName)...)...)
	if err != nil {
		return m, pair.judge(err)
	}
	defer func() {
		_, stopped := server.Stop()
		err = also(err, stopped)
	}()
	memory := watchMemory(channel, protocolName)
	printed, err := pair.clientProgram.Run(ctx, append(common, p.clientFlags(pair, s, protocolName)...)...)
	m.shm = memory()
	if err != nil {
		return m, pair.judge(err)
	}
	if err := json.Unmarshal(printed, &m.ClientResult); err != nil {
		return m, fmt.Errorf("reading the client's result %q: %w", printed, err)
	}
	if complaint := s.complaint(m, pair, protocolName); complaint != "" {
		return m, fmt.Errorf("the client's result %q %s", strings.TrimSpace(string(printed)), complaint)
	}
	return m, nil
}

// complaint says what a result lacks, "" for nothing. Of outside peers less is asked.
func (s setting) complaint(m measured, pair pair, protocolName string) string {
	switch limits := s.limitsOf(protocolName); {
	case m.Samples != s.count || m.P50NS <= 0:
		return fmt.Sprintf("is not of %d samples", s.count)
	case pair.outside:
		return ""
	case m.Client == nil || m.Server == nil:
		return "does not say what client and server used"
	case limits.line && m.LimitP50NS <= 0 || limits.semaphore && m.LimitSemaphoreP50NS <= 0:
		return "lacks a limit"
	case m.shm == 0:
		return "is of a channel whose objects were never seen together"
	}
	return ""
}

// createControl makes the control file of a channel and its semaphores. remove takes them away again.
func createControl(channel string) (control string, remove func() error, err error) {
	control = "/dev/shm/" + channel + ".control"
	if err := benchproto.CreateControlFile(control); err != nil {
		return "", nil, err
	}
	semaphores, err := benchproto.CreateSemaphores(control)
	if err != nil {
		return "", nil, errors.Join(err, os.Remove(control))
	}
	return control, func() error { return errors.Join(semaphores(), os.Remove(control)) }, nil
}

// also joins a second error, if there is one; without it the first stays what it is.
func also(err, second error) error {
	if second == nil {
		return err
	}
	return errors.Join(err, second)
}

func (p plan) serverFlags(pair pair, protocolName string) []string {
	flags := []string{"--cpu", strconv.Itoa(p.place.server)}
	if !pair.outside {
		flags = append(flags, "--protocol", protocolName)
	}
	return flags
}

func (p plan) clientFlags(pair pair, s setting, protocolName string) []string {
	threadsCPU := -1
	if s.threads && !pair.outside {
		threadsCPU = p.place.threads
	}
	flags := []string{"--cpu", strconv.Itoa(p.place.client), "--count", strconv.Itoa(s.count), "--warmup", strconv.Itoa(s.warmup), "--threads-cpu", strconv.Itoa(threadsCPU)}
	if !pair.outside {
		flags = append(flags, "--limits", s.limitsOf(protocolName).String())
	}
	return flags
}

// limitsOf are the limits to measure beside a protocol: once is enough where v1 stands beside in place.
func (s setting) limitsOf(protocolName string) limits {
	if protocolName == protocol.Dual {
		return limits{}
	}
	return s.limits
}
