package vfs

import (
	"cmp"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Mem is a tree in memory that can lose power ([Mem.Crash]). Permissions are
// kept but not enforced. ModTime is what was set, and the zero time for a file that
// was changed since: a clock here would make tests depend on it.
type Mem struct {
	ops atomic.Int64
	// mu guards the tree. Operations on open files share it, so that a crash has
	// each of them before or behind it; what they change is under memNode.mu.
	mu     sync.RWMutex
	root   *memNode
	inodes uint64 // last one given
	dead   bool

	capacity atomic.Int64 // in bytes, unlimitedBytes for none
	used     atomic.Int64 // in bytes
}

var _ FS = (*Mem)(nil)

// NewMem returns an empty tree without a limit to its size.
func NewMem() *Mem {
	m := &Mem{root: newMemDir(0o755)}
	m.root.inode = m.nextInode()
	m.capacity.Store(unlimitedBytes)
	return m
}

// Ops counts the calls of methods of this tree and of files opened through it,
// failed ones included, Size and OSFile not.
func (m *Mem) Ops() int64 { return m.ops.Load() }

// begin locks the tree for one operation that may change it; the caller unlocks
// it whatever begin returns.
func (m *Mem) begin() error {
	m.ops.Add(1)
	m.mu.Lock()
	return m.alive()
}

func (m *Mem) alive() error {
	if m.dead {
		return ErrCrashed
	}
	return nil
}

// walk finds the node of a valid name.
func (m *Mem) walk(name string) (*memNode, error) {
	n := m.root
	if name == "." {
		return n, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		if n.dir == nil {
			return nil, syscall.ENOTDIR
		}
		child, ok := n.dir.current[part]
		if !ok {
			return nil, fs.ErrNotExist
		}
		n = child
	}
	return n, nil
}

// parent finds the directory that holds, or is to hold, name.
func (m *Mem) parent(name string) (*memDir, string, error) {
	if name == "." {
		return nil, "", syscall.EINVAL
	}
	n, err := m.walk(path.Dir(name))
	if err != nil {
		return nil, "", err
	}
	if n.dir == nil {
		return nil, "", syscall.ENOTDIR
	}
	return n.dir, path.Base(name), nil
}

// OpenFile implements [FS].
func (m *Mem) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	err := m.begin()
	defer m.mu.Unlock()
	if err = cmp.Or(err, checkOpen(name, flag)); err != nil {
		return nil, pathError("open", name, err)
	}
	n, err := m.open(name, flag, perm)
	if err != nil {
		return nil, pathError("open", name, err)
	}
	if flag&os.O_TRUNC != 0 {
		n.mu.Lock()
		m.truncate(n, 0)
		n.mu.Unlock()
	}
	n.opens.Add(1)
	return &memFile{fs: m, node: n, name: name, writable: flag&os.O_RDWR != 0}, nil
}

func (m *Mem) open(name string, flag int, perm fs.FileMode) (*memNode, error) {
	n, err := m.walk(name)
	switch {
	case err == nil && flag&os.O_EXCL != 0:
		return nil, fs.ErrExist
	case err == nil && n.dir != nil:
		return nil, syscall.EISDIR
	case err == nil:
		return n, nil
	case err != fs.ErrNotExist || flag&os.O_CREATE == 0:
		return nil, err
	}
	dir, base, err := m.parent(name)
	if err != nil {
		return nil, err
	}
	n = &memNode{mode: perm.Perm(), inode: m.nextInode()}
	dir.change(memChange{added: base, node: n})
	return n, nil
}

func (m *Mem) nextInode() uint64 {
	m.inodes++
	return m.inodes
}

// Mkdir implements [FS].
func (m *Mem) Mkdir(name string, perm fs.FileMode) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err = cmp.Or(err, checkName("mkdir", name)); err != nil {
		return pathError("mkdir", name, err)
	}
	dir, base, err := m.parent(name)
	if err != nil {
		return pathError("mkdir", name, err)
	}
	if dir.current[base] != nil {
		return pathError("mkdir", name, fs.ErrExist)
	}
	n := newMemDir(perm)
	n.inode = m.nextInode()
	dir.change(memChange{added: base, node: n})
	return nil
}

