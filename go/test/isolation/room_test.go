//go:build linux

package isolation

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// room is where a process runs: what it shares with the test and what it has of its own. The zero room shares everything.
type room struct {
	container bool   // pid and mount namespaces and a /tmp of its own: as in a container, the process has pid 1. /dev/shm stays shared
	readOnly  bool   // with container: its /tmp cannot be written to
	shm       string // a /dev/shm of its own, of this size in the notation of tmpfs
	uid, gid  uint32 // 0 is the test's own user, root
}

// needRoot fails where namespaces and users cannot be had. It never skips: a machine that lacks them has not tested anything.
func needRoot(t *testing.T) {
	require.Zero(t, os.Geteuid(), "this test makes namespaces and runs processes as other users, and needs root for that: run it as root, as the CI does")
}

// enter makes a command run in the room.
func (r room) enter(t *testing.T, cmd *exec.Cmd) {
	if r == (room{}) {
		return
	}
	needRoot(t)
	script := []string{"set -eu", "mount --make-rprivate /", cover}
	attributes := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if r.container {
		attributes.Cloneflags |= syscall.CLONE_NEWPID
		script = append(script, "mount -t proc proc /proc", "cover /tmp")
	}
	if r.readOnly {
		script = append(script, "mount -o remount,ro /tmp")
	}
	if r.shm != "" {
		script = append(script, fmt.Sprintf("mount -t tmpfs -o size=%s,mode=1777 none /dev/shm", r.shm))
	}
	keep := kept(t)
	last := `exec "$@"`
	if r.uid != 0 {
		for _, folder := range closedFolders(t, keep) {
			if !r.container || folder != "/tmp" {
				script = append(script, "cover "+folder)
			}
		}
		last = fmt.Sprintf(`exec setpriv --reuid=%d --regid=%d --clear-groups "$@"`, r.uid, r.gid)
	}
	inner := cmd.Args
	shell, err := exec.LookPath("sh")
	require.NoError(t, err)
	cmd.Path, cmd.Args = shell, append([]string{"sh", "-c", strings.Join(append(script, last), "\n"), "room"}, inner...)
	cmd.Env = append(os.Environ(), "KEEP="+strings.Join(keep, " "), "STAGE="+stage(keep), "HOME=/tmp", "TMPDIR=/tmp")
	cmd.SysProcAttr = attributes
}

// cover puts an empty folder that everybody may use in a folder's place. What is to be kept of it stays where it is.
const cover = `cover() {
	umask 022
	mount -t tmpfs -o mode=1777 none "$STAGE"
	for kept in $KEEP; do
		case $kept in
		"$1"/*)
			mkdir -p "$STAGE/${kept#"$1"/}"
			mount --rbind "$kept" "$STAGE/${kept#"$1"/}"
			;;
		esac
	done
	mount --move "$STAGE" "$1"
}`

// kept is what the programs need, wherever it lies: the repository with the agents, and the installation of the Python that its environment uses.
func kept(t *testing.T) []string {
	root := filepath.Dir(filepath.Dir(agentFolder(t)))
	python, err := filepath.EvalSymlinks(filepath.Join(root, "build", "python", "venv", "bin", "python"))
	require.NoError(t, err, "the Python environment is missing, run `make agents`")
	keep := []string{root, filepath.Dir(filepath.Dir(python))}
	for _, folder := range keep {
		require.NotContains(t, folder, " ", "this test cannot work in a folder whose name has a space")
	}
	return keep
}

// stage is a folder to prepare a mount on, away from what is kept.
func stage(keep []string) string {
	for _, folder := range keep {
		if strings.HasPrefix(folder, "/mnt/") {
			return "/media"
		}
	}
	return "/mnt"
}

// closedFolders are the top-level folders through which other users cannot reach what they need.
func closedFolders(t *testing.T, paths []string) (closed []string) {
	for _, path := range paths {
		top := "/" + strings.SplitN(path, "/", 3)[1]
		for folder := filepath.Dir(path); folder != "/"; folder = filepath.Dir(folder) {
			info, err := os.Stat(folder)
			require.NoError(t, err)
			if info.Mode().Perm()&0o001 == 0 && !slices.Contains(closed, top) {
				closed = append(closed, top)
			}
		}
	}
	return closed
}
