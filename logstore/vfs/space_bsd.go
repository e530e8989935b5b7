//go:build darwin || freebsd

package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

func spaceAt(f *os.File) (Space, error) {
	var s unix.Statfs_t
	if err := statfs(f, &s); err != nil {
		return Space{}, err
	}
	// FreeBSD's Bavail is negative while the superuser is in the reserve.
	block := int64(s.Bsize)
	return Space{Free: max(0, int64(s.Bavail)) * block, Total: int64(s.Blocks) * block}, nil
}
