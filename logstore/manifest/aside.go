package manifest

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"moldau/logstore/vfs"
)

// A repair changes what the manifest describes. Until it is done there is none, but
// what it says is kept under another name: [Read] returns [ErrSetAside] then, so that
// no start takes a store for whole that is half repaired, and the repair that is run
// again knows what the first did.

// AsideName is what a manifest is called that was set aside.
const AsideName = FileName + ".repair"

// SetAside puts the manifest in dir aside, durably. One that is aside already stays;
// where there is none an empty file stands for it.
func SetAside(fsys vfs.FS, dir string) error {
	aside := path.Join(dir, AsideName)
	err := fsys.Rename(path.Join(dir, FileName), aside)
	if errors.Is(err, fs.ErrNotExist) {
		var f vfs.File
		if f, err = fsys.OpenFile(aside, os.O_RDWR|os.O_CREATE, 0o644); err == nil {
			err = f.Close()
		}
	}
	if err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}

// ReadAside is [Read] of a manifest that was set aside.
func ReadAside(fsys vfs.FS, dir string) (s *State, torn bool, err error) {
	return readNamed(fsys, path.Join(dir, AsideName))
}

// DropAside removes what was set aside, durably, if there is any: from then on there
// is no manifest.
func DropAside(fsys vfs.FS, dir string) error {
	err := fsys.Remove(path.Join(dir, AsideName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return fsys.SyncDir(dir)
}

// missing is the error of a manifest that is not there.
func missing(fsys vfs.FS, dir string, err error) error {
	_, asideErr := fsys.Stat(path.Join(dir, AsideName))
	switch {
	case asideErr == nil:
		return ErrSetAside
	case errors.Is(asideErr, fs.ErrNotExist):
		return err
	default:
		return asideErr
	}
}
