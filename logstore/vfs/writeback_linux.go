package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// writeBack asks to begin alone: to wait for what was begun would also take the word
// of a failed write, which the system gives once, from the file's next Sync.
func writeBack(f *os.File, bytes int64) error {
	return controlled(f, func(fd int) error { return unix.SyncFileRange(fd, 0, bytes, unix.SYNC_FILE_RANGE_WRITE) })
}
