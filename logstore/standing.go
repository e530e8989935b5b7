package logstore

import (
	"fmt"

	"moldau/logstore/manifest"
)

// standing is what the manifest says of a log. It is under Log.mu.
type standing struct {
	// dirty says that the log's files may have changed since its row was put: after
	// a crash its directory is listed and scanned. It is written, not yet durable,
	// before the files change; what makes something durable, and what changes more
	// than the active segment's tail, has lsn synced first.
	dirty bool
	lsn   int64 // of the last note

	recovery   int64 // all below is durable in the log's own files, indexes included
	start      int64 // what an advance is making durable; else at most the log's start
	holesBelow int64 // below it segments need not touch: another program wrote there, or compaction
	cleaned    int64 // compaction has come up to here; 0 for nowhere, and beyond the end for nothing

	// quarantined says that an open found the log to be less than what was
	// acknowledged, up to an offset. It takes nothing more, and is not changed,
	// until it is repaired.
	quarantined  bool
	acknowledged int64
}

// note writes what the manifest is to say. The caller holds l.mu.
func (l *Log) note() error {
	lsn, err := l.store.manifest.Note(manifest.Note{
		Log: l.name, Incarnation: l.incarnation, Dirty: l.standing.dirty, Quarantined: l.standing.quarantined,
		Recovery: l.standing.recovery, Synced: max(l.standing.recovery, l.commit.flushed, l.standing.acknowledged),
		Start: max(l.standing.start, l.start.Load()), High: l.Offset(HighWatermark), HolesBelow: l.standing.holesBelow,
		Cleaned: l.standing.cleaned,
	})
	if err != nil {
		return fmt.Errorf("manifest: %w", spaceError(err))
	}
	l.standing.lsn = lsn
	return nil
}

// noteDurably is note for what a crash may not undo.
func (l *Log) noteDurably() error {
	if err := l.note(); err != nil {
		return err
	}
	return l.store.syncManifest(l.standing.lsn)
}

// touch enters the log into the dirty set before its active segment changes.
// The caller holds l.mu.
func (l *Log) touch() error {
	if l.standing.dirty {
		return nil
	}
	l.standing.dirty = true
	err := l.note()
	if err != nil {
		l.standing.dirty = false
	}
	return err
}

// touchDurably is touch before the log's directory changes.
func (l *Log) touchDurably() error {
	if err := l.touch(); err != nil {
		return err
	}
	return l.store.syncManifest(l.standing.lsn)
}

// bringToRest brings a log to rest: everything that Kafka, or the next open, wants to
// find is durable, and the log leaves the dirty set. The caller holds l.upkeep
// and l.mu, has sealed what was rolled, and lets no sync run beside.
func (l *Log) bringToRest() error {
	if !l.standing.dirty {
		return nil
	}
	if err := l.rest(); err != nil {
		return l.final(err)
	}
	return l.putAtRest()
}

// putAtRest is the end of that: the log's row is put. The caller holds l.upkeep and
// l.mu.
func (l *Log) putAtRest() error {
	l.standing.recovery = l.Offset(LogEnd)
	if l.producers.txns.open.Len() > 0 { // above the high watermark, too: it may be elsewhere at the next open
		// Recovery, which has nothing to scan, finds what is open; a log that is
		// opened at rest has not looked.
		return l.note()
	}
	l.standing.dirty = false
	lsn, err := l.store.manifest.Put(l.row())
	if err != nil {
		l.standing.dirty = true
		return fmt.Errorf("manifest: %w", spaceError(err))
	}
	l.standing.lsn, l.dirty = lsn, false // a checkpoint would have nothing new
	return nil
}

// row is the whole of what an open needs of a log at rest.
func (l *Log) row() *manifest.Row {
	r := &manifest.Row{
		Log: l.name, Incarnation: l.incarnation, TopicID: l.id, Dirty: l.standing.dirty, Quarantined: l.standing.quarantined,
		Recovery: l.standing.recovery, Synced: max(l.standing.recovery, l.commit.flushed, l.standing.acknowledged),
		Start: max(l.standing.start, l.start.Load()), High: l.Offset(HighWatermark), HolesBelow: l.standing.holesBelow,
		Cleaned: l.standing.cleaned,
	}
	if r.Dirty {
		return r
	}
	for _, e := range l.epochs.entries() {
		r.Epochs = append(r.Epochs, manifest.Epoch{Epoch: e.epoch, Start: e.start})
	}
	for _, s := range l.view.Load().segments {
		r.Segments = append(r.Segments, s.known())
	}
	return r
}

// known is what a row has of a segment. The caller holds Log.mu.
func (s *segment) known() manifest.Segment {
	return manifest.Segment{
		Base: s.base, End: s.endOffset(), Bytes: s.size(),
		TimestampMax: s.timestampMax.Load(), TimestampMaxOffset: s.tail.timestampMaxOffset,
	}
}

// syncManifest makes what was noted durable. That failing is final for the
// store: what the manifest says on disk is not known any more.
func (s *Store) syncManifest(lsn int64) error {
	if err := s.manifest.Sync(lsn); err != nil {
		return s.poison(fmt.Errorf("manifest: %w", err))
	}
	return nil
}

// poison ends a store's life as a place to write to.
func (s *Store) poison(cause error) error {
	err := fmt.Errorf("%w: %w", ErrPoisoned, cause)
	s.failed.CompareAndSwap(nil, &err)
	for _, l := range s.everyLog() {
		_ = l.poison(cause)
	}
	return err
}

// failure is why the store was poisoned, nil if it was not.
func (s *Store) failure() error {
	if p := s.failed.Load(); p != nil {
		return *p
	}
	return nil
}
