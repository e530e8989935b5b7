package vfs

import (
	"errors"
	"io/fs"
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
	// or one that hides errors, where a file lies on another device, and the first
	// time: of what failed before it nobody would be told.
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
	if err := syncAll(all); err != nil {
		return &fs.PathError{Op: "syncfs", Path: dir, Err: err}
	}
	return nil
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
	inner := make([]File, len(files))
	for i, file := range files {
		inner[i] = file
		if ff, ok := file.(*faultFile); ok {
			inner[i] = ff.inner
		}
	}
	return SyncAll(f.inner, dir, inner)
}
