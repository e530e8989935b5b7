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
	// Blocks are counted in fragments, which network file systems make smaller
	// than Bsize.
	return Space{Free: int64(s.Bavail) * int64(s.Frsize), Total: int64(s.Blocks) * int64(s.Frsize)}, nil
}
