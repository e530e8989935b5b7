package vfs

import (
	"io"
	"slices"
)

// memPageBytes is the page cache's page. Small enough that an append after a
// sync copies little, large enough that page tables stay short.
const memPageBytes = 4096

// memFileBytesMax bounds a file's page table, which a write far past the end
// would otherwise let grow to any size.
const memFileBytesMax = 1 << 34

type memPage [memPageBytes]byte

// memPages is what one version of a file holds; nil pages read as zeros.
type memPages struct {
	pages  []*memPage // Invariant: as many as size needs.
	size   int64
	blocks int64 // Invariant: how many of the pages are not nil.
}

// memContent is a file's content as its users see it and as the disk has it.
// The two share pages: one is the writer's own only where they differ, and is
// copied before the first write after a sync. So a sync moves pointers, and
// pages of the durable version never change; crashed trees share those too.
//
// Invariant: bytes of the last page past size are zero, in both.
type memContent struct {
	current, durable memPages
	// dirtyFrom and dirtyTo bound the pages in which the two differ. A range and
	// not a set: appends touch neighbours, and a stray write costs pointers only.
	dirtyFrom, dirtyTo int
	// lostFrom and lostTo bound the pages that failed syncs were of: there the two
	// may differ and no sync knows it.
	lostFrom, lostTo int
	// sizes are those that the current version has had since the last sync, the
	// durable one not among them. Of a row of growths only the last is here: the
	// disk may have learned any size up to it.
	sizes []int64
}

func (p *memPages) readAt(b []byte, off int64) (n int, err error) {
	for n < len(b) && off < p.size {
		i, at := off/memPageBytes, off%memPageBytes
		part := b[n:min(int64(len(b)), int64(n)+memPageBytes-at, int64(n)+p.size-off)]
		if page := p.pages[i]; page != nil {
			copy(part, page[at:])
		} else {
			clear(part)
		}
		n += len(part)
		off += int64(len(part))
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// resize drops pages past size or adds holes.
func (p *memPages) resize(size int64) {
	count := int((size + memPageBytes - 1) / memPageBytes)
	if count <= len(p.pages) {
		for _, page := range p.pages[count:] {
			if page != nil {
				p.blocks--
			}
		}
		clear(p.pages[count:])
		p.pages = p.pages[:count]
	} else {
		p.pages = append(p.pages, make([]*memPage, count-len(p.pages))...)
	}
	p.size = size
}

// count sets blocks.
func (p *memPages) count() {
	p.blocks = 0
	for _, page := range p.pages {
		if page != nil {
			p.blocks++
		}
	}
}

func (p memPages) clone() memPages {
	return memPages{pages: slices.Clone(p.pages), size: p.size, blocks: p.blocks}
}

func (c *memContent) writeAt(b []byte, off int64) {
	if len(b) == 0 {
		return // as write(2): the file does not grow
	}
	if end := off + int64(len(b)); end > c.current.size {
		c.resize(end)
	}
	for len(b) > 0 {
		n := copy(c.ownPage(int(off / memPageBytes))[off%memPageBytes:], b)
		b = b[n:]
		off += int64(n)
	}
}

func (c *memContent) truncate(size int64) {
	before := len(c.current.pages)
	shrinks := size < c.current.size
	c.resize(size)
	after := len(c.current.pages)
	c.markDirty(min(before, after), max(before, after))
	if at := size % memPageBytes; shrinks && at != 0 && c.current.pages[after-1] != nil {
		clear(c.ownPage(after - 1)[at:])
	}
}

// resize sets the current size, and remembers it.
func (c *memContent) resize(size int64) {
	before := c.current.size
	c.current.resize(size)
	if size == before {
		return
	}
	if last := len(c.sizes) - 1; last >= 0 && size > before && before > c.sizeBefore(last) {
		c.sizes[last] = size
		return
	}
	c.sizes = append(c.sizes, size)
}

// sizeBefore is the size before it became sizes[i].
func (c *memContent) sizeBefore(i int) int64 {
	if i == 0 {
		return c.durable.size
	}
	return c.sizes[i-1]
}

// ownPage returns a page that may be written.
func (c *memContent) ownPage(i int) *memPage {
	c.markDirty(i, i+1)
	page := c.current.pages[i]
	switch {
	case page == nil:
		page = new(memPage)
		c.current.blocks++
	case i < len(c.durable.pages) && c.durable.pages[i] == page:
		page = new(memPage)
		*page = *c.current.pages[i]
	}
	c.current.pages[i] = page
	return page
}

func (c *memContent) markDirty(from, to int) {
	if c.dirtyFrom == c.dirtyTo {
		c.dirtyFrom, c.dirtyTo = from, to
		return
	}
	c.dirtyFrom, c.dirtyTo = min(c.dirtyFrom, from), max(c.dirtyTo, to)
}

func (c *memContent) sync() {
	c.durable.resize(c.current.size)
	if to := min(c.dirtyTo, len(c.current.pages)); c.dirtyFrom < to {
		copy(c.durable.pages[c.dirtyFrom:to], c.current.pages[c.dirtyFrom:to])
	}
	if c.durable.blocks = c.current.blocks; c.lostFrom < c.lostTo {
		c.durable.count()
	}
	c.dirtyFrom, c.dirtyTo = 0, 0
	c.sizes = c.sizes[:0]
}

// crashed is the content after a loss of power.
func (c *memContent) crashed() memContent {
	return memContent{current: c.durable.clone(), durable: c.durable.clone()}
}

// clone copies the pages that the writer owns, for they change in place.
func (c *memContent) clone() memContent {
	twin := memContent{
		current: c.current.clone(), durable: c.durable.clone(),
		dirtyFrom: c.dirtyFrom, dirtyTo: c.dirtyTo, lostFrom: c.lostFrom, lostTo: c.lostTo, sizes: slices.Clone(c.sizes),
	}
	from, to := c.dirtyFrom, c.dirtyTo
	if c.lostFrom < c.lostTo {
		from, to = min(from, c.lostFrom), max(to, c.lostTo)
	}
	for i := from; i < min(to, len(twin.current.pages)); i++ {
		page := twin.current.pages[i]
		shared := i < len(twin.durable.pages) && twin.durable.pages[i] == page
		if page != nil && !shared {
			own := *page
			twin.current.pages[i] = &own
		}
	}
	return twin
}
