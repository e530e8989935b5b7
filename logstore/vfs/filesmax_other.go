//go:build !linux && !darwin && !freebsd

package vfs

// FilesMax is how many files the process may have open, which is not known here.
func FilesMax() (n int64, known bool) { return 0, false }
