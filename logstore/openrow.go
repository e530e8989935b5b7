package logstore

import (
	"errors"

	"moldau/logstore/manifest"
)

// configOf is the configuration of a log that was found on disk.
func (s *Store) configOf(tp TopicPartition) (Config, error) {
	c := s.opt.Log
	if s.opt.ConfigFor != nil {
		c = s.opt.ConfigFor(tp)
	}
	return c, c.Validate()
}

// openRow is how a log is opened that its row describes. No file is touched
// before somebody needs it, unless the high watermark lies below the end: which
// transactions are decided below it, only the files tell.
func (s *Store) openRow(tp TopicPartition, row *manifest.Row) (*Log, error) {
	c, err := s.configOf(tp)
	if err != nil {
		return nil, err
	}
	l := s.newLog(tp, row.TopicID, c)
	l.incarnation = row.Incarnation
	l.standing = standing{recovery: row.Recovery, holesBelow: row.HolesBelow, cleaned: row.Cleaned}
	l.start.Store(row.Start)
	epochs := make([]epochEntry, len(row.Epochs))
	for i, e := range row.Epochs {
		epochs[i] = epochEntry{e.Epoch, e.Start}
	}
	l.epochs.set(epochs)
	l.epochs.truncateHead(row.Start)
	l.epochs.dirty = false
	l.producers = nil // loaded when somebody asks
	segments := make([]*segment, len(row.Segments))
	for i, known := range row.Segments {
		segments[i] = l.closedSegment(known, i < len(row.Segments)-1)
	}
	l.pointSnapshot = row.Recovery
	l.begin(segments...)
	if c.Replicated && row.High < l.Offset(LogEnd) {
		l.restoreHighWatermark(row.High)
		if err := errors.Join(l.loadState(), l.recallDecided()); err != nil {
			l.releaseAll()
			return nil, err
		}
		l.settleAnew()
	}
	l.askRetention(s.nowMs())
	return l, nil
}
