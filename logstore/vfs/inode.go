package vfs

import "io/fs"

// Inode is the number that the file system gives a file for as long as it
// exists, whatever its name; 0 where there is none to be had (Windows). The
// numbers of removed files are given again, but not by a [Mem].
func Inode(info fs.FileInfo) uint64 {
	if m, ok := info.(memInfo); ok {
		return m.inode
	}
	return sysInode(info.Sys())
}
