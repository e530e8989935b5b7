package index

import (
	"encoding/binary"
	"fmt"
	"iter"
)

const (
	txnEntryBytes = 34
	txnVersion    = 0
)

// AbortedTxn is an entry of a transaction index: a transaction whose abort
// marker lies in the segment. Its first offset may lie in an earlier one.
type AbortedTxn struct {
	ProducerID       int64
	FirstOffset      int64
	LastOffset       int64 // of the abort marker
	LastStableOffset int64 // of the log once the marker was written
}

// AbortedTxns reads the transaction index in f of the segment that starts at
// base, in the file's order, and ends with the first error: ErrCorrupt,
// ErrVersion, or the file's. Entries before it are good.
func AbortedTxns(f File, base int64) iter.Seq2[AbortedTxn, error] {
	return func(yield func(AbortedTxn, error) bool) {
		size, err := f.Size()
		if err != nil {
			yield(AbortedTxn{}, fmt.Errorf("index: size: %w", err))
			return
		}
		const chunkEntries = 256 // a lying length must not become an allocation
		buf := make([]byte, min(size/txnEntryBytes, chunkEntries)*txnEntryBytes)
		last := base - 1
		for at := int64(0); size-at >= txnEntryBytes; {
			chunk := buf[:min(int64(len(buf)), (size-at)/txnEntryBytes*txnEntryBytes)]
			if err := readFull(f, chunk, at); err != nil {
				yield(AbortedTxn{}, err)
				return
			}
			for ; len(chunk) > 0; chunk = chunk[txnEntryBytes:] {
				txn, err := decodeTxn(chunk, last)
				if err != nil {
					err = fmt.Errorf("index: transaction at %d: %w", at, err)
				}
				if !yield(txn, err) || err != nil {
					return
				}
				last = txn.LastOffset
				at += txnEntryBytes
			}
		}
		if rest := size % txnEntryBytes; rest != 0 {
			yield(AbortedTxn{}, fmt.Errorf("index: %d bytes behind the last transaction: %w", rest, ErrCorrupt))
		}
	}
}

// decodeTxn reads one entry, which must end above the offset last.
func decodeTxn(b []byte, last int64) (AbortedTxn, error) {
	if v := int16(binary.BigEndian.Uint16(b)); v != txnVersion {
		return AbortedTxn{}, fmt.Errorf("version %d: %w", v, ErrVersion)
	}
	txn := AbortedTxn{
		ProducerID:       int64(binary.BigEndian.Uint64(b[2:])),
		FirstOffset:      int64(binary.BigEndian.Uint64(b[10:])),
		LastOffset:       int64(binary.BigEndian.Uint64(b[18:])),
		LastStableOffset: int64(binary.BigEndian.Uint64(b[26:])),
	}
	switch {
	case txn.ProducerID < 0, txn.FirstOffset < 0, txn.LastStableOffset < 0, txn.FirstOffset >= txn.LastOffset:
		return AbortedTxn{}, fmt.Errorf("%+v: %w", txn, ErrCorrupt)
	case txn.LastOffset <= last:
		return AbortedTxn{}, fmt.Errorf("last offset %d is not above %d: %w", txn.LastOffset, last, ErrCorrupt)
	}
	return txn, nil
}
