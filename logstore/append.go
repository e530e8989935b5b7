package logstore

import (
	"errors"
	"fmt"
	"math"

	"moldau/index"
	"moldau/logstore/record"
)

// AppendLeader appends one or more whole client batches under a leader epoch.
// It checks them, stamps offsets and epoch into batches, in place, and writes
// them with one system call; batches may be reused when it returns.
//
// What was appended is written, not yet durable: [Log.Wait] for HighWatermark
// at Last+1 is what acks=all waits for, whether or not it was a duplicate.
//
// Errors of the batch: those of package record for length, magic, codec and
// CRC, *RecordError, ErrTooLarge, ErrTooLargeForSegment, ErrSequence,
// ErrProducerEpoch, ErrTransactionState. Of the log: ErrFencedEpoch, ErrNoSpace,
// ErrPoisoned, ErrClosed, ErrReadOnly.
func (l *Log) AppendLeader(batches []byte, epoch int32) (Appended, error) {
	return l.AppendLeaderWith(batches, epoch, AppendOptions{})
}

// AppendLeaderWith is AppendLeader with options.
func (l *Log) AppendLeaderWith(batches []byte, epoch int32, o AppendOptions) (Appended, error) {
	a, run, err := l.lead(batches, epoch, o, false)
	if run {
		go l.store.committer.run()
	}
	return a, err
}

