package main

import (
	"os"
	"path/filepath"
	"regexp"

	"moldau/logstore/vfs"
)

// realDir is dir without symbolic links.
func realDir(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(dir)
}

// openLogDir opens the directory above dir, where a partition has its checkpoints,
// for reading. name is dir in it.
func openLogDir(dir string) (fsys *vfs.OS, name string, err error) {
	if dir, err = realDir(dir); err != nil {
		return nil, "", err
	}
	parent, name := filepath.Split(dir)
	if name == "" {
		name = "."
	}
	fsys, err = vfs.OpenOSReadOnly(parent)
	return fsys, name, err
}

var partitionDirName = regexp.MustCompile(`-[0-9]+$`)

// repairRoot finds the directory in which all lies that a repair of dir may
// touch: the store that dir is or belongs to, or else what lies beside the log
// directory that it is or belongs to. logs is that log directory.
func repairRoot(dir string) (root, logs string) {
	logs = dir
	if partitionDirName.MatchString(filepath.Base(dir)) {
		logs = filepath.Dir(dir)
	}
	root = filepath.Dir(logs)
	if info, err := os.Stat(filepath.Join(root, "moldau")); filepath.Base(logs) == "logs" && err == nil && info.IsDir() {
		return filepath.Dir(root), logs
	}
	if info, err := os.Stat(filepath.Join(dir, "logs")); err == nil && info.IsDir() {
		return root, filepath.Join(dir, "logs")
	}
	return root, logs
}
