package cli

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/zeroduplex/zeroduplex/go/internal/cli/flags"
)

func run(args ...string) (code int, stdout, stderr string) {
	var out, err strings.Builder
	code = Run(context.Background(), args, &out, &err)
	return code, out.String(), err.String()
}

func TestHelp(t *testing.T) {
	for _, word := range []string{"help", "-h", "--help"} {
		code, stdout, stderr := run(word)
		assert.Equal(t, flags.OK, code)
		assert.Contains(t, stdout, "Exit codes")
		assert.Empty(t, stderr)
	}
	code, stdout, stderr := run()
	assert.Equal(t, flags.Usage, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, "usage")
}

func TestUnknownCommand(t *testing.T) {
	code, stdout, stderr := run("lay\xffout")
	assert.Equal(t, flags.Usage, code)
	assert.Empty(t, stdout)
	assert.Equal(t, "zeroduplex: no command \"lay?out\"; there are layout, inspect, demo, bench and help\n", stderr)
}

func TestEveryCommandExplainsItself(t *testing.T) {
	for name := range commands {
		code, stdout, stderr := run(name, "--help")
		assert.Equal(t, flags.OK, code, name)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "usage: zeroduplex "+name)
		code, _, stderr = run(name, "--no-such-flag")
		assert.Equal(t, flags.Usage, code, name)
		assert.Contains(t, stderr, "no-such-flag")
	}
}

func TestTheCommandsThatUsageNamesExist(t *testing.T) {
	for _, line := range strings.Split(usage, "\n") {
		if words := strings.Fields(line); strings.HasPrefix(line, "  ") && words[0] != "help" {
			assert.Contains(t, commands, words[0])
		}
	}
}

func TestInspectFailsClearly(t *testing.T) {
	code, stdout, stderr := run("inspect", "zd-cli-there-is-none")
	assert.Equal(t, flags.Failed, code)
	assert.Empty(t, stdout)
	assert.Contains(t, stderr, `zeroduplex inspect: no channel named "zd-cli-there-is-none"`)
	code, _, stderr = run("inspect")
	assert.Equal(t, flags.Usage, code)
	assert.Contains(t, stderr, "NAME is missing")
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestHelpThatCannotBeWritten(t *testing.T) {
	assert.Equal(t, flags.Failed, Run(context.Background(), []string{"help"}, brokenWriter{}, &strings.Builder{}))
}