// lead is AppendLeaderWith for a caller who may claim the commit that the append
// needs: if run is true, it is to call the committer's run or runOnce.
func (l *Log) lead(batches []byte, epoch int32, o AppendOptions, claim bool) (a Appended, run bool, err error) {
	c, nowMs := l.config.Load(), l.store.nowMs()
	if err := l.admitAll(batches, o, c, nowMs); err != nil {
		return Appended{}, false, l.wrap("append", err)
	}
	a = Appended{TimestampMs: -1}
	if c.TimestampType == LogAppendTime {
		a.TimestampMs = nowMs
	}
	if !l.active().isOpen() {
		l.store.awaitFiles()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a.Start = l.start.Load()
	if err := l.leads(epoch); err != nil {
		return a, false, l.wrap("append", err)
	}
	// Not before: leads may give up the lock to wait for a disk, and a commit that was
	// asked for meanwhile would wait as long, with all that come after it.
	l.commit.claiming = claim
	err = l.appendLeader(batches, epoch, o, &a)
	run = l.commit.claimed
	l.commit.claiming, l.commit.claimed = false, false
	return a, run, l.wrap("append", err)
}

// admitAll is admit of one or more whole batches.
func (l *Log) admitAll(batches []byte, o AppendOptions, c *Config, nowMs int64) error {
	for rest := batches; ; {
		b, tail, err := record.Next(rest)
		if err == nil {
			err = l.admit(b, o, c, nowMs)
		}
		if err != nil {
			return err
		}
		if rest = tail; len(rest) == 0 {
			return nil
		}
	}
}

// leads tells why the leader of that epoch may not append. The caller holds l.mu,
// which may be given up meanwhile.
func (l *Log) leads(epoch int32) error {
	if err := l.ready(); err != nil {
		return err
	}
	if current := l.epochs.current - 1; int64(epoch) < current {
		return fmt.Errorf("%w: %d, the log is at %d", ErrFencedEpoch, epoch, current)
	}
	return nil
}

// appendLeader appends for the leader of that epoch, which it is. The caller holds
// l.mu, which is not given up.
func (l *Log) appendLeader(batches []byte, epoch int32, o AppendOptions, a *Appended) error {
	if seen, ok, err := l.sequenced(batches, o); err != nil || ok {
		a.First, a.Last, a.Duplicate = seen.firstOffset(), seen.lastOffset, ok
		if a.TimestampMs >= 0 {
			a.TimestampMs = seen.timestampMs
		}
		return err
	}
	a.number(batches, l.Offset(LogEnd), epoch)
	return l.write(batches, a.Last)
}

// number stamps batches that were admitted, from the offset first on.
func (a *Appended) number(batches []byte, first int64, epoch int32) {
	next := first
	for rest := batches; len(rest) > 0; {
		b, tail, _ := record.Next(rest)
		b.SetBaseOffset(next)
		b.SetLeaderEpoch(epoch)
		next = b.LastOffset() + 1
		rest = tail
	}
	a.First, a.Last = first, next-1
}

// sequenced checks the batch of an idempotent producer, which comes alone: each
// has to be judged by the state after the one before it. ok tells that it was
// seen before, and where.
func (l *Log) sequenced(batches []byte, o AppendOptions) (seen producerBatch, ok bool, err error) {
	b, rest, _ := record.Next(batches)
	for more := rest; len(more) > 0; {
		next, tail, _ := record.Next(more)
		if next.ProducerID() >= 0 || b.ProducerID() >= 0 {
			return seen, false, refuse("batches of idempotent producers are appended one by one")
		}
		more = tail
	}
	if b.ProducerID() < 0 {
		return seen, false, nil
	}
	v, seen, err := l.producers.check(b, o)
	if v == unknown {
		// Rare: a client resends across a clean restart of the store.
		if refillErr := l.refillProducers(); refillErr != nil {
			return seen, false, errors.Join(err, refillErr)
		}
		v, seen, err = l.producers.check(b, o)
	}
	return seen, v == duplicate, err
}

// write puts numbered batches at the end: bytes, index entries, the segment's
// published end, the log's end, in this order, so that a reader who sees an end
// finds what is below it.
func (l *Log) write(batches []byte, last int64) error {
	if err := l.store.room(int64(len(batches))); err != nil {
		return err
	}
	s, err := l.segmentFor(batches, last, l.config.Load())
	if err == nil {
		err = l.touch()
	}
	if err != nil {
		return err
	}
	_, err = s.data.WriteAt(batches, s.size())
	return l.written(s, [][]byte{batches}, last, err)
}

// written takes up what a write of appends, up to the offset last, came to.
func (l *Log) written(s *segment, appends [][]byte, last int64, err error) error {
	position, c, counters := s.size(), l.config.Load(), &l.store.counters
	if err != nil {
		return l.undoWrite(s, position, err)
	}
	for _, batches := range appends {
		if err := l.indexBatches(s, batches, position, c); err != nil {
			return l.poison(err) // the indexes no longer tell what the file holds
		}
		position += int64(len(batches))
	}
	counters.appends.Add(int64(len(appends)))
	counters.appendedBytes.Add(position - s.size())
	l.publish(s, placeAt(last+1-s.base, position))
	return nil
}

// indexBatches enters batches, written from position on, into the segment's
// indexes, the epochs and the producers' state.
func (l *Log) indexBatches(s *segment, batches []byte, position int64, c *Config) error {
	nowMs, count := l.store.nowMs(), int64(0)
	for rest := batches; len(rest) > 0; {
		b, tail, _ := record.Next(rest)
		if err := s.note(b, position, c.IndexIntervalBytes); err != nil {
			return err
		}
		if epoch := b.LeaderEpoch(); epoch >= 0 {
			l.epochs.assign(epoch, b.BaseOffset())
		}
		ended := l.producers.update(b, mark{s, placeAt(b.BaseOffset()-s.base, position)}, nowMs)
		if err := s.noteEnd(ended); err != nil {
			return err
		}
		if ended != nil {
			l.producers.txns.decide(ended)
		}
		position += int64(b.Size())
		rest = tail
		count++
	}
	l.store.counters.batches.Add(count)
	return nil
}

// note enters one batch into the segment's indexes: an entry for each batch
// before which the interval's bytes were written, none for the first.
func (s *segment) note(b record.Batch, position, intervalBytes int64) error {
	if ts := b.MaxTimestamp(); ts > s.timestampMax.Load() {
		s.timestampMax.Store(ts)
		s.tail.timestampMaxOffset = b.LastOffset()
	}
	if position == 0 {
		s.tail.timestampFirst = b.MaxTimestamp()
	}
	if s.tail.bytesSinceIndex > intervalBytes {
		if err := s.offsets.Append(b.LastOffset(), position); err != nil && !errors.Is(err, index.ErrFull) {
			return err
		}
		err := s.times.MaybeAppend(s.timestampMax.Load(), s.tail.timestampMaxOffset, false)
		if err != nil && !errors.Is(err, index.ErrFull) {
			return err
		}
		s.tail.bytesSinceIndex = 0
		s.tail.full = s.indexesFull()
	}
	s.tail.bytesSinceIndex += int64(b.Size())
	return nil
}

// undoWrite cuts off what a failed write may have left, so that the next append
// goes to where readers expect it: durably, because nobody syncs a file that is
// synced up to its end, and the next append may roll. Where that fails too, or the
// device does, nobody can tell what the file holds, and the log is poisoned. A sync
// that is under way may be what a failure is told to: it has yet to take the lock.
func (l *Log) undoWrite(s *segment, position int64, cause error) error {
	err := s.data.Truncate(position)
	if err == nil {
		err = s.data.Sync()
	}
	if err != nil || isDeviceError(cause) {
		return l.poison(errors.Join(cause, err))
	}
	return spaceError(cause)
}

// publish makes all below the place readable and sees to its durability.
func (l *Log) publish(s *segment, p place) {
	end := mark{s, p}
	l.bounds[LogEnd].store(end)
	l.dirty = true
	l.watchers.moved(LogEnd, end.offset())
	l.follow()
	l.scheduleSync()
	l.scheduleDeadlines(s)
}

// segmentFor is the segment that takes the batches: the active one, or a new
// one.
func (l *Log) segmentFor(batches []byte, last int64, c *Config) (*segment, error) {
	n := int64(len(batches))
	if n > c.SegmentBytes {
		return nil, fmt.Errorf("%w: %d bytes, segments have %d", ErrTooLargeForSegment, n, c.SegmentBytes)
	}
	b, _, err := record.Next(batches)
	if err != nil {
		return nil, err
	}
	s := l.active()
	if l.takes(s, s.size(), b, n, last, c) {
		return s, nil
	}
	return l.roll(l.Offset(LogEnd))
}

// takes tells whether a segment that has so many bytes takes n more, that begin with
// the batch b and end at the offset last.
func (l *Log) takes(s *segment, size int64, b record.Batch, n, last int64, c *Config) bool {
	return size <= c.SegmentBytes-n &&
		(size == 0 || !l.outlived(s, b.MaxTimestamp(), c)) &&
		!s.tail.full &&
		last+1-s.base <= math.MaxInt32
}

// outlived tells that the segment spans segment.ms of record time, less jitter.
func (l *Log) outlived(s *segment, timestampMs int64, c *Config) bool {
	begun := s.tail.timestampFirst
	if begun < 0 || timestampMs < 0 {
		begun, timestampMs = s.tail.createdMs, l.store.nowMs()
	}
	return timestampMs-begun > c.rollMs()-l.jitterMs
}

// rollMs is for how long a segment takes records.
func (c *Config) rollMs() int64 {
	if c.Compact { // only what is not active any more is compacted
		return min(c.SegmentMs, c.MaxCompactionLagMs)
	}
	return c.SegmentMs
}
