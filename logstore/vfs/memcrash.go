package vfs

import "maps"

// Crash cuts the power. It returns the tree as it is found afterwards: files
// have the content of their last Sync, directories the entries of their last
// SyncDir, and what no durable entry leads to is gone. m and everything opened
// through it give ErrCrashed from then on. An operation that ran at the same
// time is either before the crash, or failed.
//
// This is the most that a disk which keeps its word may lose. A real file
// system mostly loses less; above all a file moved between directories of
// which only one was synced is found here under both names, or under none.
func (m *Mem) Crash() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
	c := memCopy{twins: map[*memNode]*memNode{}, content: (*memContent).crashed, dir: (*memCopy).crashedDir}
	return &Mem{root: c.node(m.root)}
}

// Clone returns a copy in which even the same bytes are not yet durable, to
// try from one state several ways to go on. Open files and locks stay with m.
func (m *Mem) Clone() *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := memCopy{twins: map[*memNode]*memNode{}, content: (*memContent).clone, dir: (*memCopy).cloneDir}
	return &Mem{root: c.node(m.root), dead: m.dead}
}

// memCopy copies a tree in which the fate of un-synced state is for content
// and dir to decide. What loses some of it only, in an order of its own, is
// another pair of these.
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
	twin = &memNode{mode: n.mode}
	c.twins[n] = twin
	if n.dir != nil {
		twin.dir = c.dir(c, n.dir)
	} else {
		twin.content = c.content(&n.content)
	}
	return twin
}

func (c *memCopy) crashedDir(d *memDir) *memDir {
	entries := c.entries(d.durable)
	return &memDir{current: entries, durable: maps.Clone(entries), dirty: map[string]struct{}{}}
}

func (c *memCopy) cloneDir(d *memDir) *memDir {
	return &memDir{current: c.entries(d.current), durable: c.entries(d.durable), dirty: maps.Clone(d.dirty)}
}

func (c *memCopy) entries(of map[string]*memNode) map[string]*memNode {
	entries := make(map[string]*memNode, len(of))
	for base, n := range of {
		entries[base] = c.node(n)
	}
	return entries
}
