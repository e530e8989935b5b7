package logstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"moldau/logstore/manifest"
)

// Checkpoint flushes every log that changed and makes the recovery points
// durable, so that a start after a crash scans only what came later. A log that
// did not change since the last checkpoint is brought to rest, and is not scanned
// at all. The store does it by itself every Options.CheckpointMs.
func (s *Store) Checkpoint() error {
	if s.opt.ReadOnly {
		return fmt.Errorf("logstore: checkpoint: %w", ErrReadOnly)
	}
	if err := s.enter(); err != nil {
		return fmt.Errorf("logstore: checkpoint: %w", err)
	}
	defer s.changes.Done()
	s.distrust.again(s)
	last, failed := s.checkpointLogs()
	if err := s.syncManifest(last); err != nil {
		return errors.Join(failed, err)
	}
	return errors.Join(failed, s.cutJournal(), s.shrinkManifest(), s.writeCheckpoints())
}

// checkpointLogs checkpoints every log that changed, or could come to rest: many
// together, the others several at a time, as each waits for disks.
func (s *Store) checkpointLogs() (last int64, failed error) {
	var changed, idle []*Log
	for _, l := range s.Logs() {
		l.mu.Lock()
		if l.producers != nil {
			l.producers.expire(s.nowMs())
		}
		switch {
		case l.dirty:
			changed = append(changed, l)
		case l.standing.dirty:
			idle = append(idle, l)
		}
		last = max(last, l.standing.lsn)
		l.mu.Unlock()
	}
	var left []*Log
	for _, part := range []struct {
		logs []*Log
		rest bool
	}{{changed, false}, {idle, true}} {
		lsn, some, err := s.pointMany(part.logs, part.rest)
		last, left, failed = max(last, lsn), append(left, some...), errors.Join(failed, err)
	}
	var mu sync.Mutex
	s.severalAtATime(left, func(l *Log) {
		lsn, err := l.checkpoint()
		mu.Lock()
		defer mu.Unlock()
		if err != nil && !errors.Is(err, ErrClosed) {
			failed = errors.Join(failed, err)
		}
		last = max(last, lsn)
	})
	return last, failed
}

// pointMany is pointTogether for who holds no lock, and any number of logs.
func (s *Store) pointMany(logs []*Log, rest bool) (last int64, left []*Log, failed error) {
	for part := range slices.Chunk(logs, pointsAtOnce) {
		held := make([]*Log, 0, len(part))
		for _, l := range part {
			// Tried: who holds it may wait for a cut, and that for a log of these.
			if l.upkeep.TryLock() {
				held = append(held, l)
			} else {
				left = append(left, l)
			}
		}
		lsn, some, err := s.pointTogether(held, rest)
		for _, l := range held {
			l.upkeep.Unlock()
		}
		last, left, failed = max(last, lsn), append(left, some...), errors.Join(failed, err)
	}
	return last, left, failed
}

// checkpoint makes data, then indexes and epochs, durable, and notes how far.
// What it noted is durable when the manifest is synced up to lsn.
func (l *Log) checkpoint() (lsn int64, err error) {
	l.upkeep.Lock()
	defer l.upkeep.Unlock()
	if err := l.writable(); err != nil {
		return 0, nil // nothing that would be new
	}
	l.mu.Lock()
	changed := l.dirty
	l.dirty = false
	if l.producers != nil {
		l.producers.expire(l.store.nowMs())
	}
	if !changed {
		defer l.mu.Unlock()
		err := l.restIfIdle()
		return l.standing.lsn, l.wrap("checkpoint", err)
	}
	point := l.Offset(LogEnd)
	err = l.loadState()
	var snapshot []byte
	if err == nil {
		snapshot = l.producers.encode()
	}
	l.mu.Unlock()
	if err == nil {
		err = l.flushFiles(point)
	}
	if err == nil {
		err = l.writeSnapshot(point, snapshot)
	}
	if err == nil {
		err = l.flushBeside()
	}
	err = l.final(err)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.unsealed) > 0 {
		// Indexes of rolled segments are synced by sealing, which failed or has
		// yet to run; then it is the next checkpoint's turn.
		point = min(point, l.unsealed[0].segment.base)
		l.dirty = true
	}
	if err == nil {
		l.standing.recovery = max(l.standing.recovery, point)
		err = l.note()
	}
	l.dirty = l.dirty || err != nil
	return l.standing.lsn, l.wrap("checkpoint", err)
}

// writeSnapshot leaves the producers as they are at a recovery point, which an
// open would otherwise read from the headers of all batches since the last roll.
// The caller holds l.upkeep, and syncs the directory.
func (l *Log) writeSnapshot(end int64, snapshot []byte) error {
	if err := replaceFile(l.store.fs, l.file(segmentFileName(end, snapshotSuffix)), snapshot, false); err != nil {
		return err
	}
	before := l.pointSnapshot
	l.pointSnapshot = end
	if before == end || before == 0 || l.beginsAt(before) {
		return nil
	}
	err := l.store.fs.Remove(l.file(segmentFileName(before, snapshotSuffix)))
	return ignore(err, fs.ErrNotExist)
}

