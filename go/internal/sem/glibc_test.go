//go:build linux

package sem

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// peer is the other side of the ping-pong in C, on glibc's own semaphores. "open": our files; "create": its own, announced on stdout.
const peerSource = `
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv) {
	int create = !strcmp(argv[1], "create"), rounds = atoi(argv[4]);
	sem_t *ping = create ? sem_open(argv[2], O_CREAT | O_EXCL, 0600, 0) : sem_open(argv[2], 0);
	sem_t *pong = create ? sem_open(argv[3], O_CREAT | O_EXCL, 0600, 0) : sem_open(argv[3], 0);
	if (ping == SEM_FAILED || pong == SEM_FAILED) { perror("sem_open"); return 1; }
	puts("ready");
	fflush(stdout);
	for (int i = 0; i < rounds; i++) {
		if (sem_wait(ping)) { perror("sem_wait"); return 1; }
		int value;
		if (sem_getvalue(pong, &value) || value != 0) { fprintf(stderr, "pong is %d\n", value); return 1; }
		if (sem_post(pong)) { perror("sem_post"); return 1; }
	}
	if (create) { sem_unlink(argv[2]); sem_unlink(argv[3]); }
	return 0;
}
`

func buildPeer(t *testing.T) string {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	require.NoError(t, err, "gcc is needed to test with glibc's own semaphores; `make setup` installs it")
	folder := t.TempDir()
	source, program := filepath.Join(folder, "peer.c"), filepath.Join(folder, "peer")
	require.NoError(t, os.WriteFile(source, []byte(peerSource), 0o600))
	out, err := exec.Command(gcc, "-O2", "-o", program, source, "-pthread").CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

func TestPingPongWithGlibc(t *testing.T) {
	const rounds = 20000
	program := buildPeer(t)
	for _, creator := range []string{"go", "glibc"} {
		t.Run("created by "+creator, func(t *testing.T) {
			names := [2]string{fmt.Sprintf("zdgo-ping-%d-%s", os.Getpid(), creator), fmt.Sprintf("zdgo-pong-%d-%s", os.Getpid(), creator)}
			var paths [2]string
			var sems [2]*Semaphore
			for i, name := range names {
				paths[i] = "/dev/shm/sem." + name
				t.Cleanup(func() { _ = os.Remove(paths[i]) })
			}
			mode := "create"
			if creator == "go" {
				mode = "open"
				for i, path := range paths {
					s, err := Replace(path, path+".new", 0o600)
					require.NoError(t, err)
					sems[i] = s
				}
			}
			cmd := exec.Command(program, mode, "/"+names[0], "/"+names[1], fmt.Sprint(rounds))
			cmd.Stderr = os.Stderr
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			defer cmd.Process.Kill()
			reader := bufio.NewReader(stdout)
			line, err := reader.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "ready\n", line)
			if creator == "glibc" {
				for i, path := range paths {
					sems[i], err = Open(path)
					require.NoError(t, err)
				}
			}
			for i := range rounds {
				sems[0].PostIfZero()
				require.True(t, sems[1].Wait(forever), "round %d", i)
			}
			_, err = io.ReadAll(reader)
			require.NoError(t, err)
			require.NoError(t, cmd.Wait())
			for i, s := range sems {
				require.Zero(t, s.word.Load(), "value and waiters")
				require.NoError(t, s.RemoveIfSame(paths[i]))
				require.NoError(t, s.Close())
				require.NoFileExists(t, paths[i])
			}
		})
	}
}
