package vfs

import (
	"errors"
	"os"
)

// AllSyncer is an [FS] that can make many files durable at once.
type AllSyncer interface {
	// SyncAll is [File.Sync] of the files, and of all else on the device that the
	// directory lies on, with all directories. Where thousands of files have
	// changed it costs one commit of the file system instead of one each; but it
	// waits for what others have written to the device as well. An error says that
	// something is not durable, not what, and not that it was written here. It is
	// errors.ErrUnsupported, and nothing is done, where the system has no such call
	// or one that hides errors, where a file lies on another device, the first
	// time, because of what failed before it nobody would be told, and ever after an
	// error: the system tells of a failure once, and it may be of what another caller
	// has written and is about to sync.
	SyncAll(dir string, files []File) error
}

// SyncAll is fsys's, or errors.ErrUnsupported.
func SyncAll(fsys FS, dir string, files []File) error {
	if a, ok := fsys.(AllSyncer); ok {
		return a.SyncAll(dir, files)
	}
	return errors.ErrUnsupported
}

// SyncAll implements [AllSyncer].
func (o *OS) SyncAll(dir string, files []File) error {
	o.allMu.Lock()
	defer o.allMu.Unlock()
	all, ok := o.all[dir]
	if !ok {
		if o.all == nil {
			o.all = map[string]*os.File{}
		}
		o.all[dir], _ = o.openDir(dir)
		return errors.ErrUnsupported
	}
	if all == nil {
		return errors.ErrUnsupported
	}
	for _, f := range files {
		if !sameDevice(all, f.OSFile()) {
			return errors.ErrUnsupported
		}
	}
	err := syncAll(all)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		_ = all.Close() // it was only synced by
		o.all[dir] = nil
	}
	return pathError("syncfs", dir, err)
}

// FoundSyncer is an [FS] that can make durable what an earlier process left in many
// files.
type FoundSyncer interface {
	// SyncFound is [File.Sync] of files that nothing was synced of since they were
	// opened, and of all else on the device that the directory lies on, with all
	// directories. each has, for each of them, what could not be written of it,
	// since it was opened or before; nobody else is told then. An error says that
	// something is not durable, not what. It is errors.ErrUnsupported, and nothing
	// is done, where [AllSyncer]'s is, but for the first time.
	SyncFound(dir string, files []File) (each []error, err error)
}

// SyncFound is fsys's, or errors.ErrUnsupported.
func SyncFound(fsys FS, dir string, files []File) (each []error, err error) {
	if a, ok := fsys.(FoundSyncer); ok {
		return a.SyncFound(dir, files)
	}
	return nil, errors.ErrUnsupported
}

// SyncFound implements [FoundSyncer].
func (o *OS) SyncFound(dir string, files []File) (each []error, err error) {
	d, err := o.openDir(dir)
	if err != nil {
		return nil, err
	}
	defer d.Close() // it is only synced by
	for _, f := range files {
		if !sameDevice(d, f.OSFile()) {
			return nil, errors.ErrUnsupported
		}
	}
	if err := syncAll(d); err != nil {
		return nil, pathError("syncfs", dir, err)
	}
	each = make([]error, len(files))
	for i, f := range files {
		each[i] = pathError("sync", f.OSFile().Name(), writtenBack(f.OSFile()))
	}
	return each, nil
}

// closeAll closes what SyncAll has opened.
func (o *OS) closeAll() {
	o.allMu.Lock()
	defer o.allMu.Unlock()
	for dir, f := range o.all {
		if f != nil {
			_ = f.Close()
		}
		o.all[dir] = nil
	}
}

// SyncAll implements [AllSyncer].
func (m *Mem) SyncAll(dir string, _ []File) error {
	err := m.begin()
	defer m.mu.Unlock()
	if err != nil {
		return pathError("syncall", dir, err)
	}
	m.root.syncAll(map[*memNode]bool{})
	return nil
}

// SyncFound implements [FoundSyncer].
func (m *Mem) SyncFound(dir string, files []File) (each []error, err error) {
	return make([]error, len(files)), m.SyncAll(dir, files)
}

func (n *memNode) syncAll(done map[*memNode]bool) {
	if done[n] {
		return
	}
	done[n] = true
	if n.dir == nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.content.sync()
		return
	}
	n.dir.sync()
	for _, child := range n.dir.current {
		child.syncAll(done)
	}
}

// SyncAll implements [AllSyncer], as far as the inner file system does.
func (f *Fault) SyncAll(dir string, files []File) error {
	if err := f.begin(Op{Kind: OpSyncAll, Name: dir}); err != nil {
		return err
	}
	return SyncAll(f.inner, dir, innerFiles(files))
}

// SyncFound implements [FoundSyncer], as far as the inner file system does.
func (f *Fault) SyncFound(dir string, files []File) (each []error, err error) {
	if err := f.begin(Op{Kind: OpSyncAll, Name: dir}); err != nil {
		return nil, err
	}
	return SyncFound(f.inner, dir, innerFiles(files))
}

func innerFiles(files []File) []File {
	inner := make([]File, len(files))
	for i, file := range files {
		inner[i] = file
		if ff, ok := file.(*faultFile); ok {
			inner[i] = ff.inner
		}
	}
	return inner
}
