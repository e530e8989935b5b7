package vfs

// Forget has the system forget what it holds of a file's content in memory, so that
// what is read next comes from the disk. A failed sync leaves pages that look as if
// they had been written: they go. Bytes that are to be written yet stay, so the file
// is to be synced before. Where a system cannot, nothing is done.
func Forget(f File) error {
	if g, ok := f.(interface{ Forget() error }); ok {
		return g.Forget()
	}
	if file := f.OSFile(); file != nil {
		return forget(file)
	}
	return nil
}

// failSync lets the content be as a system leaves it whose disk did not take a
// sync, if the file can do that.
func failSync(f File) {
	if g, ok := f.(interface{ failSync() }); ok {
		g.failSync()
	}
}

// Forget implements [Forget].
func (f *memFile) Forget() error {
	err := f.begin()
	defer f.fs.mu.RUnlock()
	if err != nil {
		return pathError("forget", f.name, err)
	}
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	before := f.node.content.current.blocks
	f.node.content.forget()
	f.fs.used.Add((f.node.content.current.blocks - before) * memPageBytes)
	return nil
}

func (f *memFile) failSync() {
	f.node.mu.Lock()
	defer f.node.mu.Unlock()
	f.node.content.failSync()
}

// Forget implements [Forget].
func (f *faultFile) Forget() error {
	if f.fs.Crashed() {
		return pathError("forget", f.name, ErrCrashed)
	}
	return Forget(f.inner)
}

// failSync takes the pages that differ for written: who reads finds what was
// written, and the disk has what it had. The next sync does not know of them.
func (c *memContent) failSync() {
	if c.lostFrom == c.lostTo {
		c.lostFrom, c.lostTo = c.dirtyFrom, c.dirtyTo
	} else if c.dirtyFrom < c.dirtyTo {
		c.lostFrom, c.lostTo = min(c.lostFrom, c.dirtyFrom), max(c.lostTo, c.dirtyTo)
	}
	c.dirtyFrom, c.dirtyTo = 0, 0
}

// forget puts what the disk has in place of what it did not take.
func (c *memContent) forget() {
	for i := c.lostFrom; i < min(c.lostTo, len(c.current.pages)); i++ {
		if c.dirtyFrom <= i && i < c.dirtyTo {
			continue
		}
		c.current.pages[i] = nil
		if i < len(c.durable.pages) {
			c.current.pages[i] = c.durable.pages[i]
		}
	}
	c.current.count()
}
