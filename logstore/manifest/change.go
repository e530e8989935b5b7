package manifest

// Each change returns its number, to be handed to Sync: a greater one is of a
// later change. After an error nothing was changed, unless it is ErrPoisoned,
// when that is not known.

// Put writes a row whole, in place of any of that name. r is not kept.
func (f *File) Put(r *Row) (lsn int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(); err != nil {
		return 0, err
	}
	f.buf, err = appendRow(f.buf[:0], f.lag(), r)
	return f.write(1, r.Incarnation+1, err)
}

// Puts puts many rows with one write, all or, after an error, none. A crash before
// they are synced may leave the first of them. The number is that of the last.
func (f *File) Puts(rows []*Row) (lsn int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(); err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return f.written, nil
	}
	f.buf = f.buf[:0]
	next := uint64(0)
	for _, r := range rows {
		if f.buf, err = appendRow(f.buf, f.lag()+int64(len(f.buf)), r); err != nil {
			break
		}
		next = max(next, r.Incarnation+1)
	}
	return f.write(len(rows), next, err)
}

// Note changes the scalars of a row; see [Note].
func (f *File) Note(n Note) (lsn int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(); err != nil {
		return 0, err
	}
	f.buf, err = appendNote(f.buf[:0], f.lag(), &n)
	return f.write(1, n.Incarnation+1, err)
}

// Drop removes the row of that name, if there is one.
func (f *File) Drop(log string) (lsn int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(); err != nil {
		return 0, err
	}
	f.buf, err = appendDrop(f.buf[:0], f.lag(), log)
	return f.write(1, 0, err)
}

// StartJournal tells that journal generations below this one are not needed.
func (f *File) StartJournal(generation uint64) (lsn int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(); err != nil {
		return 0, err
	}
	f.buf, err = appendJournal(f.buf[:0], f.lag(), generation)
	return f.write(1, 0, err)
}

// Opened tells that the store is open: it is no longer what ClosedBy said.
func (f *File) Opened() (lsn int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(); err != nil {
		return 0, err
	}
	f.buf, err = appendOpened(f.buf[:0], f.lag())
	return f.write(1, 0, err)
}

// ClosedBy tells that the store was closed cleanly, with that shutdown file.
func (f *File) ClosedBy(m Marker) (lsn int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(); err != nil {
		return 0, err
	}
	f.buf, err = appendClosed(f.buf[:0], f.lag(), m)
	return f.write(1, 0, err)
}
