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

// measure runs one client against one server, and says what their channel takes in shared memory.
func (p plan) measure(ctx context.Context, pair pair, s setting, protocolName string) (result benchproto.ClientResult, shm int64, err error) {
	channel := fmt.Sprintf("zd-bench-%d", os.Getpid())
	control := "/dev/shm/" + channel + ".control"
	if err := benchproto.CreateControlFile(control); err != nil {
		return result, 0, err
	}
	defer func() { err = also(err, os.Remove(control)) }()
	common := []string{"--name", channel, "--size", strconv.Itoa(s.size), "--inflight", strconv.Itoa(s.inflight), "--wait", s.wait,
		"--limit-object", control, "--touch", string(s.touch)}
	server, err := pair.serverProgram.Start(ctx, append(common, p.serverFlags(pair, protocolName)...)...)
	if err != nil {
		return result, 0, pair.judge(err)
	}
	defer func() {
		_, stopped := server.Stop()
		err = also(err, stopped)
	}()
	memory := watchMemory(channel, protocolName)
	printed, err := pair.clientProgram.Run(ctx, append(common, p.clientFlags(pair, s)...)...)
	shm = memory()
	if err != nil {
		return result, 0, pair.judge(err)
	}
	if err := json.Unmarshal(printed, &result); err != nil {
		return result, 0, fmt.Errorf("reading the client's result %q: %w", printed, err)
	}
	// There is no limit to compare v1 with; outside programs are compared with the limit that ours measured.
	if result.Samples != s.count || result.P50NS <= 0 || result.LimitP50NS <= 0 && protocolName == protocol.InPlace && !pair.outside {
		return result, 0, fmt.Errorf("the client's result %q is not of %d samples", strings.TrimSpace(string(printed)), s.count)
	}
	if s.dual && shm == 0 && !pair.outside {
		return result, 0, fmt.Errorf("the objects of %s were never seen together", channel)
	}
	return result, shm, nil
}

// also joins a second error, if there is one; without it the first stays what it is.
func also(err, second error) error {
	if second == nil {
		return err
	}
	return errors.Join(err, second)
}

func (p plan) serverFlags(pair pair, protocolName string) []string {
	flags := []string{"--cpu", strconv.Itoa(p.serverCPU)}
	if !pair.outside {
		flags = append(flags, "--protocol", protocolName)
	}
	return flags
}

func (p plan) clientFlags(pair pair, s setting) []string {
	threadsCPU := -1
	if s.threads && !pair.outside {
		threadsCPU = max(0, p.serverCPU)
	}
	return []string{"--cpu", strconv.Itoa(p.clientCPU), "--count", strconv.Itoa(s.count), "--warmup", strconv.Itoa(s.warmup), "--threads-cpu", strconv.Itoa(threadsCPU)}
}
