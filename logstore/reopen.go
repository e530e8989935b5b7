package logstore

import (
	"fmt"

	"moldau/logstore/journal"
	"moldau/logstore/manifest"
)

// Reopen brings a log back that could not be opened with the store, for want of
// descriptors or space, or for a fault of its files that has been mended since: as
// the next open of the store would, with what the journal held of it. Others go on
// meanwhile. Of a log that is open it is [Store.Log].
//
// One that was poisoned, or is quarantined, is open, for its readers, and stays as it is
// until the store is closed and opened again: ErrPoisoned. The journal may hold of it
// what its files lack, and goes on being written; what the disk holds can be told after
// the next start only; and a repair changes files that must not be in use.
//
// It is ErrNotFound if there is none, and ErrExists while another Reopen, or a
// [Store.Delete], of that name has not returned. After an error of its files or of the
// system all is as before, and it may be tried again.
func (s *Store) Reopen(tp TopicPartition) (*Log, error) {
	s.awaitFiles()
	l, broken, err := s.reserveBroken(tp)
	if err == nil && !broken {
		if err = l.failure(); err == nil {
			return l, nil
		}
		err = fmt.Errorf("the store is to be closed and opened again: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("logstore: reopen %s: %w", tp, err)
	}
	defer s.changes.Done()
	if l, err = s.reopen(tp); err == nil {
		s.emit(LogReopened{tp})
		return l, nil
	}
	if isShortage(err) {
		s.shedAnyway()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeLog(tp)
	s.broken[tp] = err
	return nil, fmt.Errorf("logstore: reopen %s: %w", tp, err)
}

// reserveBroken takes the name of a log that could not be opened. Close waits for
// changes.Done then.
func (s *Store) reserveBroken(tp TopicPartition) (l *Log, broken bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l, taken := s.logs[tp]
	broken = s.broken[tp] != nil
	switch {
	case s.closed:
		return nil, false, ErrClosed
	case s.opt.ReadOnly:
		return nil, false, ErrReadOnly
	case l != nil && !l.hidden:
		return l, false, nil
	case taken && broken:
		return nil, false, ErrExists
	case !broken:
		return nil, false, ErrNotFound
	case s.failure() != nil:
		return nil, false, s.failure()
	}
	s.placeLog(tp, nil)
	s.changes.Add(1)
	return nil, true, nil
}

// reopen opens a log whose name is reserved.
func (s *Store) reopen(tp TopicPartition) (l *Log, err error) {
	p := s.pastOf(tp)
	if row := p.state.Rows[tp.String()]; isAtRest(row) {
		l, err = s.openRow(tp, row)
	} else {
		l, err = s.recoverOne(tp, row, p)
	}
	if err != nil {
		return nil, err
	}
	// In memory first: a manifest that is written anew meanwhile must have the row.
	s.mu.Lock()
	l.hidden = true
	s.placeLog(tp, l)
	s.mu.Unlock()
	if err = l.putRow(); err == nil {
		err = s.syncManifest(s.lastNote([]*Log{l}))
	}
	if err != nil {
		s.setLog(tp, nil)
		l.stop()
		l.releaseAll()
		return nil, spaceError(err)
	}
	s.mu.Lock()
	l.hidden = false
	delete(s.broken, tp)
	kept := s.checkpoints.found.took(tp, s.broken)
	s.mu.Unlock()
	if kept != "" {
		_ = s.fs.Remove(kept) // the next open finds nothing in it that concerns a log
	}
	return l, nil
}

// pastOf is what the store's open has left to be known of a log that it could not open.
// What the system holds of its files is not believed: that open, or an earlier Reopen,
// may have ended with a failed sync of them.
func (s *Store) pastOf(tp TopicPartition) *past {
	s.mu.RLock()
	defer s.mu.RUnlock()
	p, name := *s.checkpoints.found, tp.String()
	p.distrusted = true
	p.state = &manifest.State{Rows: map[string]*manifest.Row{}}
	if row := s.checkpoints.found.state.Rows[name]; row != nil {
		p.state.Rows[name] = row
	}
	p.journaled = map[string]*journaled{}
	if of := s.checkpoints.found.journaled[name]; of != nil {
		again := *of
		again.places = nil
		p.journaled[name] = &again
	}
	return &p
}

// recoverOne is recoverLogs of one log, from what is pending of it.
//
// It gets another incarnation: what is pending is not for the log that goes on.
func (s *Store) recoverOne(tp TopicPartition, row *manifest.Row, p *past) (*Log, error) {
	r := s.newRecovery(tp, row, p)
	defer p.forgetJournal()
	p.catalog = journal.NewCatalog(s.fs)
	of := p.journaled[r.log.name]
	if of != nil && p.pendingKept != "" {
		err := p.catalog.ReadExtract(p.pendingKept, func(h journal.Header, at journal.Place) error {
			if h.Log == r.log.name && (row == nil || h.Incarnation == row.Incarnation) {
				of.places = append(of.places, at)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	g := &recoveryGroups{store: s, past: p, workers: 1, logsMax: 1, last: true}
	one := []*recovery{r}
	g.openSome(one)
	if err := g.recoverOpened(one); err != nil {
		r.abandon()
		return nil, err
	}
	if r.failed != nil {
		return nil, r.failed
	}
	r.log.incarnation = s.nextIncarnation.Add(1) - 1
	return r.log, nil
}

// isAtRest tells that a log can be opened by its row alone.
func isAtRest(row *manifest.Row) bool {
	return row != nil && !row.Dirty && !row.Quarantined && len(row.Segments) > 0
}

// took notes that a log has what was pending of it. It names the file that is of no
// use any more then. The caller holds Store.mu.
func (p *past) took(tp TopicPartition, broken map[TopicPartition]error) (kept string) {
	had := p.journaled[tp.String()] != nil
	delete(p.journaled, tp.String())
	delete(p.state.Rows, tp.String())
	for other := range broken {
		if p.journaled[other.String()] != nil {
			return ""
		}
	}
	if !had {
		return ""
	}
	kept, p.pendingKept = p.pendingKept, ""
	return kept
}
