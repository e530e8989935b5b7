package vfs

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"
)

// OS is a directory of the operating system. It works through os.Root, or what
// the kernel has for that, so no name and no symbolic link leads out of it.
type OS struct {
	root     *os.Root
	beneath  *os.File // the same, for openBeneath; nil where that cannot be
	readOnly bool

	allMu sync.Mutex
	all   map[string]*os.File // under allMu; of SyncAll, by directory
}

var _ FS = (*OS)(nil)

// OpenOS opens dir for reading and writing. It and its parents are created if
// missing, and are durable then.
func OpenOS(dir string) (*OS, error) {
	if err := mkdirAllDurable(dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &OS{root: root, beneath: beneath(root)}, nil
}

// OpenOSReadOnly opens dir, which must exist. Whatever would change the tree,
// taking a lock included, gives ErrReadOnly.
func OpenOSReadOnly(dir string) (*OS, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &OS{root: root, beneath: beneath(root), readOnly: true}, nil
}

// mkdirAllDurable creates dir and syncs every directory that got a new entry.
// SyncDir cannot do that later: it does not reach above the root.
func mkdirAllDurable(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	info, err := os.Stat(dir)
	switch parent := filepath.Dir(dir); {
	case err == nil && !info.IsDir():
		return &fs.PathError{Op: "mkdir", Path: dir, Err: syscall.ENOTDIR}
	case err == nil:
		// It may be ours, from a process killed before the sync below. Parents we
		// may not read are not ours.
		if err = openAndSyncDir(parent, os.Open); errors.Is(err, fs.ErrPermission) {
			return nil
		}
		return err
	case !errors.Is(err, fs.ErrNotExist) || parent == dir:
		return err
	default:
		if err := mkdirAllDurable(parent); err != nil {
			return err
		}
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return openAndSyncDir(parent, os.Open)
	}
}

func openAndSyncDir(name string, open func(string) (*os.File, error)) error {
	f, err := open(name)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "syncdir", Path: name, Err: syscall.ENOTDIR}
	}
	if err == nil {
		err = syncDir(f)
	}
	return cmp.Or(err, f.Close())
}

// Close gives up the directory. Open files and locks stay as they are.
func (o *OS) Close() error {
	o.closeAll()
	if o.beneath != nil {
		_ = o.beneath.Close() // it was only looked up in
	}
	return o.root.Close()
}

// open opens what there is of that name.
func (o *OS) open(name string, flag int, perm fs.FileMode) (*os.File, error) {
	if o.beneath != nil {
		f, err := openBeneath(o.beneath, o.root.Name(), name, flag, perm)
		if err != errors.ErrUnsupported {
			return f, err
		}
	}
	return o.root.OpenFile(name, flag, perm)
}

func (o *OS) openDir(name string) (*os.File, error) { return o.open(name, os.O_RDONLY, 0) }

// stat describes what there is of that name; link says not to follow the last
// symbolic link.
func (o *OS) stat(name string, link bool) (fs.FileInfo, error) {
	if o.beneath != nil {
		info, err := statBeneath(o.beneath, o.root.Name(), name, link)
		if err != errors.ErrUnsupported {
			return info, err
		}
	}
	if link {
		return o.root.Lstat(name)
	}
	return o.root.Stat(name)
}

// checkChange checks the name of something that is about to change.
func (o *OS) checkChange(op, name string) error {
	if o.readOnly {
		return &fs.PathError{Op: op, Path: name, Err: ErrReadOnly}
	}
	return checkName(op, name)
}

// OpenFile implements [FS].
func (o *OS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	if err := checkOpen(name, flag); err != nil {
		return nil, err
	}
	if o.readOnly && flag != os.O_RDONLY {
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrReadOnly}
	}
	f, err := o.open(name, flag, perm)
	if err != nil {
		return nil, err
	}
	file, err := newOSFile(f, name, flag)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	file.forgoTimes()
	return file, nil
}

// Mkdir implements [FS].
func (o *OS) Mkdir(name string, perm fs.FileMode) error {
	if err := o.checkChange("mkdir", name); err != nil {
		return err
	}
	return o.root.Mkdir(name, perm)
}

// ReadDir implements [FS].
func (o *OS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := checkName("readdir", name); err != nil {
		return nil, err
	}
	f, err := o.openDir(name)
	if err != nil {
		return nil, err
	}
	entries, err := f.ReadDir(-1)
	if err = cmp.Or(err, f.Close()); err != nil {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	for i, e := range entries {
		entries[i] = &osEntry{e, o, path.Join(name, e.Name())}
	}
	return entries, nil
}

// osEntry is an entry of a directory. What it says beyond its name and type is
// asked for below the root, too.
type osEntry struct {
	fs.DirEntry
	o    *OS
	name string // relative to the root
}

func (e *osEntry) Info() (fs.FileInfo, error) { return e.o.stat(e.name, true) }

// Stat implements [FS].
func (o *OS) Stat(name string) (fs.FileInfo, error) {
	if err := checkName("stat", name); err != nil {
		return nil, err
	}
	return o.stat(name, false)
}

// SetModTime implements [FS].
func (o *OS) SetModTime(name string, modified time.Time) error {
	if err := o.checkChange("settime", name); err != nil {
		return err
	}
	return o.root.Chtimes(name, time.Time{}, modified)
}

// Rename implements [FS].
func (o *OS) Rename(oldName, newName string) error {
	if err := o.checkChange("rename", oldName); err != nil {
		return err
	}
	if err := checkName("rename", newName); err != nil {
		return err
	}
	if o.beneath != nil && path.Dir(oldName) == path.Dir(newName) {
		err := renameBeneath(o.beneath, o.root.Name(), path.Dir(oldName), path.Base(oldName), path.Base(newName))
		if err != errors.ErrUnsupported {
			return err
		}
	}
	return o.root.Rename(oldName, newName)
}

// Remove implements [FS].
func (o *OS) Remove(name string) error {
	if err := o.checkChange("remove", name); err != nil {
		return err
	}
	return o.root.Remove(name)
}

// SyncDir implements [FS].
func (o *OS) SyncDir(name string) error {
	if err := o.checkChange("syncdir", name); err != nil {
		return err
	}
	return openAndSyncDir(name, o.openDir)
}

// Lock implements [FS]. The lock excludes Apache Kafka's, but on systems
// without open-file-description locks it ends early if this process opens and
// closes the same file in another way.
func (o *OS) Lock(name string) (io.Closer, error) {
	if err := o.checkChange("lock", name); err != nil {
		return nil, err
	}
	l, err := lockFile(o.root, name)
	if err != nil {
		return nil, &fs.PathError{Op: "lock", Path: name, Err: err}
	}
	held := &osLock{l}
	osLocks.Store(held, nil)
	return held, nil
}

// Space implements [FS].
func (o *OS) Space(name string) (Space, error) {
	if err := checkName("space", name); err != nil {
		return Space{}, err
	}
	f, err := o.openDir(name)
	if err != nil {
		return Space{}, err
	}
	space, err := spaceAt(f)
	if err = cmp.Or(err, f.Close()); err != nil {
		return Space{}, pathError("space", name, err)
	}
	return space, nil
}

// osLocks are the locks held. Were one not reachable from here, the garbage
// collector would close the file of a holder who forgot it, and end the lock.
var osLocks sync.Map // *osLock -> nil

type osLock struct{ io.Closer }

func (l *osLock) Close() error {
	osLocks.Delete(l)
	return l.Closer.Close()
}
