package vfs

import "golang.org/x/sys/unix"

// datasync makes bytes and length durable, and leaves out the times that
// fsync would write to the inode as well.
func datasync(f *osFile) error {
	var syncErr error
	err := f.control(func(fd uintptr) {
		for {
			if syncErr = unix.Fdatasync(int(fd)); syncErr != unix.EINTR {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return syncErr
}