// restIfIdle brings a log to rest that has nothing under way. The caller holds
// l.upkeep and l.mu.
func (l *Log) restIfIdle() error {
	if l.writable() != nil { // since the caller looked: its files may be given up
		return nil
	}
	if l.busy() {
		l.dirty = true
		return nil
	}
	return l.bringToRest()
}

// busy tells that something of the log is under way. The caller holds l.mu.
func (l *Log) busy() bool {
	return l.compaction.stop != nil || len(l.unsealed) > 0 || l.pending() ||
		l.commit.committing || l.commit.flushes > 0 || l.journaled.offset() > l.commit.flushed
}

// flushBeside syncs what lies beside the active segment's data.
func (l *Log) flushBeside() error {
	l.mu.Lock()
	if err := l.loadState(); err != nil {
		l.mu.Unlock()
		return err
	}
	s := l.view.Load().active()
	defer s.restIndexes()
	err := l.flushTail(false)
	small := l.takeUnwritten()
	l.mu.Unlock()
	// Outside the lock: these may take as long as the disk likes.
	if err == nil {
		err = small.replace(l)
	}
	if err != nil {
		l.mu.Lock()
		small.giveBack(l)
		l.mu.Unlock()
		return err
	}
	return unsyncable(errors.Join(s.syncFlushed(), l.store.fs.SyncDir(l.dir)))
}

// manifestSlackBytes is by how much a manifest may outgrow what it says.
const manifestSlackBytes = 1 << 20

// shrinkManifest writes the manifest anew when it is mostly history.
func (s *Store) shrinkManifest() error {
	total, snapshot := s.manifest.Bytes()
	if total <= 2*snapshot+manifestSlackBytes {
		return nil
	}
	return s.manifest.Rewrite(s.state)
}

// state is what a new manifest has to say.
func (s *Store) state() *manifest.State {
	st := &manifest.State{Rows: map[string]*manifest.Row{}, NextIncarnation: s.nextIncarnation.Load(), JournalStart: s.journalStart.Load()}
	for _, l := range s.everyLog() {
		l.mu.Lock()
		st.Rows[l.name] = l.row()
		l.mu.Unlock()
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for tp := range s.broken {
		if row := s.checkpoints.found.state.Rows[tp.String()]; row != nil && st.Rows[tp.String()] == nil { // or it is being reopened
			st.Rows[tp.String()] = row
		}
	}
	return st
}

// writeCheckpoints writes Kafka's checkpoint files, as far as they changed.
func (s *Store) writeCheckpoints() error {
	c := &s.checkpoints
	c.mu.Lock()
	defer c.mu.Unlock()
	recovery, start, high, cleaner := offsetCheckpoint{ownMark: 0}, offsetCheckpoint{}, offsetCheckpoint{}, offsetCheckpoint{}
	for _, l := range s.Logs() {
		l.mu.Lock()
		recovery[l.tp] = l.standing.recovery
		if at := l.start.Load(); at > 0 {
			start[l.tp] = at
		}
		high[l.tp] = l.Offset(HighWatermark) // read back by replicated logs only
		if at := l.standing.cleaned; at > 0 {
			cleaner[l.tp] = at
		}
		l.mu.Unlock()
	}
	s.mu.RLock()
	for tp := range s.broken {
		for _, m := range []struct{ to, from offsetCheckpoint }{{recovery, c.found.recovery}, {start, c.found.start}, {high, c.found.high}, {cleaner, c.found.cleaner}} {
			if at, ok := m.from[tp]; ok {
				m.to[tp] = at
			}
		}
	}
	s.mu.RUnlock()
	return errors.Join(
		s.writeCheckpoint(startOffsetFile, start),
		s.writeCheckpoint(highWatermarkFile, high),
		s.writeCheckpoint(cleanerOffsetFile, cleaner),
		s.writeCheckpoint(recoveryPointFile, recovery),
	)
}

// writeCheckpoint replaces a checkpoint file, as long as the directory is ours.
// The caller holds checkpoints.mu.
func (s *Store) writeCheckpoint(name string, o offsetCheckpoint) error {
	c := &s.checkpoints
	if c.closed {
		return ErrClosed
	}
	text := o.encode()
	if before, ok := c.written[name]; bytes.Equal(text, before) || !ok && len(o) == 0 {
		return nil
	}
	if err := replaceFile(s.fs, s.path(name), text, true); err != nil {
		return err
	}
	c.written[name] = text
	return nil
}
