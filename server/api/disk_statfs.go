//go:build linux || darwin || freebsd

package api

import "golang.org/x/sys/unix"

// diskBytes is the size of the file system that holds dir, and what of it an
// unprivileged process may still use.
func diskBytes(dir string) (total, usable int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return -1, -1, err
	}
	return int64(s.Blocks) * int64(s.Bsize), int64(s.Bavail) * int64(s.Bsize), nil
}
