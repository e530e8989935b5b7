package vfs

import (
	"io/fs"
	"sync"
	"time"
)

// memNode is a file or a directory; names are in the directory that holds it,
// so an unlinked file lives as long as something has it open.
type memNode struct {
	mode   fs.FileMode
	dir    *memDir // nil for files; what it holds is under Mem.mu
	locked bool    // by Lock; under Mem.mu

	mu      sync.RWMutex
	content memContent // of a file, under mu
}

// memDir is what a directory holds, as its users see it and as the disk has it.
type memDir struct {
	current, durable map[string]*memNode
	// dirty are the names in which the two differ, so that a sync costs what
	// changed and not what a partition's directory has gathered.
	dirty map[string]struct{}
}

func newMemDir(perm fs.FileMode) *memNode {
	return &memNode{mode: fs.ModeDir | perm.Perm(), dir: &memDir{
		current: map[string]*memNode{},
		durable: map[string]*memNode{},
		dirty:   map[string]struct{}{},
	}}
}

// set changes one entry; nil removes it.
func (d *memDir) set(base string, n *memNode) {
	setEntry(d.current, base, n)
	d.dirty[base] = struct{}{}
}

func (d *memDir) sync() {
	for base := range d.dirty {
		setEntry(d.durable, base, d.current[base])
	}
	clear(d.dirty)
}

func setEntry(entries map[string]*memNode, base string, n *memNode) {
	if n == nil {
		delete(entries, base)
	} else {
		entries[base] = n
	}
}

func (n *memNode) info(base string) fs.FileInfo {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return memInfo{base: base, mode: n.mode, size: n.content.current.size}
}

type memInfo struct {
	base string
	mode fs.FileMode
	size int64
}

func (i memInfo) Name() string       { return i.base }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return time.Time{} }
func (i memInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memInfo) Sys() any           { return nil }
