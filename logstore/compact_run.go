package logstore

import (
	"errors"

	"moldau/logstore/record"
)

// compactor compacts one log after the other. Its memory is reused.
type compactor struct {
	store  *Store
	keys   *keyMap
	gone   superseded
	runs   stretches
	read   batchReader
	again  batchReader // of what was read before
	out    compactOutput
	batch  []keyAt                // of the batch being mapped
	few    [keysTouched]keyDigest // of them, those whose slots are fetched
	digest func(key []byte) keyDigest
	stop   <-chan struct{}
}

// keyAt is a key on its way into the map.
type keyAt struct {
	digest keyDigest
	offset int64
}

// keysPerBatch is of how many records a batch may be to be mapped in one go.
// Larger ones are walked first: none of a batch that cannot be read may be
// mapped.
const keysPerBatch = 1 << 14

func newCompactor(s *Store) *compactor {
	bytes := s.opt.CompactionMapBytes / int64(max(s.opt.CompactionWorkers, 1))
	c := &compactor{store: s, keys: newKeyMap(bytes), gone: newSuperseded(bytes / 16), runs: newStretches(bytes / 16), digest: s.opt.digest}
	if c.digest == nil {
		secret := newDigestSecret(s.opt.Rand)
		c.digest = secret.digest
	}
	return c
}

// compactRun is the compaction of one log.
type compactRun struct {
	*compactor
	log    *Log
	config *Config
	nowMs  int64
	done   LogCompacted
	left   leftBehind
	next   int64 // offset up to which earlier rounds came
}

// run compacts a log, for as many rounds as it takes. The caller has begun it.
func (c *compactor) run(l *Log, nowMs int64, stop <-chan struct{}) (LogCompacted, error) {
	r := &compactRun{compactor: c, log: l, config: l.config.Load(), nowMs: nowMs, left: newLeftBehind()}
	r.done.Log = l.tp
	c.stop = stop
	defer c.shrink()
	err := r.clearLitter()
	for more := true; more && err == nil; {
		more, err = r.round()
	}
	return r.done, err
}

// shrink gives back what only large batches and many keys needed.
func (c *compactor) shrink() {
	c.keys.reset()
	c.gone.reset(0)
	c.runs.reset()
	for _, b := range []*[]byte{&c.read.buffer, &c.again.buffer, &c.out.pending} {
		if cap(*b) > 2*scanWindowBytes {
			*b = nil
		}
	}
	c.read.window, c.again.window = nil, nil
}

// clearLitter clears up behind an earlier compaction. Beside what one leaves a start
// would take a swap for a part of something that was not complete.
func (r *compactRun) clearLitter() error {
	r.log.upkeep.Lock()
	defer r.log.upkeep.Unlock()
	return errors.Join(r.log.writable(), r.log.removeLitter())
}

// stopped tells why the run is not to go on.
func (c *compactor) stopped() error {
	select {
	case <-c.stop:
		return errStopped
	default:
		return nil
	}
}

// round compacts what is dirty as far as the map holds its keys. more tells that
// there is more.
func (r *compactRun) round() (more bool, err error) {
	plan := r.log.pinCompaction(r.config, r.nowMs)
	defer plan.release()
	plan.firstDirty = max(plan.firstDirty, r.next)
	if plan.firstDirty >= plan.limit {
		return false, nil
	}
	f, err := r.newFilter(&plan)
	if err != nil {
		return false, err
	}
	defer f.it.Close()
	defer r.count(f)
	for _, in := range plan.inputs {
		if err := in.load(); err != nil {
			return false, r.log.unlessRetired(in, err)
		}
	}
	if f.mapped, err = r.mapKeys(&plan, f); err != nil {
		return false, err
	}
	r.done.MapUsed = max(r.done.MapUsed, float64(r.keys.used)/float64(roomFor(r.keys.slotsMax)))
	for rest := plan.below(f.mapped); len(rest) > 0; {
		n := groupOf(rest, r.config)
		if err := r.compactGroup(rest[:n], f); err != nil {
			return false, err
		}
		rest = rest[n:]
	}
	if err := r.log.noteCompacted(f.mapped, r.left.from); err != nil {
		return false, err
	}
	r.next = f.mapped
	if r.done.Rounds++; r.done.Rounds == 1 {
		r.done.From = plan.firstDirty
	}
	r.done.Upto = f.mapped
	return f.mapped < plan.limit, nil
}

func (r *compactRun) newFilter(plan *compactPlan) (*batchFilter, error) {
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.loadState(); err != nil {
		return nil, err
	}
	r.keys.reset()
	r.gone.reset(plan.firstDirty)
	r.runs.reset()
	return &batchFilter{
		it:   record.Iterator{SkipHeaders: true}, // they stay with their record, as bytes
		keys: r.keys, gone: &r.gone, digest: r.digest, limit: plan.limit,
		nowMs: r.nowMs, retentionMs: r.config.DeleteRetentionMs, unpackedMax: r.store.opt.DecompressedBytesMax,
		producers: l.lastOfProducers(), transactions: newCompactedTxns(),
		left: &r.left,
	}, nil
}

