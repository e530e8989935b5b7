package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
)

// ErrLocked is returned by [FS.Lock] when another holder, in this process or
// in any other, has the lock.
var ErrLocked = errors.New("vfs: locked by another process")

// FS is one directory tree. Names are slash-separated and relative to its
// root; a name that leaves the tree is an error. All methods may be called
// concurrently.
//
// Nothing is durable by itself: the bytes of a file are after [File.Sync], a
// created, renamed or removed name is after [FS.SyncDir] of its directory.
type FS interface {
	// OpenFile opens name. flag takes os.O_RDONLY, O_RDWR, O_CREATE, O_EXCL and
	// O_TRUNC; writing is positional, so O_APPEND is refused.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Mkdir makes one directory; its parent must exist.
	Mkdir(name string, perm fs.FileMode) error
	// ReadDir lists a directory, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	// Stat describes a file or directory.
	Stat(name string) (fs.FileInfo, error)
	// Rename replaces newName, a file or an empty directory, by oldName.
	Rename(oldName, newName string) error
	// Remove unlinks a file or an empty directory. Open files stay readable.
	Remove(name string) error
	// SyncDir makes the entries of a directory durable, not what they name.
	SyncDir(name string) error
	// Lock takes an exclusive lock on the file name, creating it, until the
	// closer is closed or the process ends. It never waits: ErrLocked.
	Lock(name string) (io.Closer, error)
}

// File is an open file. Reads and positional writes may run concurrently;
// overlapping writes, Truncate and Close are the caller's to order.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// WritevAt writes the buffers one behind the other at off, in one system
	// call where there is one. n < total only with an error. It does not keep
	// or change bufs.
	WritevAt(bufs [][]byte, off int64) (n int, err error)
	// Truncate sets the length.
	Truncate(size int64) error
	// Sync makes the bytes and the length durable (fdatasync).
	Sync() error
	// Size is the length in bytes.
	Size() (int64, error)
	// OSFile is the operating system's file, for mapping and sendfile; nil where
	// there is none, and the caller copies instead. It must not be closed.
	OSFile() *os.File
}
