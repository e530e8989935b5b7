//go:build !unix

package vfs

func sysInode(any) uint64 { return 0 }
