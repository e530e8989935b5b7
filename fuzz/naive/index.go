package naive

import (
	"bytes"
	"errors"
)

// Entry is an entry of an offset or a time index, as stored.
type Entry struct{ Key, Value int64 }

// OffsetEntries reads an offset index: offsets are relative, values are positions.
func OffsetEntries(file []byte) ([]Entry, error) { return entries(file, 4, false) }

// TimeEntries reads a time index: keys are timestamps, values are relative offsets.
func TimeEntries(file []byte) ([]Entry, error) { return entries(file, 8, true) }

func entries(file []byte, keyBytes int, repeat bool) (all []Entry, err error) {
	size := keyBytes + 4
	file, err = unpadded(file, size)
	for ; len(file) > 0 && err == nil; file = file[size:] {
		e := Entry{int64(int32(order.Uint32(file))), int64(int32(order.Uint32(file[keyBytes:])))}
		if keyBytes == 8 {
			e.Key = int64(order.Uint64(file))
		}
		if n := len(all); e.Key < 0 || e.Value < 0 || n > 0 && (e.Key <= all[n-1].Key || e.Value < all[n-1].Value || e.Value == all[n-1].Value && !repeat) {
			return nil, errors.New("entries do not rise")
		}
		all = append(all, e)
	}
	return all, err
}

// unpadded takes zero entries off the end, but for a single one.
func unpadded(file []byte, size int) ([]byte, error) {
	if len(file)%size != 0 {
		return nil, errors.New("length")
	}
	zero := make([]byte, size)
	if bytes.Equal(file, zero) {
		return file, nil
	}
	for len(file) > 0 && bytes.Equal(file[len(file)-size:], zero) {
		file = file[:len(file)-size]
	}
	return file, nil
}

// Floor is the last entry whose key is at or below one, the zero Entry and -1 if there
// is none.
func Floor(all []Entry, key int64) (Entry, int) {
	found, at := Entry{}, -1
	for i, e := range all {
		if e.Key <= key {
			found, at = e, i
		}
	}
	return found, at
}

// TxnEntry is an entry of a transaction index.
type TxnEntry struct{ Producer, First, Last, Stable int64 }

// TxnEntries reads a transaction index of the segment that begins at base.
func TxnEntries(file []byte, base int64) (all []TxnEntry, err error) {
	const size = 34
	file, err = unpadded(file, size)
	last := base - 1
	for ; len(file) > 0 && err == nil; file = file[size:] {
		e := TxnEntry{int64(order.Uint64(file[2:])), int64(order.Uint64(file[10:])), int64(order.Uint64(file[18:])), int64(order.Uint64(file[26:]))}
		if order.Uint16(file) != 0 || e.Producer < 0 || e.First < 0 || e.Stable < 0 || e.First >= e.Last || e.Last <= last {
			return nil, errors.New("entry")
		}
		last = e.Last
		all = append(all, e)
	}
	return all, err
}

// TxnIndex encodes a transaction index.
func TxnIndex(all []TxnEntry) (file []byte) {
	for _, e := range all {
		file = append(file, 0, 0)
		for _, n := range []int64{e.Producer, e.First, e.Last, e.Stable} {
			file = order.AppendUint64(file, uint64(n))
		}
	}
	return file
}
