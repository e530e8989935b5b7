package logstore

import (
	"path/filepath"

	"moldau/logstore/vfs"
)

// openTree opens the tree of a store that was given no file system.
func openTree(dir string, readOnly bool) (*vfs.OS, error) {
	if readOnly {
		return vfs.OpenOSReadOnly(dir)
	}
	return vfs.OpenOS(dir)
}

// readingTree is fsys, or, where that is nil, the operating system's directory above
// dir, for reading: there lie the checkpoints of a partition. name is dir in it.
func readingTree(fsys vfs.FS, dir string) (tree vfs.FS, name string, release func(), err error) {
	if fsys != nil {
		return fsys, dir, func() {}, nil
	}
	if dir, err = filepath.Abs(dir); err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return nil, "", nil, err
	}
	parent, name := filepath.Split(dir)
	if name == "" {
		name = "."
	}
	tree, err = vfs.OpenOSReadOnly(parent)
	if err != nil {
		return nil, "", nil, err
	}
	return tree, name, func() { _ = tree.(*vfs.OS).Close() }, nil
}
