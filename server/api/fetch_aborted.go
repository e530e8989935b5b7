package api

import (
	"moldau/logstore"
	"moldau/server/wire"
)

// noneAborted is an empty list. Null, which readers of uncommitted records get,
// says that nobody looked.
var noneAborted = []wire.AbortedTransaction{}

// abortedMax is how much memory of one partition's list is kept for the next
// request.
const abortedMax = 1024

// bound is what the request reads by.
func (f *fetching) bound() logstore.Bound {
	if f.req.IsolationLevel == readCommitted {
		return logstore.LastStable
	}
	return logstore.HighWatermark
}

// abortedIn is the transactions whose records a client has to leave out of what
// was read. It takes them in the order of their first offsets and drops one when
// it meets the marker, so all must be there that reach into what it gets; more do
// no harm.
func (f *fetching) abortedIn(r *reading, log *logstore.Log) ([]wire.AbortedTransaction, error) {
	r.aborted = r.aborted[:0]
	if r.fetch.Bytes == 0 {
		return noneAborted, nil
	}
	var err error
	f.aborted, err = log.AbortedTransactions(f.aborted[:0], r.asked.offset, r.fetch.Upto)
	if err == nil && log.StartOffset() > r.asked.offset {
		err = logstore.ErrOffsetRange // and nobody knows any more what was aborted there
	}
	for _, t := range f.aborted {
		r.aborted = append(r.aborted, wire.AbortedTransaction{ProducerID: t.ProducerID, FirstOffset: t.First})
	}
	if cap(f.aborted) > abortedMax {
		f.aborted = nil
	}
	if err != nil || len(r.aborted) == 0 {
		return noneAborted, err
	}
	return r.aborted, nil
}
