package vfs

import (
	"io/fs"
	"sync"
	"sync/atomic"
	"time"
)

// memNode is a file or a directory; names are in the directory that holds it,
// so an unlinked file lives as long as something has it open.
type memNode struct {
	mode   fs.FileMode
	inode  uint64
	dir    *memDir // nil for files; what it holds is under Mem.mu
	locked bool    // by Lock; under Mem.mu
	links  int     // current names; under Mem.mu
	opens  atomic.Int64

	mu      sync.RWMutex
	content memContent // of a file, under mu
	// modified is when a file was last changed, if that was set; under mu.
	modified time.Time
}

// memDir is what a directory holds, as its users see it and as the disk has it.
type memDir struct {
	current, durable map[string]*memNode
	// changes are what leads from durable to current, in order. So a sync costs
	// what changed and not what a partition's directory has gathered, and a loss
	// of power can lose some.
	changes []memChange
}

// memChange is one change of a directory: a creation or a move from elsewhere
// adds a name, a removal or a move to elsewhere removes one, a rename does both.
type memChange struct {
	removed, added string // "" for none
	node           *memNode
}

func newMemDir(perm fs.FileMode) *memNode {
	return &memNode{mode: fs.ModeDir | perm.Perm(), dir: &memDir{
		current: map[string]*memNode{},
		durable: map[string]*memNode{},
	}}
}

// change changes the directory for its users. It returns the node that lost its
// name, if one did.
func (d *memDir) change(c memChange) (unlinked *memNode) {
	if c.removed != "" {
		unlinked = d.current[c.removed]
		unlinked.links--
	}
	if c.added != "" {
		c.node.links++
		if unlinked = d.current[c.added]; unlinked != nil {
			unlinked.links--
		}
	}
	c.apply(d.current)
	d.changes = append(d.changes, c)
	return unlinked
}

func (c memChange) apply(entries map[string]*memNode) {
	if c.removed != "" {
		delete(entries, c.removed)
	}
	if c.added != "" {
		entries[c.added] = c.node
	}
}

func (d *memDir) sync() {
	for _, c := range d.changes {
		c.apply(d.durable)
	}
	clear(d.changes) // and let go of what was removed
	d.changes = d.changes[:0]
}

func (n *memNode) info(base string) fs.FileInfo {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return memInfo{base: base, mode: n.mode, size: n.content.current.size, inode: n.inode, modified: n.modified}
}

type memInfo struct {
	base  string
	mode  fs.FileMode
	size  int64
	inode uint64

	modified time.Time
}

func (i memInfo) Name() string       { return i.base }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return i.modified }
func (i memInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memInfo) Sys() any           { return nil }
