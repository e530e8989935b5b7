package logstore

import (
	"fmt"

	"moldau/logstore/record"
)

// Marker ends a producer's transaction in a log. Its coordinator writes one to
// every log that the transaction touched.
type Marker struct {
	ProducerID int64
	// ProducerEpoch is, under version 2, above that of the transaction: the next
	// one's, so that nothing which comes late of this one can hit that (KIP-890).
	ProducerEpoch int16
	// CoordinatorEpoch is the leader epoch of the coordinator's partition. A
	// coordinator that was replaced writes no more.
	CoordinatorEpoch int32
	Commit           bool // abort otherwise
	// TransactionVersion is 2 where every transaction has an epoch of its own, and
	// less where the epoch changes with the producer's process only.
	TransactionVersion int16
}

// endMarkerBytesMax bounds what a control batch may unpack to.
const endMarkerBytesMax = 1 << 20

// AppendMarker ends the producer's open transaction, as the log's leader. Where
// it has none here the marker is written all the same, and nothing is aborted:
// a coordinator that does not know whether it was heard asks again.
//
// As with [Log.AppendLeader], what is returned is written and not yet durable.
// ErrProducerEpoch and ErrCoordinatorEpoch tell that the marker is of the past.
func (l *Log) AppendMarker(m Marker, leaderEpoch int32) (Appended, error) {
	c, nowMs := l.config.Load(), l.store.nowMs()
	a := Appended{TimestampMs: -1}
	if c.TimestampType == LogAppendTime {
		a.TimestampMs = nowMs
	}
	if m.ProducerID < 0 || m.ProducerEpoch < 0 {
		return a, l.wrap("append marker", refuse("a marker needs a producer and its epoch"))
	}
	batch, err := m.batch(nowMs, c.TimestampType == LogAppendTime)
	if err != nil {
		return a, l.wrap("append marker", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err = l.leads(leaderEpoch)
	a.Start = l.start.Load()
	if err == nil {
		err = l.producers.checkMarker(m)
	}
	if err == nil {
		a.First = l.Offset(LogEnd)
		a.Last = a.First
		batch.SetBaseOffset(a.First)
		batch.SetLeaderEpoch(leaderEpoch)
		err = l.write(batch, a.Last)
	}
	return a, l.wrap("append marker", err)
}

// batch is the control batch that Kafka writes.
func (m Marker) batch(nowMs int64, logAppendTime bool) (record.Batch, error) {
	kind := record.ControlAbort
	if m.Commit {
		kind = record.ControlCommit
	}
	b := record.NewBuilder(record.BuilderOptions{
		Producer:      &record.Producer{ID: m.ProducerID, Epoch: m.ProducerEpoch, BaseSequence: -1},
		Transactional: true, Control: true, LogAppendTime: logAppendTime,
	})
	b.Append(nowMs, record.ControlKey(kind), record.EndOfTransaction(m.CoordinatorEpoch))
	return b.Finish()
}

// checkMarker compares a marker with what is remembered of its producer.
func (ps *producers) checkMarker(m Marker) error {
	p := ps.byID[m.ProducerID]
	if p == nil {
		return nil
	}
	// Under version 2 an equal epoch is that of the transaction which came after
	// the one meant (KAFKA-17754), unless none is open: then it is the same marker
	// once more, whose first answer was lost (KAFKA-19999).
	late := m.ProducerEpoch < p.epoch || m.TransactionVersion >= 2 && m.ProducerEpoch == p.epoch && p.txnFirst >= 0
	switch {
	case late:
		return fmt.Errorf("%w: marker of producer %d with epoch %d, current is %d", ErrProducerEpoch, m.ProducerID, m.ProducerEpoch, p.epoch)
	case m.CoordinatorEpoch < p.coordinatorEpoch:
		return fmt.Errorf("%w: %d, producer %d was last ended by %d", ErrCoordinatorEpoch, m.CoordinatorEpoch, m.ProducerID, p.coordinatorEpoch)
	}
	return nil
}

// endMarker is what a control batch says of a transaction.
type endMarker struct {
	commit           bool
	coordinatorEpoch int32
	timestampMs      int64
}

// endOf decodes a control batch. ok is false where it ends no transaction: it is
// of another type, or compaction has left its header only.
func endOf(b record.Batch) (end endMarker, ok bool) {
	if len(b) < b.Size() {
		return endMarker{}, false // longer than a window: no marker is
	}
	for r, err := range b.Records(endMarkerBytesMax) {
		if err != nil {
			return endMarker{}, false
		}
		kind, err := r.ControlType()
		if err != nil || kind != record.ControlAbort && kind != record.ControlCommit {
			return endMarker{}, false
		}
		epoch, err := r.CoordinatorEpoch()
		return endMarker{kind == record.ControlCommit, epoch, r.TimestampMs}, err == nil
	}
	return endMarker{}, false
}
