package index

import (
	"fmt"
	"io"
	"math"
)

// mapBytesMin is the size below which a sealed index is copied to the heap: one
// page. A mapping would take that page all the same, and one of the process's
// 65,530 mappings (vm.max_map_count) besides.
const mapBytesMin = 4 << 10

// open fills x with the entries of f.
func (x *entries) open(l *layout, f File, sealed bool, o Options) error {
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("index: size: %w", err)
	}
	if size%int64(l.entryBytes) != 0 || size > math.MaxInt32 {
		return fmt.Errorf("index: length of %d bytes: %w", size, ErrCorrupt)
	}
	n, err := countEntries(l, f, int(size)/l.entryBytes)
	if err != nil {
		return err
	}
	x.paddedBytes = size - int64(n*l.entryBytes)
	x.surplus = x.paddedBytes > 0
	x.flushedBytes = size - x.paddedBytes
	x.sealed = sealed
	if sealed {
		t, ok, err := mapEntries(l, f, n)
		if err != nil {
			return err
		}
		if ok {
			x.init(l, f, o, t)
			return nil
		}
	}
	t, err := readTable(l, f, n)
	if err != nil {
		return err
	}
	x.init(l, f, o, t)
	return nil
}

// countEntries returns how many of n entries come before the zero padding, if
// there is any. A zero entry is an entry only as the first: behind another one
// it would not rise. A first one followed by zeros alone is taken as padding;
// it would say no more than an empty index says.
func countEntries(l *layout, f File, n int) (int, error) {
	const chunkEntries = 4096
	buf := make([]byte, l.entryBytes) // the usual index ends in an entry: look at that first
	for end := n; end > 0; {
		entries := len(buf) / l.entryBytes
		if entries > end {
			entries = end
		}
		chunk := buf[:entries*l.entryBytes]
		if err := readFull(f, chunk, int64((end-entries)*l.entryBytes)); err != nil {
			return 0, err
		}
		for i := len(chunk) - 1; i >= 0; i-- {
			if chunk[i] != 0 {
				return end - entries + i/l.entryBytes + 1, nil
			}
		}
		if n == 1 {
			return 1, nil
		}
		end -= entries
		buf = make([]byte, min(end, chunkEntries)*l.entryBytes)
	}
	return 0, nil
}

// readTable copies n entries to the heap and checks each.
func readTable(l *layout, f File, n int) (*table, error) {
	data := make([]byte, n*l.entryBytes)
	if err := readFull(f, data, 0); err != nil {
		return nil, err
	}
	t := newTable(l, data, n)
	return t, t.check()
}

// mapEntries maps n entries and checks the first and the last. Both are read by
// a system call: that fails where a mapping would fault. ok is false where the
// caller has to copy.
func mapEntries(l *layout, f File, n int) (t *table, ok bool, err error) {
	if n*l.entryBytes < mapBytesMin {
		return nil, false, nil
	}
	ends := make([]byte, 2*l.entryBytes)
	if err := readFull(f, ends[:l.entryBytes], 0); err != nil {
		return nil, false, err
	}
	if err := readFull(f, ends[l.entryBytes:], int64((n-1)*l.entryBytes)); err != nil {
		return nil, false, err
	}
	if err := newTable(l, ends, 2).check(); err != nil {
		return nil, false, fmt.Errorf("index: first and last of %d entries: %w", n, err)
	}
	t, ok = mapTable(l, f, n, l.decode(ends[l.entryBytes:]))
	return t, ok, nil
}

// mapTable maps n entries of which last is known. ok is false where there is
// nothing to map or the system maps no more: copying serves as well.
func mapTable(l *layout, f File, n int, last entry) (t *table, ok bool) {
	osFile := f.OSFile()
	if osFile == nil || n*l.entryBytes < mapBytesMin {
		return nil, false
	}
	data, ok := mapReadOnly(osFile, n*l.entryBytes)
	if !ok {
		return nil, false
	}
	t = newTable(l, data, n)
	t.mapped, t.last = true, last
	return t, true
}

// readFull fills b. A file that ends before is corrupt: it was longer when it
// was measured.
func readFull(f File, b []byte, at int64) error {
	n, err := f.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || err == io.EOF {
		return fmt.Errorf("index: ends at %d: %w", at+int64(n), ErrCorrupt)
	}
	return fmt.Errorf("index: read at %d: %w", at, err)
}
