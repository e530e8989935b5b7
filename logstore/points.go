package logstore

import (
	"errors"
	"fmt"
	"maps"
)

// Checkpoint flushes every log that changed and writes the recovery points, so
// that a start after a crash scans only what came later. The store does it by
// itself every Options.CheckpointMs.
func (s *Store) Checkpoint() error {
	if s.opt.ReadOnly {
		return fmt.Errorf("logstore: checkpoint: %w", ErrReadOnly)
	}
	var failed error
	for _, l := range s.Logs() {
		if err := l.checkpoint(); err != nil && !errors.Is(err, ErrClosed) {
			failed = errors.Join(failed, err)
		}
	}
	return errors.Join(failed, s.writeCheckpoints())
}

// checkpoint makes data, then indexes and epochs, durable, and notes how far.
func (l *Log) checkpoint() error {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	if err := l.writable(); err != nil {
		return nil // nothing that would be new
	}
	l.mu.Lock()
	dirty := l.dirty
	l.dirty = false
	l.producers.expire(l.store.nowMs())
	l.mu.Unlock()
	if !dirty {
		return nil
	}
	point := l.Offset(LogEnd)
	err := l.flushTo(point)
	if err == nil {
		err = l.flushBeside()
	}
	l.mu.Lock()
	if len(l.unsealed) > 0 {
		// Indexes of rolled segments are synced by sealing, which failed or has
		// yet to run; then it is the next checkpoint's turn.
		point = min(point, l.unsealed[0].segment.base)
		l.dirty = true
	}
	l.dirty = l.dirty || err != nil
	l.mu.Unlock()
	if err != nil {
		return l.wrap("checkpoint", err)
	}
	l.store.note(l.tp, point, l.start.Load())
	return nil
}

// flushBeside syncs what lies beside the active segment's data.
func (l *Log) flushBeside() error {
	l.mu.Lock()
	s := l.view.Load().active()
	err := errors.Join(s.offsets.Flush(), s.times.Flush(), s.txns.Flush())
	epochs, dirty := l.epochs.entries(), l.epochs.dirty
	l.epochs.dirty = false
	l.mu.Unlock()
	// Outside the lock: these may take as long as the disk likes.
	defer s.restIndexes()
	if err == nil && dirty {
		err = replaceFile(l.store.fs, l.file(epochFile), encodeEpochs(epochs), false)
	}
	if err != nil {
		l.mu.Lock()
		l.epochs.dirty = l.epochs.dirty || dirty
		l.mu.Unlock()
		return err
	}
	if err := errors.Join(s.offsets.Sync(), s.times.Sync(), s.txns.Sync()); err != nil {
		return l.poison(err)
	}
	return l.store.fs.SyncDir(l.dir)
}

// note remembers a log's recovery point and start for the next write.
func (s *Store) note(tp TopicPartition, recovery, start int64) {
	c := &s.checkpoints
	c.mu.Lock()
	defer c.mu.Unlock()
	// A higher point was true before and still is: the file may say it already.
	c.recovery[tp] = max(c.recovery[tp], recovery)
	c.noteStart(tp, start)
}

func (c *checkpoints) noteStart(tp TopicPartition, start int64) {
	if start > 0 {
		c.start[tp] = start
	} else {
		delete(c.start, tp)
	}
}

// writeCheckpoints writes all files, without logs that are no more.
func (s *Store) writeCheckpoints() error {
	c := &s.checkpoints
	c.mu.Lock()
	defer c.mu.Unlock()
	// Looked up under the lock: a log made since would lose what it noted.
	logs := make(map[TopicPartition]*Log)
	for _, l := range s.Logs() {
		logs[l.tp] = l
	}
	gone := func(tp TopicPartition, _ int64) bool { return logs[tp] == nil && !s.isBroken(tp) }
	for _, m := range []offsetCheckpoint{c.recovery, c.start, c.cleaner, c.high} {
		maps.DeleteFunc(m, gone)
	}
	for tp, l := range logs {
		c.high[tp] = l.Offset(HighWatermark) // read back by replicated logs only
	}
	return errors.Join(
		s.writeStarts(),
		s.writeCheckpoint(highWatermarkFile, c.high),
		s.writePoints(),
	)
}

// The caller of each holds checkpoints.mu.

func (s *Store) writePoints() error {
	marked := maps.Clone(s.checkpoints.recovery)
	if s.checkpoints.ours {
		marked[ownMark] = 0
	}
	return s.writeCheckpoint(recoveryPointFile, marked)
}

func (s *Store) writeStarts() error { return s.writeCheckpoint(startOffsetFile, s.checkpoints.start) }

// writeCheckpoint replaces a checkpoint file, as long as the directory is ours.
func (s *Store) writeCheckpoint(name string, c offsetCheckpoint) error {
	if s.checkpoints.closed {
		return ErrClosed
	}
	return replaceFile(s.fs, s.path(name), c.encode(), true)
}

// setRecoveryPoint writes a log's recovery point at once.
func (s *Store) setRecoveryPoint(tp TopicPartition, point int64) error {
	c := &s.checkpoints
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recovery[tp] = point
	return s.writePoints()
}

// lowerRecoveryPoint is durable before what lies above it may be touched.
func (s *Store) lowerRecoveryPoint(tp TopicPartition, point int64) error {
	c := &s.checkpoints
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.recovery[tp]
	if old <= point {
		return nil
	}
	c.recovery[tp] = point
	err := s.writePoints()
	if err != nil {
		c.recovery[tp] = old // the file may say so still
	}
	return err
}

// setStartOffset is durable when it returns.
func (s *Store) setStartOffset(tp TopicPartition, start int64) error {
	s.checkpoints.mu.Lock()
	defer s.checkpoints.mu.Unlock()
	s.checkpoints.noteStart(tp, start)
	return s.writeStarts()
}

// forgetCheckpoints drops what the files say of a log that is no more, durably
// where they say anything.
func (s *Store) forgetCheckpoints(tp TopicPartition) error {
	c := &s.checkpoints
	c.mu.Lock()
	defer c.mu.Unlock()
	var failed error
	if _, ok := c.start[tp]; ok {
		delete(c.start, tp)
		failed = s.writeStarts()
	}
	if _, ok := c.recovery[tp]; ok {
		delete(c.recovery, tp)
		failed = errors.Join(failed, s.writePoints())
	}
	delete(c.high, tp)
	delete(c.cleaner, tp)
	return failed
}
