package logstore

import (
	"fmt"
	"math"

	"moldau/logstore/record"
)

// producerWindow is how many batches of each producer are remembered: Kafka's
// clients keep at most five requests in flight on a connection.
const producerWindow = 5

// producerBatch is a remembered batch of an idempotent producer.
type producerBatch struct {
	firstSequence, lastSequence int32
	lastOffset                  int64
	offsetDelta                 int32 // last offset - first offset
	timestampMs                 int64
}

func (b producerBatch) firstOffset() int64 { return b.lastOffset - int64(b.offsetDelta) }

// producer is what a log knows of one producer id.
type producer struct {
	epoch            int16
	coordinatorEpoch int32 // of the last marker, -1
	txnFirst         int64 // first offset of the open transaction, -1
	timestampMs      int64 // of the last batch
	seenMs           int64 // the log's time at the last batch, or when it was loaded
	// batches holds the newest count batches, oldest first. Fewer than
	// producerWindow are there after a snapshot, which has room for one.
	batches [producerWindow]producerBatch
	count   int
}

func (p *producer) last() *producerBatch {
	if p.count == 0 {
		return nil
	}
	return &p.batches[p.count-1]
}

func (p *producer) push(b producerBatch) {
	if p.count == producerWindow {
		copy(p.batches[:], p.batches[1:])
		p.count--
	}
	p.batches[p.count] = b
	p.count++
}

// producers is the idempotence state of one log. The holder of Log.mu owns it.
type producers struct {
	txns transactions // first: each append asks whether there are some
	byID map[int64]*producer
	// end is the offset up to which batches were reflected when this was loaded.
	end int64
	// partialAt is the offset of the snapshot that this was loaded from, until
	// refill; -1 otherwise. Producers may have had more batches in flight before
	// it than a snapshot remembers.
	partialAt int64
	expiryMs  int64
}

func newProducers(expiryMs int64) *producers {
	return &producers{byID: map[int64]*producer{}, txns: newTransactions(), partialAt: -1, expiryMs: expiryMs}
}

// verdict is what the sequence check says of a batch.
type verdict uint8

const (
	accepted  verdict = iota
	duplicate         // seen before; its offsets are in the remembered batch
	unknown           // out of order as far as a partial window can tell
)

// check compares a batch of an idempotent producer with what is remembered. It
// changes nothing.
func (ps *producers) check(b record.Batch, o AppendOptions) (verdict, producerBatch, error) {
	p, ok := ps.byID[b.ProducerID()]
	first := b.BaseSequence()
	switch {
	case ok:
	case o.EpochBumps && first > 0:
		return accepted, producerBatch{}, fmt.Errorf("%w: producer %d, which has an epoch for each transaction, began at %d", ErrSequence, b.ProducerID(), first)
	default:
		// Retention or DeleteRecords may have removed all that this producer
		// wrote: it may go on at any sequence.
		return accepted, producerBatch{}, nil
	}
	v, seen, err := ps.checkSequence(p, b, o)
	if v == accepted && err == nil && p.txnFirst >= 0 && !b.Transactional() {
		err = fmt.Errorf("%w: producer %d has one open since %d", ErrTransactionState, b.ProducerID(), p.txnFirst)
	}
	return v, seen, err
}

func (ps *producers) checkSequence(p *producer, b record.Batch, o AppendOptions) (verdict, producerBatch, error) {
	first := b.BaseSequence()
	switch epoch := b.ProducerEpoch(); {
	case epoch < p.epoch:
		return accepted, producerBatch{}, fmt.Errorf("%w: producer %d sent epoch %d, current is %d", ErrProducerEpoch, b.ProducerID(), epoch, p.epoch)
	case o.ByCoordinator:
		return accepted, producerBatch{}, nil
	case epoch > p.epoch:
		if first != 0 {
			return accepted, producerBatch{}, fmt.Errorf("%w: producer %d began epoch %d at sequence %d", ErrSequence, b.ProducerID(), epoch, first)
		}
		return accepted, producerBatch{}, nil
	}
	for _, seen := range p.batches[:p.count] {
		if seen.firstSequence == first && seen.lastSequence == b.LastSequence() {
			return duplicate, seen, nil
		}
	}
	last := int32(-1) // of the epoch of which a marker alone is known, the first is 0
	if newest := p.last(); newest != nil {
		last = newest.lastSequence
	}
	if first == nextSequence(last) {
		return accepted, producerBatch{}, nil
	}
	err := fmt.Errorf("%w: producer %d epoch %d sent %d, last was %d", ErrSequence, b.ProducerID(), p.epoch, first, last)
	if ps.partialAt >= 0 {
		return unknown, producerBatch{}, err
	}
	return accepted, producerBatch{}, err
}