// ReadDir implements [FS].
func (m *Mem) ReadDir(name string) ([]fs.DirEntry, error) {
	err := m.begin()
	defer m.mu.Unlock()
	if err = cmp.Or(err, checkName("readdir", name)); err != nil {
		return nil, pathError("readdir", name, err)
	}
	n, err := m.walk(name)
	if err == nil && n.dir == nil {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, pathError("readdir", name, err)
	}
	entries := make([]fs.DirEntry, 0, len(n.dir.current))
	for base, child := range n.dir.current {
		entries = append(entries, fs.FileInfoToDirEntry(child.info(base)))
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// Stat implements [FS].
func (m *Mem) Stat(name string) (fs.FileInfo, error) {
	err := m.begin()
	defer m.mu.Unlock()
	if err = cmp.Or(err, checkName("stat", name)); err != nil {
		return nil, pathError("stat", name, err)
	}
	n, err := m.walk(name)
	if err != nil {
		return nil, pathError("stat", name, err)
	}
	return n.info(path.Base(name)), nil
}

// SetModTime implements [FS]. It is as durable as the file, at once.
func (m *Mem) SetModTime(name string, modified time.Time) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err = cmp.Or(err, checkName("settime", name)); err != nil {
		return pathError("settime", name, err)
	}
	n, err := m.walk(name)
	if err != nil {
		return pathError("settime", name, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.modified = modified
	return nil
}

// Rename implements [FS].
func (m *Mem) Rename(oldName, newName string) error {
	err := m.begin()
	defer m.mu.Unlock()
	err = cmp.Or(err, checkName("rename", oldName), checkName("rename", newName))
	if err == nil {
		err = m.rename(oldName, newName)
	}
	return pathError("rename", oldName+" to "+newName, err)
}

func (m *Mem) rename(oldName, newName string) error {
	from, oldBase, err := m.parent(oldName)
	if err != nil {
		return err
	}
	to, newBase, err := m.parent(newName)
	if err != nil {
		return err
	}
	n, target := from.current[oldBase], to.current[newBase]
	switch {
	case n == nil:
		return fs.ErrNotExist
	case target != nil && target.dir != nil:
		return fs.ErrExist
	case target != nil && n.dir != nil:
		return syscall.ENOTDIR
	case strings.HasPrefix(newName, oldName+"/"):
		return syscall.EINVAL
	case target == n:
		return nil
	}
	if from == to {
		m.forget(from.change(memChange{removed: oldBase, added: newBase, node: n}))
		return nil
	}
	m.forget(to.change(memChange{added: newBase, node: n}))
	from.change(memChange{removed: oldBase})
	return nil
}

// Remove implements [FS].
func (m *Mem) Remove(name string) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err = cmp.Or(err, checkName("remove", name)); err != nil {
		return pathError("remove", name, err)
	}
	dir, base, err := m.parent(name)
	if err != nil {
		return pathError("remove", name, err)
	}
	switch n := dir.current[base]; {
	case n == nil:
		return pathError("remove", name, fs.ErrNotExist)
	case n.dir != nil && len(n.dir.current) > 0:
		return pathError("remove", name, syscall.ENOTEMPTY)
	}
	m.forget(dir.change(memChange{removed: base}))
	return nil
}

// SyncDir implements [FS].
func (m *Mem) SyncDir(name string) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err = cmp.Or(err, checkName("syncdir", name)); err != nil {
		return pathError("syncdir", name, err)
	}
	n, err := m.walk(name)
	if err == nil && n.dir == nil {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return pathError("syncdir", name, err)
	}
	n.dir.sync()
	return nil
}

// Lock implements [FS]. Other trees, and so other processes, are not excluded.
func (m *Mem) Lock(name string) (io.Closer, error) {
	err := m.begin()
	defer m.mu.Unlock()
	if err = cmp.Or(err, checkName("lock", name)); err != nil {
		return nil, pathError("lock", name, err)
	}
	n, err := m.open(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err == nil && n.locked {
		err = ErrLocked
	}
	if err != nil {
		return nil, pathError("lock", name, err)
	}
	n.locked = true
	n.opens.Add(1)
	return &memLock{fs: m, node: n, name: name}, nil
}

type memLock struct {
	fs     *Mem
	node   *memNode
	name   string
	closed bool // under fs.mu
}

func (l *memLock) Close() error {
	err := l.fs.begin()
	defer l.fs.mu.Unlock()
	if err == nil && l.closed {
		err = fs.ErrClosed
	}
	if err != nil {
		return pathError("unlock", l.name, err)
	}
	l.closed, l.node.locked = true, false
	l.fs.closed(l.node)
	return nil
}
