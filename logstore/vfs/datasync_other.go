//go:build !linux

package vfs

// datasync is File.Sync: on Darwin that is F_FULLFSYNC, without which the
// drive's own cache is not written.
func datasync(f *osFile) error { return f.f.Sync() }
