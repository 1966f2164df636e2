// Package birth tells which of two files was made first.
package birth

import "golang.org/x/sys/unix"

// Time is when a file was made, by the kernel's clock. The zero value says that the file system does not know.
type Time struct{ seconds, nanoseconds int64 }

// Of tells when an open file was made.
func Of(fd int) Time {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &st); err != nil || st.Mask&unix.STATX_BTIME == 0 {
		return Time{}
	}
	return Time{st.Btime.Sec, int64(st.Btime.Nsec)}
}
