package main

import (
	"fmt"
	"io/fs"

	"moldau/logstore"
	"moldau/logstore/vfs"
)

// The ways in which a worker can be made to break its promises, so that the
// silence of all others means something.
const (
	breakOS      = "os"      // nothing is synced, as in os durability
	breakSync    = "sync"    // syncs of files do nothing
	breakSyncDir = "syncdir" // syncs of directories do nothing
	breakEarly   = "early"   // acknowledged when written
)

// deafFS does not do what it is told.
type deafFS struct {
	vfs.FS
	file, dir bool
}

func (d deafFS) SyncDir(name string) error {
	if d.dir {
		return nil
	}
	return d.FS.SyncDir(name)
}

func (d deafFS) OpenFile(name string, flag int, perm fs.FileMode) (vfs.File, error) {
	f, err := d.FS.OpenFile(name, flag, perm)
	if err != nil || !d.file {
		return f, err
	}
	return deafFile{f}, nil
}

type deafFile struct{ vfs.File }

func (deafFile) Sync() error { return nil }

// breakOptions breaks what a store is opened with.
func breakOptions(how, dir string, o *logstore.Options) (name string, err error) {
	switch how {
	case "", breakEarly:
		return dir, nil
	case breakOS:
		inner := o.ConfigFor
		o.ConfigFor = func(tp logstore.TopicPartition) logstore.Config {
			c := inner(tp)
			c.Durability = logstore.OS
			return c
		}
		return dir, nil
	case breakSync, breakSyncDir:
		real, err := vfs.OpenOS(dir)
		o.FS = deafFS{real, how == breakSync, how == breakSyncDir}
		return ".", err
	}
	return "", fmt.Errorf("nothing to break is called %q", how)
}