// count adds what a round did to what the run has done.
func (r *compactRun) count(f *batchFilter) {
	d, t := &r.done, &f.tally
	d.RecordsRead, d.RecordsRemoved, d.Keyless = d.RecordsRead+t.records, d.RecordsRemoved+t.removed, d.Keyless+t.keyless
	d.BytesMapped, d.BytesRead, d.BytesWritten = d.BytesMapped+t.mapped, d.BytesRead+t.read, d.BytesWritten+t.written
	if d.Undecoded = max(d.Undecoded, t.undecoded); d.UndecodedErr == nil {
		d.UndecodedErr = t.undecodedW
	}
	c := &r.store.counters
	c.compactionRead.Add(t.mapped + t.read)
	c.compactionWritten.Add(t.written)
	c.compactionRemoved.Add(t.removed)
}

// below is the inputs that hold what lies below an offset.
func (p *compactPlan) below(offset int64) []compactInput {
	n := 0
	for n < len(p.inputs) && p.inputs[n].base < offset {
		n++
	}
	return p.inputs[:n]
}

// groupOf is how many inputs become one segment: as many as fit it, with their
// indexes and offsets.
func groupOf(inputs []compactInput, c *Config) int {
	var data, offsets, times int64
	for n, in := range inputs {
		data += in.size()
		offsets += in.offsets.Bytes()
		times += in.times.Bytes()
		if n > 0 && (data > c.SegmentBytes || offsets > c.SegmentIndexBytes || times > c.SegmentIndexBytes || in.end-inputs[0].base > 1<<31-1) {
			return n
		}
	}
	return len(inputs)
}

// begin has an input read from a position on, and what is read counted.
func (r *compactRun) begin(from *batchReader, in compactInput, position int64, count *int64) {
	from.bytesMax = int64(r.store.opt.DecompressedBytesMax)
	from.pace = func(n int64) error {
		*count += n
		return r.pace(n)
	}
	from.begin(in, position)
}

// pace waits until so many bytes may be read or written.
func (r *compactRun) pace(n int64) error {
	return errors.Join(r.stopped(), r.store.throttle.wait(n, r.stop))
}

// mapKeys enters the keys of what is dirty into the map, until it is full, and
// returns the offset below which all are in it.
func (r *compactRun) mapKeys(plan *compactPlan, f *batchFilter) (upto int64, err error) {
	transactions := newCompactedTxns()
	for _, in := range plan.inputs {
		if in.end <= plan.firstDirty {
			continue
		}
		if err := transactions.collect(r.log, max(in.base, plan.firstDirty), in.end); err != nil {
			return 0, err
		}
		position := int64(0)
		if in.base < plan.firstDirty {
			at, err := in.locate(plan.firstDirty, in.size())
			if err != nil {
				return 0, err
			}
			position = at.position
		}
		r.begin(&r.read, in, position, &f.tally.mapped)
		for {
			b, ok, err := r.read.read()
			if err != nil {
				return 0, err
			}
			if !ok {
				break
			}
			if b.bad != nil {
				r.left.note(b.Batch)
			}
			if b.Control() || b.bad != nil || transactions.data(b.Batch) {
				continue
			}
			if full, ok := r.mapBatch(b.Batch, plan.firstDirty, f); !ok {
				return full, nil
			}
			if f.mayGo(b.Batch) {
				r.runs.add(b)
			}
		}
	}
	return plan.limit, nil
}

// mapBatch enters the keys of a batch, those of which the offset is not below
// from. Where the map is full it returns the offset of the first that did not
// fit. A batch that cannot be read is left out, and behind, even if it can be read
// a moment later: none of its keys is in the map.
func (r *compactRun) mapBatch(b record.Batch, from int64, f *batchFilter) (full int64, ok bool) {
	r.batch = r.batch[:0]
	if b.Count() > keysPerBatch {
		if _, err := b.Walk(record.WalkOptions{Gaps: true, UnpackedBytesMax: f.unpackedMax}); err != nil {
			r.left.note(b)
			return 0, true
		}
	}
	if f.it.Reset(b, f.unpackedMax) != nil {
		r.left.note(b)
		return 0, true
	}
	for f.it.Next() {
		record := f.it.Record()
		if record.Key == nil || record.Offset < from {
			continue
		}
		k := keyAt{f.digest(record.Key), record.Offset}
		if b.Count() <= keysPerBatch {
			r.batch = append(r.batch, k)
		} else if !r.put(k) {
			return k.offset, false
		}
	}
	if f.it.Err() != nil {
		r.left.note(b)
		return 0, true
	}
	for i, k := range r.batch {
		if i%keysTouched == 0 {
			r.touch(r.batch[i:])
		}
		if !r.put(k) {
			return k.offset, false
		}
	}
	return 0, true
}

// put enters a key into the map, and notes the record that has it no longer.
func (c *compactor) put(k keyAt) bool {
	older, ok := c.keys.put(k.digest, k.offset)
	if older >= 0 {
		c.gone.add(older)
	}
	return ok
}

// touch fetches the slots of the first of these keys.
func (c *compactor) touch(keys []keyAt) {
	if len(c.keys.slots) == 0 {
		return
	}
	n := min(len(keys), keysTouched)
	for i := range n {
		c.few[i] = keys[i].digest
	}
	c.keys.touch(c.few[:n])
}
