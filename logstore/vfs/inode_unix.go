//go:build unix

package vfs

import "syscall"

func sysInode(sys any) uint64 {
	if stat, ok := sys.(*syscall.Stat_t); ok {
		return uint64(stat.Ino)
	}
	return 0
}
