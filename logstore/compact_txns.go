package logstore

import (
	"cmp"
	"slices"

	"moldau/index"
	"moldau/logstore/record"
)

// compactedTxns follows the transactions of a log from batch to batch: what was
// aborted goes, and a marker may go once nothing of its transaction was met
// before it. It goes from the log's beginning to the end of a round, through all
// its groups.
type compactedTxns struct {
	collected int64                  // offset: those that reach below are known
	coming    []index.AbortedTxn     // by first offset
	aborted   map[int64]*abortedData // by producer, those that have begun
	// met holds the producers of which a transactional batch was met, and no marker
	// behind it.
	met map[int64]bool
}

// abortedData is an aborted transaction of which data may come.
type abortedData struct {
	index.AbortedTxn
	met bool // a batch of it was
}

func newCompactedTxns() *compactedTxns {
	return &compactedTxns{aborted: map[int64]*abortedData{}, met: map[int64]bool{}}
}

// collect learns which aborted transactions reach into a segment that is about to
// be read.
func (ts *compactedTxns) collect(l *Log, from, upto int64) error {
	err := l.eachAborted(from, upto, func(t index.AbortedTxn) {
		if t.FirstOffset >= ts.collected {
			ts.coming = append(ts.coming, t)
		}
	})
	slices.SortFunc(ts.coming, func(a, b index.AbortedTxn) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	ts.collected = upto
	return err
}

// begin takes up the transactions that begin at or below an offset.
func (ts *compactedTxns) begin(offset int64) {
	n := 0
	for ; n < len(ts.coming) && ts.coming[n].FirstOffset <= offset; n++ {
		ts.aborted[ts.coming[n].ProducerID] = &abortedData{AbortedTxn: ts.coming[n]}
	}
	ts.coming = ts.coming[n:]
}

// data tells whether a batch of data was aborted.
func (ts *compactedTxns) data(b record.Batch) bool {
	ts.begin(b.LastOffset())
	if !b.Transactional() {
		return false
	}
	ts.met[b.ProducerID()] = true
	a := ts.aborted[b.ProducerID()]
	if a == nil || b.BaseOffset() >= a.LastOffset {
		return false
	}
	a.met = true
	return true
}

// marker tells whether a control batch may go: it ends nothing that was met. An
// abort that must stay is entered into the index of the segment being written.
func (ts *compactedTxns) marker(b record.Batch, enter func(index.AbortedTxn) error) (free bool, err error) {
	ts.begin(b.LastOffset())
	if b.Count() == 0 {
		return true, nil // it was free before
	}
	end, ok := endOf(b)
	if !ok {
		return false, nil // of another kind
	}
	id := b.ProducerID()
	free = !ts.met[id]
	delete(ts.met, id)
	a := ts.aborted[id]
	delete(ts.aborted, id)
	if !end.commit && a != nil && a.LastOffset == b.BaseOffset() && a.met {
		return false, enter(a.AbortedTxn)
	}
	return free, nil
}
