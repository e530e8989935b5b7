//go:build !linux

package vfs

import "os"

func willNeed(*os.File) {}
