package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"time"
)

// OpKind names a kind of operation.
type OpKind string

// The kinds of operations that a [Fault] asks its hook about.
const (
	OpOpen     OpKind = "open"   // OpenFile without O_CREATE
	OpCreate   OpKind = "create" // OpenFile with it, whether or not the file exists
	OpRead     OpKind = "read"
	OpWrite    OpKind = "write" // WriteAt and WritevAt
	OpTruncate OpKind = "truncate"
	OpSync     OpKind = "sync"
	OpMkdir    OpKind = "mkdir"
	OpSetTime  OpKind = "settime"
	OpRename   OpKind = "rename"
	OpRemove   OpKind = "remove"
	OpSyncDir  OpKind = "syncdir"
	OpStat     OpKind = "stat"
	OpReadDir  OpKind = "readdir"
	OpLock     OpKind = "lock"
	OpSpace    OpKind = "space"
	OpSyncAll  OpKind = "syncall"
	OpClose    OpKind = "close" // of a file or a lock
)

// Op is one operation, about to be done.
type Op struct {
	Seq     int64 // 1 for the first operation, without gaps
	Kind    OpKind
	Name    string // of a file, as it was opened, whatever it has been renamed to
	NewName string // of a rename
	Offset  int64  // of a read or write, in bytes
	Length  int64  // of a read or write, or the new one of a truncate, in bytes
	Held    bool   // a syncdir of a directory that was opened before, see HoldDir
}

// Fault passes operations on to another file system, and asks a hook about
// each before. Three calls it does not see: Size, OSFile, and what is done
// with the latter; put it over a [Mem] to see every read.
type Fault struct {
	inner   FS
	hook    atomic.Pointer[func(Op) error]
	seq     atomic.Int64
	crashed atomic.Bool
}

var _ FS = (*Fault)(nil)

// NewFault wraps inner. Without a hook it only counts.
func NewFault(inner FS) *Fault { return &Fault{inner: inner} }

// SetHook makes hook judge every operation that begins from now on; nil lets
// all pass. It is called by the goroutine of the operation, concurrently if
// they are concurrent, and with no lock held: a hook that blocks is a disk
// that hangs in this one operation, until the hook returns. What it returns:
//
//   - nil: the operation is done.
//   - a [ShortWrite], for an [OpWrite]: part of it is done, then as its error.
//   - an error that wraps [ErrCrashed]: neither this nor any later operation is
//     done, and all of them return ErrCrashed. To stop a workload at its nth
//     operation is therefore a hook on Seq.
//   - any other error: the operation is not done and returns it, wrapped. Only a
//     close is done all the same, as close(2) does.
func (f *Fault) SetHook(hook func(Op) error) {
	if hook == nil {
		f.hook.Store(nil)
		return
	}
	f.hook.Store(&hook)
}

// Ops counts the operations that began before the crash, if there was one.
func (f *Fault) Ops() int64 { return f.seq.Load() }

// Crashed tells whether a hook returned ErrCrashed.
func (f *Fault) Crashed() bool { return f.crashed.Load() }

// ShortWrite, returned by a hook, lets the first n bytes of a write reach the
// file before err, which must not be nil, is returned; all but the error if the
// write is not longer than n. Of other operations nothing is done.
func ShortWrite(n int, err error) error { return &shortWrite{n: n, err: err} }

type shortWrite struct {
	n   int
	err error
}

func (s *shortWrite) Error() string { return "short write: " + s.err.Error() }
func (s *shortWrite) Unwrap() error { return s.err }

// begin asks the hook.
func (f *Fault) begin(op Op) error {
	err := ErrCrashed
	if !f.crashed.Load() {
		op.Seq = f.seq.Add(1)
		err = nil
		if hook := f.hook.Load(); hook != nil {
			err = (*hook)(op)
		}
	}
	if errors.Is(err, ErrCrashed) {
		f.crashed.Store(true)
	}
	return pathError(string(op.Kind), op.Name, err)
}

// OpenFile implements [FS].
func (f *Fault) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	kind := OpOpen
	if flag&os.O_CREATE != 0 {
		kind = OpCreate
	}
	if err := f.begin(Op{Kind: kind, Name: name}); err != nil {
		return nil, err
	}
	file, err := f.inner.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &faultFile{fs: f, inner: file, name: name}, nil
}

// Mkdir implements [FS].
func (f *Fault) Mkdir(name string, perm fs.FileMode) error {
	if err := f.begin(Op{Kind: OpMkdir, Name: name}); err != nil {
		return err
	}
	return f.inner.Mkdir(name, perm)
}

// ReadDir implements [FS].
func (f *Fault) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := f.begin(Op{Kind: OpReadDir, Name: name}); err != nil {
		return nil, err
	}
	return f.inner.ReadDir(name)
}

// Stat implements [FS].
func (f *Fault) Stat(name string) (fs.FileInfo, error) {
	if err := f.begin(Op{Kind: OpStat, Name: name}); err != nil {
		return nil, err
	}
	return f.inner.Stat(name)
}

// SetModTime implements [FS].
func (f *Fault) SetModTime(name string, modified time.Time) error {
	if err := f.begin(Op{Kind: OpSetTime, Name: name}); err != nil {
		return err
	}
	return f.inner.SetModTime(name, modified)
}

// Rename implements [FS].
func (f *Fault) Rename(oldName, newName string) error {
	if err := f.begin(Op{Kind: OpRename, Name: oldName, NewName: newName}); err != nil {
		return err
	}
	return f.inner.Rename(oldName, newName)
}

// Remove implements [FS].
func (f *Fault) Remove(name string) error {
	if err := f.begin(Op{Kind: OpRemove, Name: name}); err != nil {
		return err
	}
	return f.inner.Remove(name)
}

// SyncDir implements [FS].
func (f *Fault) SyncDir(name string) error {
	if err := f.begin(Op{Kind: OpSyncDir, Name: name}); err != nil {
		return err
	}
	return f.inner.SyncDir(name)
}

// Lock implements [FS].
func (f *Fault) Lock(name string) (io.Closer, error) {
	if err := f.begin(Op{Kind: OpLock, Name: name}); err != nil {
		return nil, err
	}
	l, err := f.inner.Lock(name)
	if err != nil {
		return nil, err
	}
	return &faultLock{fs: f, inner: l, name: name}, nil
}

// Space implements [FS].
func (f *Fault) Space(name string) (Space, error) {
	if err := f.begin(Op{Kind: OpSpace, Name: name}); err != nil {
		return Space{}, err
	}
	return f.inner.Space(name)
}
