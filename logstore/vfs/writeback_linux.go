package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// writeBack asks to begin alone: to wait for what was begun would also take the word
// of a failed write, which the system gives once, from the file's next Sync.
func writeBack(f *os.File, bytes int64) error {
	err := controlled(f, func(fd int) error { return unix.SyncFileRange(fd, 0, bytes, unix.SYNC_FILE_RANGE_WRITE) })
	for _, undone := range notWrittenBack {
		if errors.Is(err, undone) {
			return nil
		}
	}
	return pathError("sync_file_range", f.Name(), err)
}

// notWrittenBack are errors of which nothing is lost, or the next Sync tells: a system or
// file that has no such call, a sandbox that keeps it from us, want of memory for now.
var notWrittenBack = []error{unix.ENOSYS, unix.EPERM, unix.EINVAL, unix.ESPIPE, unix.EOPNOTSUPP, unix.EINTR, unix.EAGAIN, unix.ENOMEM}
