package vfs

import (
	"io"
	"io/fs"
	"os"
	"syscall"
)

// HeldDir is a directory that is held open. Sync is [FS.SyncDir] of it, whatever it
// has been renamed to, and needs no descriptor that the process may not get.
type HeldDir interface {
	Sync() error
	io.Closer
}

// DirHolder is an [FS] that can hold directories open.
type DirHolder interface {
	HoldDir(name string) (HeldDir, error)
}

// HoldDir is fsys's. Of one that has none the directory is looked up by each Sync.
func HoldDir(fsys FS, name string) (HeldDir, error) {
	if h, ok := fsys.(DirHolder); ok {
		return h.HoldDir(name)
	}
	return namedDir{fsys, name}, nil
}

type namedDir struct {
	fs   FS
	name string
}

func (d namedDir) Sync() error  { return d.fs.SyncDir(d.name) }
func (d namedDir) Close() error { return nil }

// HoldDir implements [DirHolder].
func (o *OS) HoldDir(name string) (HeldDir, error) {
	if err := o.checkChange("syncdir", name); err != nil {
		return nil, err
	}
	f, err := o.openDir(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "syncdir", Path: name, Err: syscall.ENOTDIR}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return osDir{f}, nil
}

type osDir struct{ *os.File }

func (d osDir) Sync() error { return syncDir(d.File) }

// HoldDir implements [DirHolder]: an [OpOpen], then an [OpSyncDir] that is Held.
func (f *Fault) HoldDir(name string) (HeldDir, error) {
	if err := f.begin(Op{Kind: OpOpen, Name: name}); err != nil {
		return nil, err
	}
	d, err := HoldDir(f.inner, name)
	if err != nil {
		return nil, err
	}
	return &faultDir{fs: f, inner: d, name: name}, nil
}

type faultDir struct {
	fs    *Fault
	inner HeldDir
	name  string
}

func (d *faultDir) Sync() error {
	if err := d.fs.begin(Op{Kind: OpSyncDir, Name: d.name, Held: true}); err != nil {
		return err
	}
	return d.inner.Sync()
}

// Close closes it whatever the hook says, as faultFile's does.
func (d *faultDir) Close() error {
	err := d.fs.begin(Op{Kind: OpClose, Name: d.name})
	if closeErr := d.inner.Close(); err == nil {
		err = closeErr
	}
	return err
}
