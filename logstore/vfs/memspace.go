package vfs

import (
	"cmp"
	"math"
	"time"
)

// unlimitedBytes is the capacity of a tree that has no limit.
const unlimitedBytes = math.MaxInt64

// SetCapacity limits what the tree's files may hold together to so many bytes,
// from now on, in blocks of 4 KiB; what they hold already stays, even if it is
// more. A write that needs another block writes what fits and gives ENOSPC,
// which is as ext4 does. Overwriting, truncating, holes and names need no room. Room
// comes back when a file is cut, and when it has neither a name nor is open.
// Zero or less is no limit. Clones and crashed trees have the same.
func (m *Mem) SetCapacity(bytes int64) {
	if bytes <= 0 {
		bytes = unlimitedBytes
	}
	m.capacity.Store(bytes)
}

// Space implements [FS]. Without a limit to the tree it is more than any disk has.
func (m *Mem) Space(name string) (Space, error) {
	err := m.begin()
	defer m.mu.Unlock()
	if err = cmp.Or(err, checkName("space", name)); err == nil {
		_, err = m.walk(name)
	}
	if err != nil {
		return Space{}, pathError("space", name, err)
	}
	capacity := m.capacity.Load()
	return Space{Free: max(0, capacity-m.used.Load()), Total: capacity}, nil
}

// reserve takes the room for a write to n, whose lock is held, and returns how
// many bytes of it fit.
func (m *Mem) reserve(n *memNode, off, length int64) int {
	if length == 0 {
		return 0
	}
	pages := n.content.current.pages
	first, end := off/memPageBytes, (off+length+memPageBytes-1)/memPageBytes
	for i := first; i < end; i++ {
		if i < int64(len(pages)) && pages[i] != nil {
			continue
		}
		if !m.take(memPageBytes) {
			return int(max(0, i*memPageBytes-off))
		}
	}
	return int(length)
}

func (m *Mem) take(bytes int64) bool {
	for {
		used := m.used.Load()
		if used > m.capacity.Load()-bytes {
			return false
		}
		if m.used.CompareAndSwap(used, used+bytes) {
			return true
		}
	}
}

// truncate cuts or grows a file, whose lock is held.
func (m *Mem) truncate(n *memNode, size int64) {
	before := n.content.current.blocks
	n.content.truncate(size)
	n.modified = time.Time{}
	m.used.Add((n.content.current.blocks - before) * memPageBytes)
}

// closed notes that one who had n open has no more. The tree is locked or shared.
func (m *Mem) closed(n *memNode) {
	if n.opens.Add(-1) == 0 && n.links == 0 {
		m.used.Add(-n.content.current.blocks * memPageBytes)
	}
}

// forget notes that n, which may be nil, has one name less. The tree is locked.
func (m *Mem) forget(n *memNode) {
	if n != nil && n.links == 0 && n.opens.Load() == 0 {
		m.used.Add(-n.content.current.blocks * memPageBytes)
	}
}
