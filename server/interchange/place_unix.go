//go:build unix

package interchange

import (
	"io/fs"
	"os"
	"syscall"
)

// renamesOpen tells that a directory can be renamed while files in it are open.
const renamesOpen = true

// keepOwner gives a directory the owner and group of another.
func keepOwner(dir string, of fs.FileInfo) error {
	want, ok := of.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if is, ok := info.Sys().(*syscall.Stat_t); ok && is.Uid == want.Uid && is.Gid == want.Gid {
		return nil
	}
	return os.Chown(dir, int(want.Uid), int(want.Gid))
}
