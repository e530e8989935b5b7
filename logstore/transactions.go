package logstore

import (
	"github.com/google/btree"
)

// transaction is one of a producer's in a log. It begins with its first batch,
// and with nothing before that: what was not appended cannot be lost.
type transaction struct {
	producerID int64
	first      int64 // offset of its first batch
	at         mark  // of first; without a segment where it is not known yet
	beganMs    int64 // the log's time then, or, if it was found by an open, the batch's

	// Of one that has ended.
	marker  int64 // offset of the marker
	aborted bool
	stable  int64 // what no transaction that ends later begins below
}

// transactions are those of a log that hold its last stable offset down. The
// holder of Log.mu owns them.
type transactions struct {
	some bool                        // there is any
	open *btree.BTreeG[*transaction] // by first offset
	// decided are those whose marker may still be lost: it is not below the high
	// watermark. The same by first offset and in the order of their markers.
	decided *btree.BTreeG[*transaction]
	queue   []*transaction
}

func newTransactions() transactions {
	byFirst := func(a, b *transaction) bool { return a.first < b.first }
	return transactions{open: btree.NewG(8, byFirst), decided: btree.NewG(8, byFirst)}
}

func (ts *transactions) begin(t *transaction) {
	ts.open.ReplaceOrInsert(t)
	ts.count()
}

// count notes whether there is any.
func (ts *transactions) count() { ts.some = ts.open.Len()+ts.decided.Len()+len(ts.queue) > 0 }

// end takes the transaction that began at first off the open ones. Those that
// end later begin at or above its stable offset: searches in the index go by it.
func (ts *transactions) end(first, marker int64, aborted bool) *transaction {
	t, ok := ts.open.Delete(&transaction{first: first})
	ts.count()
	if !ok {
		return nil
	}
	t.marker, t.aborted, t.stable = marker, aborted, marker+1
	if next, ok := ts.open.Min(); ok {
		t.stable = next.first
	}
	return t
}

// decide keeps an ended transaction until its marker is below the high watermark.
func (ts *transactions) decide(t *transaction) {
	ts.decided.ReplaceOrInsert(t)
	ts.queue = append(ts.queue, t)
	ts.count()
}

// settle forgets the decided transactions whose markers lie below the offset.
func (ts *transactions) settle(high int64) {
	n := 0
	for n < len(ts.queue) && ts.queue[n].marker < high {
		ts.decided.Delete(ts.queue[n])
		ts.queue[n] = nil
		n++
	}
	if ts.queue = ts.queue[n:]; len(ts.queue) == 0 {
		ts.queue = nil
	}
	ts.count()
}

// firstUnstable is the first transaction that is open or not decided for good.
func (ts *transactions) firstUnstable() *transaction {
	t, _ := ts.open.Min()
	if d, ok := ts.decided.Min(); ok && (t == nil || d.first < t.first) {
		return d
	}
	return t
}

// allOpen is the open transactions by first offset.
func (ts *transactions) allOpen() []*transaction {
	all := make([]*transaction, 0, ts.open.Len())
	ts.open.Ascend(func(t *transaction) bool { all = append(all, t); return true })
	return all
}
