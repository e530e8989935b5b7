//go:build !windows

package vfs

import "os"

func syncDir(dir *os.File) error { return dir.Sync() }
