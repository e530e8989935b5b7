package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

var (
	// ErrLocked is returned by [FS.Lock] when another holder, in this process or
	// in any other, has the lock.
	ErrLocked = errors.New("vfs: locked by another holder")
	// ErrReadOnly is returned by what would change a read-only tree.
	ErrReadOnly = errors.New("vfs: file system is read-only")
	// ErrCrashed is returned by all operations of a [Mem] or [Fault] after it
	// lost power, those on files that were open then included.
	ErrCrashed = errors.New("vfs: file system has crashed")
)

// FS is one directory tree. Names are relative to its root and as io/fs has
// them ([fs.ValidPath]): slash-separated, "." alone for the root, never "..",
// a leading or a trailing slash. Any other name is fs.ErrInvalid. All methods
// may be called concurrently.
//
// Nothing is durable by itself: the bytes of a file are after [File.Sync], a
// created, renamed or removed name is after [FS.SyncDir] of its directory.
type FS interface {
	// OpenFile opens a file, never a directory. flag takes os.O_RDONLY, os.O_RDWR,
	// O_CREATE, O_EXCL and O_TRUNC, the last with O_RDWR only. Every other flag is
	// refused with fs.ErrInvalid; O_APPEND is, because writing is positional.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Mkdir makes one directory; its parent must exist.
	Mkdir(name string, perm fs.FileMode) error
	// ReadDir lists a directory, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	// Stat describes a file or directory.
	Stat(name string) (fs.FileInfo, error)
	// SetModTime sets when a file was last changed, which holds until it is changed
	// again. It becomes durable with the file's next Sync, if that has to make bytes
	// durable too.
	SetModTime(name string, modified time.Time) error
	// Rename gives oldName, a file or a directory, the name newName, and replaces
	// a file of that name by a file. It refuses to replace a directory, empty or
	// not: systems differ there.
	Rename(oldName, newName string) error
	// Remove unlinks a file or an empty directory. Open files stay readable.
	Remove(name string) error
	// SyncDir makes the entries of a directory durable, not what they name. A
	// rename from one directory to another needs it for both.
	SyncDir(name string) error
	// Lock takes an exclusive lock on the file name, creating it, until the
	// closer is closed or the process ends. It never waits: ErrLocked.
	Lock(name string) (io.Closer, error)
	// Space tells how much room there is where name, a file or a directory, lies.
	// It is errors.ErrUnsupported on systems that do not say.
	Space(name string) (Space, error)
}

// Space is the room on a file system, in bytes. By the time it is read, others
// may have taken it.
type Space struct {
	Free  int64 // what this process may still take, without what is kept for the superuser
	Total int64
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
