package index

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// roomMin is the capacity, in entries, of a new index: a store opens very many
// and most stay small.
const roomMin = 32

// entries is what the kinds of index share: a table that readers search and,
// behind it, the writer's dealings with the file.
//
// Its methods are the writer's, one at a time; Len, Bytes, Full, Mapped and
// Sync may be called at any time.
type entries struct {
	layout *layout
	file   File
	table  atomic.Pointer[table] // replaced by the writer only

	// countMax refuses appends from this many entries on. Fixed.
	countMax int

	// flushedBytes is how much of the table the file holds, owned by the writer.
	// Invariant: at most Bytes().
	flushedBytes int64
	// surplus tells that the file is longer than flushedBytes: entries that were
	// truncated, padding, or another file's remains. Owned by the writer.
	surplus bool
	// sealed is owned by the writer.
	sealed bool

	paddedBytes int64 // found at opening, fixed
}

func (x *entries) init(l *layout, f File, o Options, t *table) {
	x.layout, x.file = l, f
	x.countMax = int(o.withDefaults().BytesMax / int64(l.entryBytes))
	x.table.Store(t)
}

// Len is the number of entries.
func (x *entries) Len() int { return x.table.Load().len() }

// Bytes is the length of all entries, and of the file once it is flushed.
func (x *entries) Bytes() int64 { return int64(x.Len()) * int64(x.layout.entryBytes) }

// Mapped reports whether lookups read mapped memory rather than the heap.
func (x *entries) Mapped() bool { return x.table.Load().mapped }

// Padded is how many bytes of zero padding followed the entries when the file
// was opened. An active index cuts them at its first Flush; of a sealed one the
// caller may, by truncating the file to Bytes: the mapping does not reach them.
func (x *entries) Padded() int64 { return x.paddedBytes }

// add appends e, whose order the caller has checked.
func (x *entries) add(e entry) error {
	return x.addBy(func(slot []byte) { x.layout.encode(slot, e) })
}

// addBy appends the entry that fill writes.
func (x *entries) addBy(fill func(slot []byte)) error {
	t := x.table.Load()
	n := t.len()
	if (n+1)*x.layout.entryBytes <= len(t.data) {
		fill(t.slot(n))
		t.count.Store(int64(n + 1))
		return nil
	}
	grown, err := t.clone(n, max(roomMin, 2*n))
	if err != nil {
		return err
	}
	fill(grown.slot(n))
	grown.count.Store(int64(n + 1))
	x.table.Store(grown)
	return nil
}

// writable reports why the index takes no changes.
func (x *entries) writable() error {
	switch {
	case x.table.Load().closed:
		return ErrClosed
	case x.sealed:
		return ErrSealed
	}
	return nil
}

// Flush writes the entries that the file lacks and cuts what it has too many.
// It syncs nothing. After an error it may be called again.
func (x *entries) Flush() error {
	if err := x.writable(); err != nil {
		if err == ErrSealed {
			return nil
		}
		return err
	}
	if x.surplus {
		// Cut before writing: new entries in front of old ones would look whole.
		if err := x.file.Truncate(x.flushedBytes); err != nil {
			return fmt.Errorf("index: cut at %d: %w", x.flushedBytes, err)
		}
		x.surplus = false
	}
	t := x.table.Load()
	unflushed := t.bytes(t.len())[x.flushedBytes:]
	if len(unflushed) == 0 {
		return nil
	}
	if _, err := x.file.WriteAt(unflushed, x.flushedBytes); err != nil {
		return fmt.Errorf("index: write at %d: %w", x.flushedBytes, err)
	}
	x.flushedBytes += int64(len(unflushed))
	return nil
}

// Sync makes durable what was flushed before.
func (x *entries) Sync() error {
	if err := x.file.Sync(); err != nil {
		return fmt.Errorf("index: sync: %w", err)
	}
	return nil
}

// Seal makes the file exact and durable and moves lookups onto a mapping of it;
// lookups under way finish on the heap. After an error the index is as active
// as before.
func (x *entries) Seal() error {
	if err := x.Flush(); err != nil || x.sealed {
		return err
	}
	// Though Flush keeps the length: Kafka judges an index by it, and an earlier
	// write that failed half-way may have left more.
	if err := x.file.Truncate(x.flushedBytes); err != nil {
		return fmt.Errorf("index: cut at %d: %w", x.flushedBytes, err)
	}
	if err := x.Sync(); err != nil {
		return err
	}
	t := x.table.Load()
	n := t.len()
	last, _ := t.tail()
	if m, ok := mapTable(x.layout, x.file, n, last); ok {
		x.table.Store(m)
	} else {
		x.table.Store(newTable(x.layout, slices.Clone(t.bytes(n)), n))
	}
	x.sealed = true
	return nil
}

// truncate keeps the entries whose column is below bound. The file follows at
// the next Flush.
func (x *entries) truncate(c column, bound int64) error {
	if err := x.writable(); err != nil {
		return err
	}
	t := x.table.Load()
	slot, _, err := t.floor(c, bound-1)
	if err != nil {
		return err
	}
	kept := slot + 1
	if kept == t.len() {
		return nil
	}
	// Lowering the count in place would let the next append write over bytes
	// that a reader is in.
	shorter, err := t.clone(kept, max(roomMin, kept))
	if err != nil {
		return err
	}
	x.table.Store(shorter)
	if keptBytes := x.Bytes(); x.flushedBytes > keptBytes {
		x.flushedBytes, x.surplus = keptBytes, true
	}
	return nil
}

// copyTo writes the entries whose column is below bound to f and makes dst
// their active index.
func (x *entries) copyTo(dst *entries, f File, c column, bound int64, o Options) error {
	t := x.table.Load()
	slot, _, err := t.floor(c, bound-1)
	if err != nil {
		return err
	}
	kept, err := t.clone(slot+1, max(roomMin, slot+1))
	if err != nil {
		return err
	}
	dst.init(x.layout, f, o, kept)
	dst.surplus = true
	return dst.Flush()
}

// Close unmaps. The caller sees to it that no lookup runs or follows. It
// flushes nothing and leaves the file open.
func (x *entries) Close() error {
	t := x.table.Swap(&table{layout: x.layout, closed: true})
	if !t.mapped {
		return nil
	}
	if err := unmap(t.data); err != nil {
		return fmt.Errorf("index: unmap: %w", err)
	}
	return nil
}
