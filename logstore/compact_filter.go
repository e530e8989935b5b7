package logstore

import (
	"math"

	"moldau/index"
	"moldau/logstore/record"
)

// batchFilter says what is left of each batch of a log that is read from its
// beginning.
type batchFilter struct {
	keys         *keyMap
	gone         *superseded // of what is mapped
	digest       func(key []byte) keyDigest
	mapped       int64 // offset: below it, from firstDirty on, all keys are in the map
	limit        int64 // offset: what ends there stays, so that the end is known
	nowMs        int64
	retentionMs  int64 // of tombstones and markers
	unpackedMax  int
	producers    map[int64]lastOfProducer
	transactions *compactedTxns
	enter        func(index.AbortedTxn) error // into the index of the segment being written

	left     *leftBehind
	it       record.Iterator
	rewriter record.Rewriter
	empty    []byte
	plain    bool     // the batch being judged is uncompressed
	kept     []uint64 // bit set of the records of a batch that stay
	group    judged   // of the records being judged

	tally compactTally
}

// compactTally counts what a compaction did.
type compactTally struct {
	records    int64 // read
	removed    int64
	keyless    int64 // of these, without a key
	undecoded  int   // batches that stay because they cannot be read
	undecodedW error // why the first of them cannot
	mapped     int64 // bytes read for their keys
	read       int64 // bytes
	written    int64 // bytes
}

// lastOfProducer is the last that is known of an active producer.
type lastOfProducer struct {
	offset int64 // of its last batch of data, -1 none
	epoch  int16
}

// lastOfProducers is so of all producers. The caller holds l.mu, and has loaded
// them.
func (l *Log) lastOfProducers() map[int64]lastOfProducer {
	all := make(map[int64]lastOfProducer, len(l.producers.byID))
	for id, p := range l.producers.byID {
		last := lastOfProducer{-1, p.epoch}
		if b := p.last(); b != nil {
			last.offset = b.lastOffset
		}
		all[id] = last
	}
	return all
}

// leftover is what compaction leaves of a batch.
type leftover uint8

const (
	leftNothing leftover = iota
	leftWhole            // as it is
	leftOther            // another batch, in its place
)

// filter returns what is left of a batch: nothing, the batch, or another one that
// is valid until the next call. growth is by how many bytes that may be longer.
func (f *batchFilter) filter(b compactedBatch, growth int64) (record.Batch, leftover, error) {
	f.tally.records += int64(max(b.Count(), 0))
	switch {
	case b.bad != nil:
		if b.Transactional() {
			f.transactions.data(b.Batch)
		}
		f.undecoded(b.Batch, b.bad)
		return nil, leftWhole, nil
	case b.Control():
		return f.control(b.Batch, growth)
	case f.transactions.data(b.Batch), b.Count() == 0:
		return f.none(b.Batch)
	}
	return f.data(b.Batch, growth)
}

// undecoded keeps a batch of which the records cannot be read.
func (f *batchFilter) undecoded(b record.Batch, why error) {
	f.left.note(b)
	if f.tally.undecoded++; f.tally.undecoded == 1 {
		f.tally.undecodedW = why
	}
}

// passed counts records that went unread.
func (f *batchFilter) passed(records int64) {
	f.tally.records += records
	f.tally.removed += records
}

// none is filter of a batch of which no record stays. Some stay without: what a
// producer is remembered by, and the last before what was not compacted.
func (f *batchFilter) none(b record.Batch) (record.Batch, leftover, error) {
	f.tally.removed += int64(b.Count())
	if !f.remembered(b) {
		return nil, leftNothing, nil
	}
	if b.Count() == 0 {
		return nil, leftWhole, nil
	}
	f.empty = record.AppendEmpty(f.empty[:0], b)
	return f.empty, leftOther, nil
}

// remembered tells that a batch must not go, whatever becomes of its records. Of
// a producer of which no data is known the markers of its epoch tell that.
func (f *batchFilter) remembered(b record.Batch) bool {
	if b.LastOffset()+1 == f.limit {
		return true
	}
	if b.ProducerID() < 0 {
		return false
	}
	p, active := f.producers[b.ProducerID()]
	if !active {
		return false
	}
	if p.offset >= 0 {
		return b.LastOffset() == p.offset
	}
	return b.Control() && b.ProducerEpoch() == p.epoch
}

// control is filter of a control batch. Once nothing is left of its transaction it
// gets a delete horizon, and goes when that is past.
func (f *batchFilter) control(b record.Batch, growth int64) (record.Batch, leftover, error) {
	free, err := f.transactions.marker(b, f.enter)
	switch {
	case err != nil:
		return nil, leftWhole, err
	case !free:
		return nil, leftWhole, nil
	case b.Count() == 0, f.expired(b):
		return f.none(b)
	case b.HasDeleteHorizon():
		return nil, leftWhole, nil
	}
	return f.rewrite(b, f.horizon(), growth, func(int) bool { return true })
}

// expired tells that the batch has a delete horizon, which is past.
func (f *batchFilter) expired(b record.Batch) bool {
	return b.HasDeleteHorizon() && f.nowMs >= b.BaseTimestamp()
}

