package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
)

// Entries are found by where the abort marker is, and hold what Kafka calls the
// last stable offset of that moment: no transaction that ends later began below it.
var txnLayout = layout{entryBytes: txnEntryBytes, key: column{18, 8}, value: column{26, 8}, valuesFree: true}

// Txns is the transaction index of one segment: its aborted transactions, by
// where their markers are. Most segments have none, and no file: that is made
// by the first Flush of an entry. See the package comment for what may run at
// the same time.
type Txns struct {
	entries
	base int64
	// onFile tells that there is, or may be, a file. Owned by the writer.
	onFile bool
}

// NewTxns starts an active, empty index of which there is no file.
func NewTxns(f File, base int64) *Txns {
	x := &Txns{base: base}
	x.init(&txnLayout, f, Options{BytesMax: math.MaxInt32}, newTable(&txnLayout, nil, 0))
	return x
}

// OpenTxns opens the index in f, which may be missing, to be looked up only if
// sealed. An active index is checked entry by entry; of a mapped one just the
// ends are. The error is ErrCorrupt, ErrVersion, or the file's.
func OpenTxns(f File, base int64, sealed bool) (*Txns, error) {
	x := &Txns{base: base}
	err := x.open(&txnLayout, f, sealed, Options{BytesMax: math.MaxInt32})
	if errors.Is(err, fs.ErrNotExist) {
		x = NewTxns(f, base)
		x.sealed = sealed
		return x, nil
	}
	if err != nil {
		return nil, err
	}
	x.onFile = true
	last := base - 1
	t := x.table.Load()
	for i, n := 0, t.len(); i < n; i++ {
		if t.mapped && i > 0 {
			break // the rest would cost its pages
		}
		txn, err := decodeTxn(t.slot(i), last)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("index: transaction %d: %w", i, err), x.Close())
		}
		last = txn.LastOffset
	}
	return x, nil
}

// Append adds a transaction, whose marker must be behind the last one's.
func (x *Txns) Append(txn AbortedTxn) error {
	if err := x.writable(); err != nil {
		return err
	}
	last := x.base - 1
	if e, ok := x.table.Load().tail(); ok {
		last = e.key
	}
	var slot [txnEntryBytes]byte
	encodeTxn(slot[:], txn)
	switch _, err := decodeTxn(slot[:], last); {
	case x.Len() >= x.countMax:
		return ErrFull
	case err != nil:
		return fmt.Errorf("index: transaction %+v: %w", txn, ErrOrder)
	}
	return x.addBy(func(b []byte) { copy(b, slot[:]) })
}

func encodeTxn(b []byte, txn AbortedTxn) {
	binary.BigEndian.PutUint16(b, txnVersion)
	binary.BigEndian.PutUint64(b[2:], uint64(txn.ProducerID))
	binary.BigEndian.PutUint64(b[10:], uint64(txn.FirstOffset))
	binary.BigEndian.PutUint64(b[18:], uint64(txn.LastOffset))
	binary.BigEndian.PutUint64(b[26:], uint64(txn.LastStableOffset))
}

// Collect appends to dst the transactions that reach into the offsets from from
// up to upto. complete tells that no later segment's index has more of them.
func (x *Txns) Collect(dst []AbortedTxn, from, upto int64) (_ []AbortedTxn, complete bool, err error) {
	t := x.table.Load()
	if t.closed {
		return dst, false, ErrClosed
	}
	n := t.len()
	var bad error
	err = t.guard(func() {
		for i := t.search(n, t.layout.key, from-1) + 1; i < n; i++ {
			var txn AbortedTxn
			if txn, bad = decodeTxn(t.slot(i), -1); bad != nil {
				return
			}
			if txn.FirstOffset < upto {
				dst = append(dst, txn)
			}
			if txn.LastStableOffset >= upto {
				complete = true
				return
			}
		}
	})
	return dst, complete, errors.Join(err, bad)
}

// Last returns the last transaction, if there is one.
func (x *Txns) Last() (txn AbortedTxn, ok bool) {
	t := x.table.Load()
	n := t.len()
	if n == 0 || t.closed {
		return AbortedTxn{}, false
	}
	err := t.guard(func() { txn, _ = decodeTxn(t.slot(n-1), -1) })
	return txn, err == nil
}

// Truncate drops the transactions whose markers are at and above offset. A
// sealed index is never cut in place: see CopyTo.
func (x *Txns) Truncate(offset int64) error {
	return x.truncate(x.layout.key, max(offset, 0))
}

// CopyTo makes an active index over f of the transactions that end below
// offset. The file is written, and so made, only if there are any.
func (x *Txns) CopyTo(f File, offset int64) (*Txns, error) {
	dst := &Txns{base: x.base}
	t := x.table.Load()
	slot, _, err := t.floor(x.layout.key, offset-1)
	if err != nil {
		return nil, err
	}
	kept, err := t.clone(slot+1, slot+1)
	if err != nil {
		return nil, err
	}
	dst.init(x.layout, f, Options{BytesMax: math.MaxInt32}, kept)
	return dst, nil
}

// Flush writes what the file lacks, and cuts what it has too many.
func (x *Txns) Flush() error {
	x.onFile = x.onFile || x.Len() > 0
	return x.entries.Flush()
}

// Sync makes durable what was flushed before.
func (x *Txns) Sync() error {
	if !x.onFile {
		return nil
	}
	return x.entries.Sync()
}

// Seal makes the file exact and durable, if there is one, and moves lookups onto
// a mapping of it.
func (x *Txns) Seal() error {
	if x.Len() == 0 && !x.onFile && x.writable() == nil {
		x.sealed = true
		return nil
	}
	x.onFile = true
	return x.entries.Seal()
}

// ReviveTxns opens the index in f, which may be missing, as an active one that
// may have been left at any moment: it holds the entries whose markers are below
// offset, and the file follows at the next Flush. An error comes with the
// entries before it, where it is ErrCorrupt or ErrVersion.
func ReviveTxns(f File, base, offset int64) (*Txns, error) {
	x := NewTxns(f, base)
	size, err := f.Size()
	if errors.Is(err, fs.ErrNotExist) {
		return x, nil
	}
	if err != nil {
		return nil, fmt.Errorf("index: size: %w", err)
	}
	x.onFile = true
	for txn, err := range AbortedTxns(f, base) {
		if err == nil && txn.LastOffset < offset {
			err = x.Append(txn)
		} else if err == nil {
			break
		}
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
			return nil, err
		}
		if err != nil {
			x.flushedBytes, x.surplus = x.Bytes(), true
			return x, err
		}
	}
	x.flushedBytes = x.Bytes()
	x.surplus = x.flushedBytes < size
	return x, nil
}
