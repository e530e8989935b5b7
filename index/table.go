package index

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

// column is one field of an entry: a big-endian signed integer.
type column struct{ at, width int }

func (c column) get(entry []byte) int64 {
	if c.width == 8 {
		return int64(binary.BigEndian.Uint64(entry[c.at:]))
	}
	return int64(int32(binary.BigEndian.Uint32(entry[c.at:])))
}

func (c column) put(entry []byte, v int64) {
	if c.width == 8 {
		binary.BigEndian.PutUint64(entry[c.at:], uint64(v))
		return
	}
	binary.BigEndian.PutUint32(entry[c.at:], uint32(v))
}

// layout describes a kind of index. Unless it says otherwise, both columns rise
// from entry to entry, so either can be searched.
type layout struct {
	entryBytes int
	key, value column
	// valuesRepeat allows neighbours of equal value, as Kafka's TimeIndex does.
	valuesRepeat bool
	// valuesFree asks nothing of the values' order: only keys can be searched.
	valuesFree bool
}

// entry is one entry's columns as stored, offsets still relative.
type entry struct{ key, value int64 }

func (l *layout) decode(b []byte) entry { return entry{l.key.get(b), l.value.get(b)} }

func (l *layout) encode(b []byte, e entry) {
	l.key.put(b, e.key)
	l.value.put(b, e.value)
}

// check reports whether e may be an entry at all, the one in slot i. Lookups
// ask it again, as of a mapping only the ends are checked when it is made: the
// rest would cost its pages. Neither kind holds anything negative: a time index
// starts above Kafka's "no timestamp", -1.
func (e entry) check(i int) error {
	if e.key >= 0 && e.value >= 0 {
		return nil
	}
	return fmt.Errorf("index: entry %d holds %d, %d: %w", i, e.key, e.value, ErrCorrupt)
}

// follows reports whether e may stand somewhere behind prev.
func (l *layout) follows(prev, e entry) bool {
	return e.key > prev.key && (e.value > prev.value || l.valuesRepeat && e.value == prev.value || l.valuesFree)
}

// warmBytes is the tail that a search tries first. It is so small that all its
// pages (three of 4 KiB at most) are touched, and so kept in memory, by nearly
// every search that ends in it: consumers and followers ask near the end. A
// plain binary search would walk over a few far pages that change each time the
// index grows by one, and wait for the disk on each.
const warmBytes = 8 << 10

// table is what readers search: the entries as they lie in the file, in one
// slice. Entries below count never change. Growth and truncation make a new
// table, since a reader may still be in this one's bytes.
type table struct {
	layout *layout
	data   []byte       // beyond count owned by the writer
	count  atomic.Int64 // stored after the entry's bytes
	mapped bool         // data is a read-only mapping; then count is fixed
	last   entry        // of a mapping: asked for most, and no page need be touched
	closed bool
}

func newTable(l *layout, data []byte, count int) *table {
	t := &table{layout: l, data: data}
	t.count.Store(int64(count))
	return t
}

func (t *table) len() int { return int(t.count.Load()) }

// bytes is the first n entries.
func (t *table) bytes(n int) []byte { return t.data[:n*t.layout.entryBytes] }

func (t *table) slot(i int) []byte {
	at := i * t.layout.entryBytes
	return t.data[at : at+t.layout.entryBytes]
}

// search returns the greatest of n slots whose column is at most target, or -1.
func (t *table) search(n int, c column, target int64) int {
	// Slots below low are at most target, those from high on are above it.
	low, high := 0, n
	if warm := n - warmBytes/t.layout.entryBytes; warm > 0 {
		if c.get(t.slot(warm)) <= target {
			low = warm + 1
		} else {
			high = warm
		}
	}
	for low < high {
		mid := low + (high-low)/2
		if c.get(t.slot(mid)) <= target {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low - 1
}

// floor finds the greatest entry whose column is at most target. A slot of -1
// means that there is none.
func (t *table) floor(c column, target int64) (slot int, e entry, err error) {
	if t.closed {
		return -1, entry{}, ErrClosed
	}
	n := t.len()
	if t.mapped && (c == t.layout.key && target >= t.last.key || c == t.layout.value && target >= t.last.value) {
		return n - 1, t.last, nil
	}
	err = t.guard(func() {
		if slot = t.search(n, c, target); slot >= 0 {
			e = t.layout.decode(t.slot(slot))
		}
	})
	if err == nil && slot >= 0 {
		err = e.check(slot)
	}
	if err != nil {
		return -1, entry{}, err
	}
	return slot, e, nil
}

// at returns entry i.
func (t *table) at(i int) (e entry, err error) {
	if t.closed {
		return entry{}, ErrClosed
	}
	if n := t.len(); i < 0 || i >= n {
		return entry{}, fmt.Errorf("index: entry %d of %d: %w", i, n, ErrNoEntry)
	}
	if err = t.guard(func() { e = t.layout.decode(t.slot(i)) }); err == nil {
		err = e.check(i)
	}
	return e, err
}

// tail returns the last entry; ok is false if there is none. It touches no
// mapped memory, so it cannot fail.
func (t *table) tail() (e entry, ok bool) {
	n := t.len()
	if n == 0 {
		return entry{}, false
	}
	if t.mapped {
		return t.last, true
	}
	return t.layout.decode(t.slot(n - 1)), true
}

// clone copies the first n entries to the heap, with room for more.
func (t *table) clone(n, room int) (*table, error) {
	data := make([]byte, room*t.layout.entryBytes)
	if err := t.guard(func() { copy(data, t.bytes(n)) }); err != nil {
		return nil, err
	}
	return newTable(t.layout, data, n), nil
}

// check reports the first of the entries that cannot stand where it stands.
func (t *table) check() error {
	var prev entry
	for i := range t.len() {
		e := t.layout.decode(t.slot(i))
		if err := e.check(i); err != nil {
			return err
		}
		if i > 0 && !t.layout.follows(prev, e) {
			return fmt.Errorf("index: entry %d holds %d, %d after %d, %d: %w", i, e.key, e.value, prev.key, prev.value, ErrCorrupt)
		}
		prev = e
	}
	return nil
}

// guard runs read, which touches t.data, and turns a fault of mapped memory
// into ErrIO. Without it the runtime takes the fault for memory corruption and
// ends the process. The setting is the goroutine's, so it is put back: a fault
// elsewhere stays fatal. All of it costs a lookup some 8 ns.
func (t *table) guard(read func()) (err error) {
	if !t.mapped {
		read()
		return nil
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = faultError(r)
		}
	}()
	read()
	return nil
}

// faultError passes on every panic but a memory fault, which the runtime marks
// by its address.
func faultError(r any) error {
	if _, ok := r.(interface {
		runtime.Error
		Addr() uintptr
	}); !ok {
		panic(r)
	}
	return fmt.Errorf("index: %v: %w", r, ErrIO)
}

// relative turns offset into one relative to base, as far as 31 bits go.
func relative(offset, base int64) (int64, error) {
	if offset < base || offset-base > math.MaxInt32 {
		return 0, fmt.Errorf("index: offset %d with base %d: %w", offset, base, ErrOverflow)
	}
	return offset - base, nil
}