func nextSequence(seq int32) int32 {
	if seq == math.MaxInt32 {
		return 0
	}
	return seq + 1
}

// update reflects a batch that is in the log, with its offsets, and lies at a
// place of it. It returns the transaction that the batch has ended, if it has.
// Of any batch but a control batch the header is enough.
func (ps *producers) update(b record.Batch, at mark, nowMs int64) (ended *transaction) {
	id := b.ProducerID()
	if id < 0 {
		return nil
	}
	var marker endMarker
	if b.Control() {
		var ok bool
		if marker, ok = endOf(b); !ok {
			return nil
		}
	}
	p := ps.byID[id]
	if p == nil {
		p = &producer{coordinatorEpoch: -1, txnFirst: -1}
		ps.byID[id] = p
	}
	if b.ProducerEpoch() != p.epoch {
		p.epoch, p.count = b.ProducerEpoch(), 0
	}
	p.seenMs = nowMs
	if b.Control() {
		p.timestampMs, p.coordinatorEpoch = marker.timestampMs, marker.coordinatorEpoch
		ended = ps.txns.end(p.txnFirst, b.BaseOffset(), !marker.commit)
		p.txnFirst = -1
		return ended
	}
	p.timestampMs = b.MaxTimestamp()
	if b.Transactional() && p.txnFirst < 0 {
		p.txnFirst = b.BaseOffset()
		ps.txns.begin(&transaction{producerID: id, first: p.txnFirst, at: at, beganMs: nowMs})
	}
	if b.BaseSequence() < 0 {
		return nil // a coordinator's, on the producer's behalf
	}
	p.push(producerBatch{b.BaseSequence(), b.LastSequence(), b.LastOffset(), b.LastOffsetDelta(), b.MaxTimestamp()})
	return nil
}

// seen is when each producer had its last batch; nil for none.
func (ps *producers) seen() map[int64]int64 {
	if len(ps.byID) == 0 {
		return nil
	}
	seen := make(map[int64]int64, len(ps.byID))
	for id, p := range ps.byID {
		seen[id] = p.seenMs
	}
	return seen
}

// recall has producers that were loaded again be as idle as they were: those that
// are not among seen had expired.
func (ps *producers) recall(seen map[int64]int64) {
	for id, p := range ps.byID {
		if ms, ok := seen[id]; ok {
			p.seenMs = min(p.seenMs, ms)
		} else {
			delete(ps.byID, id)
		}
	}
}

// expire forgets producers that have been idle for longer than their state is
// kept, by the log's own time: records may carry any. One with an open
// transaction stays.
func (ps *producers) expire(nowMs int64) {
	for id, p := range ps.byID {
		if p.txnFirst < 0 && nowMs-p.seenMs > ps.expiryMs {
			delete(ps.byID, id)
		}
	}
}

// refill puts batches that were found before the snapshot in front of those
// that are remembered. older is all of a log's recent batches in offset order.
func (ps *producers) refill(older []refillBatch) {
	ps.partialAt = -1
	for i := len(older) - 1; i >= 0; i-- {
		o := older[i]
		p := ps.byID[o.id]
		if p == nil || p.epoch != o.epoch || p.count == producerWindow || p.count > 0 && o.batch.lastOffset >= p.batches[0].lastOffset {
			continue
		}
		copy(p.batches[1:], p.batches[:p.count])
		p.batches[0] = o.batch
		p.count++
	}
}

// refillBatch is a batch met while walking back from a snapshot.
type refillBatch struct {
	id    int64
	epoch int16
	batch producerBatch
}
