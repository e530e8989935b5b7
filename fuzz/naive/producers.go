package naive

import (
	"maps"
	"slices"
)

// Producer is what a log knows of an idempotent producer.
type Producer struct {
	ID               int64
	Epoch            int16
	LastSequence     int32 // -1 none
	LastOffset       int64 // -1 none
	Timestamp        int64 // ms, of its last batch or marker
	CoordinatorEpoch int32 // -1 none
	TxnFirst         int64 // first offset of the open transaction, -1 none
}

// Aborted is a transaction that a marker has aborted.
type Aborted struct{ Producer, First, Last int64 }

// Transactions are what a row of batches says of producers.
type Transactions struct {
	Producers []Producer // by id
	Aborted   []Aborted  // in the order of their markers
	Index     []TxnEntry // the same, as the transaction index has them
	// Unsure tells that a control batch cannot be unpacked: what it ends is not known.
	Unsure bool
}

// Follow goes through batches from the first to the last. unpack gives the records
// of one without compression.
func Follow(batches []Batch, unpack func(*Batch) ([]byte, error)) (t Transactions) {
	all := map[int64]*Producer{}
	for i := range batches {
		b := &batches[i]
		if b.Producer < 0 {
			continue
		}
		var end marker
		if b.Control() {
			plain, err := unpack(b)
			if err != nil {
				t.Unsure = true
				continue
			}
			var ok bool
			if end, ok = b.marker(plain); !ok {
				continue
			}
		}
		p := all[b.Producer]
		if p == nil {
			p = &Producer{ID: b.Producer, LastSequence: -1, LastOffset: -1, CoordinatorEpoch: -1, TxnFirst: -1}
			all[b.Producer] = p
		}
		if p.Epoch != b.ProducerEpoch {
			p.Epoch, p.LastSequence, p.LastOffset = b.ProducerEpoch, -1, -1
		}
		if b.Control() {
			if p.TxnFirst >= 0 && !end.commit {
				t.Aborted = append(t.Aborted, Aborted{b.Producer, p.TxnFirst, b.Base})
				stable := b.Base + 1 // what is left open begins there at the earliest
				for _, other := range all {
					if other != p && other.TxnFirst >= 0 {
						stable = min(stable, other.TxnFirst)
					}
				}
				t.Index = append(t.Index, TxnEntry{b.Producer, p.TxnFirst, b.Base, stable})
			}
			p.Timestamp, p.CoordinatorEpoch, p.TxnFirst = end.timestamp, end.coordinatorEpoch, -1
			continue
		}
		p.Timestamp = b.MaxTimestamp
		if b.Transactional() && p.TxnFirst < 0 {
			p.TxnFirst = b.Base
		}
		if b.Sequence >= 0 {
			p.LastSequence, p.LastOffset = b.LastSequence(), b.Last
		}
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		t.Producers = append(t.Producers, *all[id])
	}
	return t
}

// Stable is the last stable offset of a log from start to end, all of it below the
// high watermark.
func (t *Transactions) Stable(start, end int64) int64 {
	for _, p := range t.Producers {
		if p.TxnFirst >= 0 {
			end = min(end, max(p.TxnFirst, start))
		}
	}
	return end
}

// Within are the aborted transactions that reach into the offsets from from up to upto.
func (t *Transactions) Within(from, upto int64) (all []Aborted) {
	for _, a := range t.Aborted {
		if a.Last >= from && a.First < upto && from < upto {
			all = append(all, a)
		}
	}
	return all
}

type marker struct {
	commit           bool
	coordinatorEpoch int32
	timestamp        int64 // ms
}

// marker reads the first record of a control batch. ok is false where it ends no
// transaction.
func (b *Batch) marker(plain []byte) (m marker, ok bool) {
	r := reader{b: plain}
	if b.Count == 0 {
		return m, false
	}
	rec := r.record()
	if r.err != nil || rec.Delta < 0 || rec.Delta > b.LastDelta {
		return m, false
	}
	if len(rec.Key) < 4 || rec.Key[0] > 127 || len(rec.Value) < 6 || rec.Value[0] > 127 {
		return m, false
	}
	kind := order.Uint16(rec.Key[2:])
	return marker{kind == 1, int32(order.Uint32(rec.Value[2:])), b.Timestamp(rec)}, kind <= 1
}

// Snapshot encodes producers as a producer snapshot. deltas are the offset deltas of
// their last batches, by id.
func Snapshot(all []Producer, deltas map[int64]int32) []byte {
	b := make([]byte, 10, 10+46*len(all))
	order.PutUint16(b, 1)
	order.PutUint32(b[6:], uint32(len(all)))
	for _, p := range all {
		b = order.AppendUint64(b, uint64(p.ID))
		b = order.AppendUint16(b, uint16(p.Epoch))
		b = order.AppendUint32(b, uint32(p.LastSequence))
		b = order.AppendUint64(b, uint64(p.LastOffset))
		b = order.AppendUint32(b, uint32(deltas[p.ID]))
		b = order.AppendUint64(b, uint64(p.Timestamp))
		b = order.AppendUint32(b, uint32(p.CoordinatorEpoch))
		b = order.AppendUint64(b, uint64(p.TxnFirst))
	}
	order.PutUint32(b[2:], checksum(b[6:]))
	return b
}
