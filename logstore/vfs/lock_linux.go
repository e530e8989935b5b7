package vfs

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// lockFile takes an open-file-description lock. It conflicts with the POSIX
// lock that Java's FileChannel takes, and, which a POSIX lock of ours would
// not, with a second one of this process; nor is it lost when some other
// descriptor of the file is closed. flock would not see Java's lock at all.
func lockFile(root *os.Root, name string) (io.Closer, error) {
	f, err := root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	if err = fcntlLock(f, unix.F_OFD_SETLK); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
