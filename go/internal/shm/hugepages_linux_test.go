package shm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const mounts = `22 1 0:20 / / rw - ext4 /dev/root rw
31 22 0:27 / /dev/shm rw,nosuid,nodev shared:9 - tmpfs tmpfs rw,size=65536k`

func TestWhyThereAreNoHugePages(t *testing.T) {
	huge := mounts + "\n40 31 0:44 / /dev/shm rw - tmpfs tmpfs rw,huge=advise"
	const policy = "always within_size advise [never] deny force\n"
	for _, c := range []struct {
		what                  string
		size                  uint64
		pageSize, policy, mnt string
		reason                string
	}{
		{"small", 4096, "2097152\n", policy, huge, "the mapping of 4096 bytes is smaller than a huge page of 2097152"},
		{"forbidden", 4 << 20, "2097152\n", "always within_size advise never [deny] force", huge, "shmem_enabled is deny: an administrator can write never into it"},
		{"mounted without", 4 << 20, "2097152\n", policy, mounts, "an administrator can allow them by mount -o remount,huge=advise /dev/shm"},
		{"covered by a mount without", 4 << 20, "2097152\n", policy, huge + "\n41 40 0:45 / /dev/shm rw - tmpfs tmpfs rw,huge=never\n", "/dev/shm is mounted without huge pages"},
		{"none free", 4 << 20, "2097152\n", policy, huge, "the kernel gave small pages"},
		{"nothing known", 4 << 20, "", "", "", "/dev/shm is mounted without huge pages"},
	} {
		t.Run(c.what, func(t *testing.T) { require.Contains(t, whyNoHugePages(c.size, c.pageSize, c.policy, c.mnt), c.reason) })
	}
}

func TestParseSmaps(t *testing.T) {
	const smaps = `7f0000000000-7f0000400000 rw-s 00000000 00:1b 7 /dev/shm/before
ShmemPmdMapped:     4096 kB
FilePmdMapped:         0 kB
7f0000400000-7f0000800000 rw-s 00000000 00:1b 8 /dev/shm/ours
Rss:                4096 kB
ShmemPmdMapped:     2048 kB
FilePmdMapped:         4 kB
VmFlags: rd wr sh hg
7f0000800000-7f0000c00000 rw-s 00000000 00:1b 9 /dev/shm/after
ShmemPmdMapped:     8192 kB
`
	for address, want := range map[uint64]uint64{0x7f0000000000: 4 << 20, 0x7f0000400000: 2<<20 + 4096, 0x7f0000800000: 8 << 20} {
		got, err := parseSmaps(strings.NewReader(smaps), address)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := parseSmaps(strings.NewReader(smaps), 0x1000)
	require.ErrorContains(t, err, "not in /proc/self/smaps")
}

func TestHugePagesThatNobodyCanTellOf(t *testing.T) {
	t.Run("asked for only", func(t *testing.T) {
		name := objectName(t)
		o, err := Create(name, 4096, 0o600, PageWish{})
		require.NoError(t, err)
		defer o.Close()
		require.NoError(t, o.Link(name))
		defer func() { require.NoError(t, o.RemoveIfNamed(name)) }()
		other, err := Open(name, true)
		require.NoError(t, err)
		defer other.Close()
		require.NoError(t, other.MapFor(PageWish{HugePages: true}))
		require.NoError(t, other.PreparePages())
		require.False(t, other.Pages().Prefaulted)
		require.Contains(t, other.Pages().Reason, "shows only in memory that is prefaulted")
	})
	t.Run("no such wish", func(t *testing.T) {
		withKernel(t, func(mem []byte, advice int) error {
			if advice == unix.MADV_HUGEPAGE {
				return unix.EINVAL
			}
			return unix.Madvise(mem, advice)
		})
		o, err := Create(objectName(t), 4096, 0o600, PageWish{HugePages: true})
		require.NoError(t, err)
		defer o.Close()
		require.True(t, o.Pages().Prefaulted)
		require.Zero(t, o.Pages().HugePageBytes)
		require.Contains(t, o.Pages().Reason, "the kernel takes no wish for huge pages: invalid argument")
	})
}
