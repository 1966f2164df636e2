package shm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"github.com/zeroduplex/zeroduplex/go/internal/wire"
)

const (
	hugePageSize   = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"
	hugePagePolicy = "/sys/kernel/mm/transparent_hugepage/shmem_enabled"
)

// hugePages asks the kernel how much of the mapping has huge pages, and says why it is nothing.
func (o *Object) hugePages() (uint64, string) {
	if !o.pages.Prefaulted {
		return 0, "huge pages are asked for; whether the kernel gives them shows only in memory that is prefaulted"
	}
	bytes, err := hugeBytes(uint64(uintptr(unsafe.Pointer(unsafe.SliceData(o.mem)))))
	switch {
	case err != nil:
		return 0, fmt.Sprintf("huge pages are asked for, but the kernel does not say whether it gives them: %v", err)
	case bytes > 0:
		return bytes, ""
	}
	// What cannot be read says nothing about the reason.
	size, _ := os.ReadFile(hugePageSize)
	policy, _ := os.ReadFile(hugePagePolicy)
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	return 0, whyNoHugePages(o.size, string(size), string(policy), string(mounts))
}

// hugeBytes is how many bytes of the mapping at an address smaps counts as mapped by huge pages.
func hugeBytes(address uint64) (uint64, error) {
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return parseSmaps(f, address)
}

func parseSmaps(smaps io.Reader, address uint64) (uint64, error) {
	lines, found, bytes := bufio.NewScanner(smaps), false, uint64(0)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		switch fields[0] {
		case "ShmemPmdMapped:", "FilePmdMapped:":
			if n, err := strconv.ParseUint(fields[1], 10, 54); found && err == nil {
				bytes += n << 10
			}
		default:
			first, _, ok := strings.Cut(fields[0], "-")
			begin, err := strconv.ParseUint(first, 16, 64)
			if !ok || err != nil {
				continue
			}
			if found {
				return bytes, nil // the next mapping
			}
			found = begin == address
		}
	}
	if err := lines.Err(); err != nil || found {
		return bytes, err
	}
	return 0, errors.New("the mapping is not in /proc/self/smaps")
}

// whyNoHugePages tells from what the kernel says about itself why a mapping of so many bytes has no huge pages.
func whyNoHugePages(mapped uint64, pageSize, policy, mounts string) string {
	folder := filepath.Dir(wire.ObjectPath("x"))
	least, err := strconv.ParseUint(strings.TrimSpace(pageSize), 10, 64)
	switch {
	case err == nil && mapped < least:
		return fmt.Sprintf("the mapping of %d bytes is smaller than a huge page of %d", mapped, least)
	case strings.Contains(policy, "[deny]"):
		return hugePagePolicy + " is deny: an administrator can write never into it, so that " + folder + " decides by itself"
	case !mountedHuge(mounts, folder):
		return folder + " is mounted without huge pages: an administrator can allow them by mount -o remount,huge=advise " + folder
	}
	return "the kernel gave small pages: who created the object did not ask for huge ones, or none were free"
}

// mountedHuge reports whether a folder's file system has huge pages. The last line of a folder is the mount that is seen.
func mountedHuge(mounts, folder string) (huge bool) {
	for line := range strings.Lines(mounts) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == folder {
			huge = strings.Contains(line, "huge=") && !strings.Contains(line, "huge=never")
		}
	}
	return huge
}
