package vfs

import "maps"

// Crash cuts the power. It returns the tree as it is found afterwards: files
// have the content of their last Sync, directories the entries of their last
// SyncDir, and what no durable entry leads to is gone. m and everything opened
// through it give ErrCrashed from then on. An operation that ran at the same
// time is either before the crash, or failed.
//
// This is the most that a disk which keeps its word may lose. A real file
// system mostly loses less ([Mem.CrashPartly]); above all a file moved between
// directories of which only one was synced is found here under both names, or
// under none.
func (m *Mem) Crash() *Mem {
	return m.crash((*memContent).crashed, (*memCopy).crashedDir)
}

func (m *Mem) crash(content func(*memContent) memContent, dir func(*memCopy, *memDir) *memDir) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
	return m.copy(content, dir)
}

// Clone returns a copy in which even the same bytes are not yet durable, to
// try from one state several ways to go on. Open files and locks stay with m.
func (m *Mem) Clone() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	twin := m.copy((*memContent).clone, (*memCopy).cloneDir)
	twin.dead = m.dead
	return twin
}

// copy copies a tree in which the fate of un-synced state is for content and
// dir to decide.
func (m *Mem) copy(content func(*memContent) memContent, dir func(*memCopy, *memDir) *memDir) *Mem {
	c := memCopy{twins: map[*memNode]*memNode{}, content: content, dir: dir}
	twin := &Mem{root: c.node(m.root), inodes: m.inodes}
	twin.capacity.Store(m.capacity.Load())
	for _, n := range c.twins {
		if n.links > 0 {
			twin.used.Add(n.content.current.blocks * memPageBytes)
		}
	}
	return twin
}

// memCopy copies a tree.
type memCopy struct {
	// twins has the copies made: a node may have several names, an old and a new
	// one at least.
	twins   map[*memNode]*memNode
	content func(*memContent) memContent
	dir     func(*memCopy, *memDir) *memDir
}

func (c *memCopy) node(n *memNode) *memNode {
	twin, ok := c.twins[n]
	if ok {
		return twin
	}
	twin = &memNode{mode: n.mode, inode: n.inode, modified: n.modified}
	c.twins[n] = twin
	if n.dir != nil {
		twin.dir = c.dir(c, n.dir)
	} else {
		twin.content = c.content(&n.content)
	}
	return twin
}

func (c *memCopy) crashedDir(d *memDir) *memDir {
	return c.foundDir(d.durable)
}

// foundDir is a directory that holds durably what a crash left of another.
func (c *memCopy) foundDir(left map[string]*memNode) *memDir {
	current := c.linked(left)
	return &memDir{current: current, durable: maps.Clone(current)}
}

func (c *memCopy) cloneDir(d *memDir) *memDir {
	twin := &memDir{current: c.linked(d.current), durable: c.entries(d.durable)}
	for _, change := range d.changes {
		if change.node != nil {
			change.node = c.node(change.node)
		}
		twin.changes = append(twin.changes, change)
	}
	return twin
}

// linked copies entries that users will see.
func (c *memCopy) linked(of map[string]*memNode) map[string]*memNode {
	entries := c.entries(of)
	for _, n := range entries {
		n.links++
	}
	return entries
}

func (c *memCopy) entries(of map[string]*memNode) map[string]*memNode {
	entries := make(map[string]*memNode, len(of))
	for base, n := range of {
		entries[base] = c.node(n)
	}
	return entries
}
