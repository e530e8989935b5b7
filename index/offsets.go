package index

import (
	"fmt"
	"math"
)

var offsetLayout = layout{entryBytes: 8, key: column{0, 4}, value: column{4, 4}}

// OffsetPosition is an entry of an offset index: a batch's last offset, and
// where in the segment's file the batch starts.
type OffsetPosition struct {
	Offset   int64
	Position int64 // bytes
}

// Offsets is the offset index of one segment. See the package comment for what
// may run at the same time.
type Offsets struct {
	entries
	base int64
}

// NewOffsets starts an active, empty index. What f held, unless Options know it to
// be nothing, goes at the first Flush.
func NewOffsets(f File, base int64, o Options) *Offsets {
	x := &Offsets{base: base}
	x.init(&offsetLayout, f, o, newTable(&offsetLayout, nil, 0))
	x.surplus = !o.Empty
	return x
}

// OpenOffsets opens the index in f, to be looked up only if sealed. An active
// index is checked entry by entry; of a mapped one just the ends are.
func OpenOffsets(f File, base int64, sealed bool, o Options) (*Offsets, error) {
	x := &Offsets{base: base}
	if err := x.open(&offsetLayout, f, sealed, o); err != nil {
		return nil, err
	}
	return x, nil
}

// Append adds an entry: a batch's last offset and its start. Both must be above
// the last entry's.
func (x *Offsets) Append(offset, position int64) error {
	if err := x.writable(); err != nil {
		return err
	}
	if x.Full() {
		return ErrFull
	}
	key, err := relative(offset, x.base)
	if err != nil {
		return err
	}
	if position < 0 || position > math.MaxInt32 {
		return fmt.Errorf("index: position %d: %w", position, ErrOverflow)
	}
	e := entry{key, position}
	if last, ok := x.table.Load().tail(); ok && !x.layout.follows(last, e) {
		return fmt.Errorf("index: offset %d at %d after %d at %d: %w", offset, position, x.base+last.key, last.value, ErrOrder)
	}
	return x.add(e)
}

// Full reports that Append would give ErrFull.
func (x *Offsets) Full() bool { return x.Room() == 0 }

// Room is how many entries more it takes.
func (x *Offsets) Room() int { return max(0, x.countMax-x.Len()) }

// Lookup returns the greatest entry at or below offset, the segment's start if
// there is none: the batch that holds offset does not begin before it.
func (x *Offsets) Lookup(offset int64) (OffsetPosition, error) {
	if offset < x.base {
		return x.start(), nil
	}
	return x.floor(x.layout.key, offset-x.base)
}

// LookupPair returns what Lookup does, and the entry behind that, if ok. The
// batch that holds offset begins no later than where the second one says: if
// batches are longer than the index interval, just there.
func (x *Offsets) LookupPair(offset int64) (near, next OffsetPosition, ok bool, err error) {
	t := x.table.Load()
	slot, e, err := t.floor(x.layout.key, max(offset, x.base)-x.base)
	if err != nil {
		return x.start(), x.start(), false, err
	}
	if near = x.start(); slot >= 0 {
		near = x.absolute(e)
	}
	if slot+1 >= t.len() {
		return near, x.start(), false, nil
	}
	if e, err = t.at(slot + 1); err != nil {
		return x.start(), x.start(), false, err
	}
	return near, x.absolute(e), true, nil
}

// LookupPosition returns the greatest entry at or below position, in bytes, the
// segment's start if there is none.
func (x *Offsets) LookupPosition(position int64) (OffsetPosition, error) {
	return x.floor(x.layout.value, position)
}

func (x *Offsets) floor(c column, target int64) (OffsetPosition, error) {
	slot, e, err := x.table.Load().floor(c, target)
	if err != nil || slot < 0 {
		return x.start(), err
	}
	return x.absolute(e), nil
}

// Entry returns entry i, or ErrNoEntry.
func (x *Offsets) Entry(i int) (OffsetPosition, error) {
	e, err := x.table.Load().at(i)
	if err != nil {
		return x.start(), err
	}
	return x.absolute(e), nil
}

// Last returns the last entry, the segment's start if there is none.
func (x *Offsets) Last() OffsetPosition {
	e, ok := x.table.Load().tail()
	if !ok {
		return x.start()
	}
	return x.absolute(e)
}

// Truncate drops the entries at and above offset. A sealed index is never cut
// in place, as readers may have it mapped: see CopyTo.
func (x *Offsets) Truncate(offset int64) error {
	return x.truncate(x.layout.key, x.bound(offset))
}

// CopyTo writes the entries below offset to f, which the caller then syncs and
// renames over this index's file, and returns them as an active index over f.
func (x *Offsets) CopyTo(f File, offset int64, o Options) (*Offsets, error) {
	dst := &Offsets{base: x.base}
	if err := x.copyTo(&dst.entries, f, x.layout.key, x.bound(offset), o); err != nil {
		return nil, err
	}
	return dst, nil
}

// bound is offset as a relative one; before the base nothing is kept.
func (x *Offsets) bound(offset int64) int64 { return max(offset, x.base) - x.base }

func (x *Offsets) start() OffsetPosition { return OffsetPosition{Offset: x.base} }

func (x *Offsets) absolute(e entry) OffsetPosition {
	return OffsetPosition{Offset: x.base + e.key, Position: e.value}
}
