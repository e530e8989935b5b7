package index

import "fmt"

var timeLayout = layout{entryBytes: 12, key: column{0, 8}, value: column{8, 4}, valuesRepeat: true}

// NoTimestamp is Kafka's timestamp of records without one, and of a time index
// without entries.
const NoTimestamp = -1

// TimestampOffset is an entry of a time index: the largest timestamp up to
// there, and the last offset of the batch that holds it. A record with a larger
// timestamp comes after that offset.
type TimestampOffset struct {
	TimestampMs int64
	Offset      int64
}

// Times is the time index of one segment. See the package comment for what may
// run at the same time.
type Times struct {
	entries
	base int64
}

// NewTimes starts an active, empty index. What f held goes at the first Flush.
func NewTimes(f File, base int64, o Options) *Times {
	x := &Times{base: base}
	x.init(&timeLayout, f, o, newTable(&timeLayout, nil, 0))
	x.surplus = !o.Empty
	return x
}

// OpenTimes opens the index in f, to be looked up only if sealed. An active
// index is checked entry by entry; of a mapped one just the ends are.
func OpenTimes(f File, base int64, sealed bool, o Options) (*Times, error) {
	x := &Times{base: base}
	if err := x.open(&timeLayout, f, sealed, o); err != nil {
		return nil, err
	}
	return x, nil
}

// MaybeAppend adds an entry for the segment's largest timestamp so far and the
// last offset of the batch that holds it. It does nothing unless the timestamp
// is above the last entry's, so the same may be offered again and again.
//
// final is for the entry that a segment gets at seal and at close, off the
// interval. It goes in even if the index is full: the segment's largest
// timestamp is read from the last entry, and retention hangs on it.
func (x *Times) MaybeAppend(timestampMs, offset int64, final bool) error {
	if err := x.writable(); err != nil {
		return err
	}
	if !final && x.Full() {
		return ErrFull
	}
	last := x.Last()
	if timestampMs <= last.TimestampMs {
		return nil
	}
	value, err := relative(offset, x.base)
	if err != nil {
		return err
	}
	if offset < last.Offset {
		return fmt.Errorf("index: timestamp %d of offset %d after %d of %d: %w", timestampMs, offset, last.TimestampMs, last.Offset, ErrOrder)
	}
	return x.add(entry{timestampMs, value})
}

// Full reports that MaybeAppend would give ErrFull. One entry's room is kept
// for the final one.
func (x *Times) Full() bool { return x.Room() == 0 }

// Room is how many entries more it takes, beside the final one.
func (x *Times) Room() int { return max(0, x.countMax-1-x.Len()) }

// Lookup returns the greatest entry at or below the timestamp, the segment's
// base with NoTimestamp if there is none: records at or above that timestamp,
// but for the entry's own batch, come after it.
func (x *Times) Lookup(timestampMs int64) (TimestampOffset, error) {
	slot, e, err := x.table.Load().floor(x.layout.key, timestampMs)
	if err != nil || slot < 0 {
		return x.start(), err
	}
	return x.absolute(e), nil
}

// Entry returns entry i, or ErrNoEntry.
func (x *Times) Entry(i int) (TimestampOffset, error) {
	e, err := x.table.Load().at(i)
	if err != nil {
		return x.start(), err
	}
	return x.absolute(e), nil
}

// Last returns the last entry, the segment's base with NoTimestamp if there is
// none.
func (x *Times) Last() TimestampOffset {
	e, ok := x.table.Load().tail()
	if !ok {
		return x.start()
	}
	return x.absolute(e)
}

// Truncate drops the entries at and above offset. A sealed index is never cut
// in place, as readers may have it mapped: see CopyTo.
func (x *Times) Truncate(offset int64) error {
	return x.truncate(x.layout.value, x.bound(offset))
}

// CopyTo writes the entries below offset to f, which the caller then syncs and
// renames over this index's file, and returns them as an active index over f.
func (x *Times) CopyTo(f File, offset int64, o Options) (*Times, error) {
	dst := &Times{base: x.base}
	if err := x.copyTo(&dst.entries, f, x.layout.value, x.bound(offset), o); err != nil {
		return nil, err
	}
	return dst, nil
}

// bound is offset as a relative one; before the base nothing is kept.
func (x *Times) bound(offset int64) int64 { return max(offset, x.base) - x.base }

func (x *Times) start() TimestampOffset {
	return TimestampOffset{TimestampMs: NoTimestamp, Offset: x.base}
}

func (x *Times) absolute(e entry) TimestampOffset {
	return TimestampOffset{TimestampMs: e.key, Offset: x.base + e.value}
}