func (f *batchFilter) horizon() int64 {
	if f.retentionMs > math.MaxInt64-f.nowMs {
		return math.MaxInt64
	}
	return f.nowMs + f.retentionMs
}

// data is filter of a batch of records.
func (f *batchFilter) data(b record.Batch, growth int64) (record.Batch, leftover, error) {
	judged, err := f.judge(b)
	if err != nil {
		f.undecoded(b, err)
		return nil, leftWhole, nil
	}
	horizon := int64(0)
	if judged.tombstones && !b.HasDeleteHorizon() && b.LastOffset() < f.mapped {
		horizon = f.horizon()
	}
	switch {
	case judged.kept == 0:
		f.tally.keyless += judged.keyless
		return f.none(b)
	case judged.kept == int64(b.Count()) && horizon == 0:
		return nil, leftWhole, nil
	}
	var out record.Batch
	left := leftOther
	if horizon == 0 && f.plain { // never longer
		out, err = f.rewriter.Finish()
	} else {
		out, left, err = f.rewrite(b, horizon, growth, func(i int) bool { return f.kept[i/64]&(1<<(i%64)) != 0 })
	}
	if left == leftOther {
		f.tally.keyless += judged.keyless
		f.tally.removed += int64(b.Count()) - judged.kept
	}
	return out, left, err
}

// judgement is what is to stay of a batch, beside the bits in kept.
type judgement struct {
	kept, keyless int64 // records
	tombstones    bool  // there are some among those that stay
}

// judge goes through the records of a batch. What stays of one that is uncompressed
// is in the rewriter then, which saves a second walk where no horizon is to be set.
func (f *batchFilter) judge(b record.Batch) (j judgement, err error) {
	if err := f.it.Reset(b, f.unpackedMax); err != nil {
		return j, err
	}
	f.rewriter.Reset(b, 0)
	f.plain = b.Codec() == record.None
	f.kept = f.kept[:0] // grows with the records that are there, not with the count, which may lie
	expired := f.expired(b) && !f.left.before(b)
	for f.it.Next() {
		r := f.it.Record()
		v := judgedRecord{offset: r.Offset, span: f.it.Span(), keyless: r.Key == nil, tombstone: r.Value == nil}
		switch {
		case r.Offset >= f.mapped:
			v.stays = true
		case r.Key == nil, r.Value == nil && expired:
		case f.gone.knows(r.Offset): // one that could not be mapped, and can be read now, stays, too
			v.stays = !f.gone.has(r.Offset)
		default:
			v.looked = true
			f.group.digests = append(f.group.digests, f.digest(r.Key))
		}
		if f.group.records = append(f.group.records, v); len(f.group.records) == keysTouched {
			f.decide(&j)
		}
	}
	f.decide(&j)
	return j, f.it.Err()
}

// judged are up to keysTouched records of a batch, whose keys are looked up
// together.
type judged struct {
	records []judgedRecord
	digests []keyDigest // of those to be looked up
}

type judgedRecord struct {
	offset             int64
	span               record.Span // in a batch that is uncompressed
	keyless, tombstone bool
	looked             bool // up in the map: it stays if it is the newest of its key
	stays              bool
}

// decide ends a group: a record stays if it is the newest of its key, as far as the
// map knows, and no tombstone that was there for long enough.
func (f *batchFilter) decide(j *judgement) {
	digests, bits := f.group.digests, uint64(0)
	if len(f.keys.slots) > 0 {
		f.keys.touch(digests)
	}
	for i, v := range f.group.records {
		if v.looked {
			v.stays = v.offset >= f.keys.newest(digests[0])
			digests = digests[1:]
		}
		switch {
		case v.stays:
			bits |= 1 << i
			j.kept++
			if f.plain {
				f.rewriter.KeepSpan(v.span)
			}
			j.tombstones = j.tombstones || v.tombstone
		case v.keyless:
			j.keyless++
		}
	}
	if len(f.group.records) > 0 {
		f.kept = append(f.kept, bits)
	}
	f.group.records, f.group.digests = f.group.records[:0], f.group.digests[:0]
}

// rewrite is filter of a batch of which some records stay, or all with a horizon.
// Where that would be longer than there is room for, the batch stays as it is:
// what has gone elsewhere may be in it still.
func (f *batchFilter) rewrite(b record.Batch, horizonMs, growth int64, keep func(i int) bool) (record.Batch, leftover, error) {
	err := f.it.Reset(b, f.unpackedMax)
	if err != nil {
		f.undecoded(b, err)
		return nil, leftWhole, nil
	}
	f.rewriter.Reset(b, horizonMs)
	for i := 0; f.it.Next(); i++ {
		if keep(i) {
			f.rewriter.Keep(&f.it)
		}
	}
	out, err := f.rewriter.Finish()
	if f.it.Err() != nil {
		err = f.it.Err()
	}
	if err != nil {
		f.undecoded(b, err)
		return nil, leftWhole, nil
	}
	if int64(len(out)-len(b)) > growth {
		f.left.note(b)
		return nil, leftWhole, nil
	}
	return out, leftOther, nil
}
