package vfs

import (
	"bytes"
	"maps"
	"slices"
)

// CrashPartly cuts the power as [Mem.Crash] does, on a disk that has written
// some of what was not synced, in an order of its own. What was synced is there;
// of the rest, each is found or lost by itself:
//
//   - of a file's bytes, every sector of 512 in which the current content
//     differs from the durable one: old, new, or rarely torn, a run of bytes of
//     one within the other. A sector that nobody was rewriting is never touched.
//   - a file's length: the durable one, the current one, one that it had in
//     between, or one that a row of growths has passed. Where it grew and the
//     bytes are lost, zeros are found.
//   - a directory's changes, creations, removals and renames. A change is lost
//     with any earlier one, of the same directory since its last sync, that
//     concerned the same name. A rename within a directory is one change, one to
//     another directory is two.
//
// rand(n) is to return a number from 0 to n-1, and alone decides: the same tree
// and the same numbers make the same crash. A rand that always returns 0 loses
// all, as Crash does; one that always returns n-1 loses nothing. How much is
// lost is drawn for each file and each directory anew, from nothing to all.
//
// Two things a disk may do are left out: to have written a content between the
// durable and the current one of a sector written twice, and to keep what
// was written and then cut off.
func (m *Mem) CrashPartly(rand func(n int64) int64) *Mem {
	d := drawn(rand)
	return m.crash(d.content, d.dir)
}

// drawn decides what a crash loses.
type drawn func(n int64) int64

// luck is the share, in 16ths, that is found of something.
func (d drawn) luck() int64 { return 4 * d(5) }

func (d drawn) finds(luck int64) bool { return d(16) < luck }

// rarely is false for a rand that always returns its least or its greatest.
func (d drawn) rarely() bool { return d(32) == 16 }

// dir applies what is found of the changes. Copying goes by name, because
// the order in which files are visited is the order of draws.
func (d drawn) dir(c *memCopy, from *memDir) *memDir {
	left, luck := maps.Clone(from.durable), d.luck()
	lost := map[string]bool{}
	for _, change := range from.changes {
		if lost[change.removed] || lost[change.added] || !d.finds(luck) {
			lost[change.removed], lost[change.added] = true, true
			delete(lost, "") // which is no name
			continue
		}
		change.apply(left)
	}
	for _, base := range slices.Sorted(maps.Keys(left)) {
		c.node(left[base])
	}
	return c.foundDir(left)
}

// size draws the length of a file that is found, and the least that it had on
// the way there: what was durable above that is no more.
func (d drawn) size(c *memContent) (size, least int64) {
	version := 0 // of sizes, from 1; 0 is the durable one
	switch d(4) {
	case 0:
	case 1:
		version = int(d(int64(len(c.sizes) + 1)))
	default:
		version = len(c.sizes)
	}
	size, least = c.durable.size, c.durable.size
	for i, next := range c.sizes[:version] {
		before := c.sizeBefore(i)
		least, size = min(least, next), next
		if i == version-1 && next > before && d(4) == 1 {
			size = before + 1 + d(next-before)
		}
	}
	return size, least
}

// content is what is found of a file.
func (d drawn) content(c *memContent) memContent {
	if c.dirtyFrom == c.dirtyTo && len(c.sizes) == 0 {
		return c.crashed()
	}
	size, least := d.size(c)
	luck := d.luck()
	found := c.durable.clone()
	found.resize(size)
	for i := c.dirtyFrom; i < min(c.dirtyTo, len(found.pages)); i++ {
		old, now := pageAt(c.durable, i), pageAt(c.current, i)
		if old == now {
			continue
		}
		page := new(memPage)
		from := int64(i) * memPageBytes
		if old != nil {
			copy(page[:max(0, min(memPageBytes, least-from))], old[:])
		}
		d.sectors(page, now, c.current.size-from, luck)
		clear(page[max(0, min(memPageBytes, size-from)):])
		found.pages[i] = page
	}
	found.count()
	return memContent{current: found, durable: found.clone()}
}

// sectorBytes is what a disk promises to write at once. Most tear no page of
// 4096 either; a log may not count on it.
const sectorBytes = 512

var zeroPage memPage

// sectors overwrites sectors of a page by those of a newer version of which
// size bytes are known.
func (d drawn) sectors(page, now *memPage, size, luck int64) {
	if now == nil {
		now = &zeroPage
	}
	for from := int64(0); from < min(memPageBytes, size); from += sectorBytes {
		to, from := page[from:from+sectorBytes], now[from:from+sectorBytes]
		if bytes.Equal(to, from) {
			continue
		}
		found := d.finds(luck)
		if d.rarely() {
			start, end := d(sectorBytes+1), d(sectorBytes+1)
			start, end = min(start, end), max(start, end)
			copy(to[start:end], from[start:end])
		} else if found {
			copy(to, from)
		}
	}
}

// pageAt is a page, nil past the end.
func pageAt(p memPages, i int) *memPage {
	if i >= len(p.pages) {
		return nil
	}
	return p.pages[i]
}
