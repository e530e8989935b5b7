package logstore

import (
	"errors"
	"fmt"
	"io/fs"
)

// OpenLog is [Store.Log], and makes the log, durably, if there is none: with the
// configuration that Options have for it, and without a topic id. So a log has one
// configuration when it is made and whenever it is found again.
//
// It is ErrExists while a [Store.Create] or [Store.Delete] of the name has not
// returned; any number of OpenLog may go on at once. A read-only store makes none:
// ErrNotFound.
func (s *Store) OpenLog(tp TopicPartition) (*Log, error) {
	if err := s.enter(); err != nil {
		return nil, fmt.Errorf("logstore: open %s: %w", tp, err)
	}
	defer s.changes.Done()
	l, err := s.Log(tp)
	if s.opt.ReadOnly || !errors.Is(err, ErrNotFound) {
		return l, err
	}
	s.making.Lock() // of those who want the same log, one makes it
	defer s.making.Unlock()
	if l, err = s.Log(tp); !errors.Is(err, ErrNotFound) {
		return l, err
	}
	c, err := s.configOf(tp)
	if err != nil {
		return nil, fmt.Errorf("logstore: open %s: %w", tp, err)
	}
	l, err = s.Create(tp, TopicID{}, c)
	if errors.Is(err, ErrExists) { // others who want it may come between two tries
		if made, err := s.Log(tp); err == nil {
			return made, nil
		}
	}
	return l, err
}

// Create makes an empty log, durably. id may be zero for none. It is ErrExists
// if there is one, and as long as a [Store.Delete] of that name has not returned.
//
// c is not kept on disk: the next open asks Options.ConfigFor, or takes
// Options.Log, and its retention goes by that.
func (s *Store) Create(tp TopicPartition, id TopicID, c Config) (*Log, error) {
	if err := errors.Join(tp.Validate(), c.Validate()); err != nil {
		return nil, err
	}
	return s.createPatiently(NewLog{tp, id, c})
}

// createTriesMax is how often a log is tried to be made for which others' files were
// closed: more are being made at the same time, and take what was given back.
const createTriesMax = 10

func (s *Store) createPatiently(n NewLog) (l *Log, err error) {
	for tries, again := 1, true; again && tries <= createTriesMax; tries++ {
		l, again, err = s.createAlone(n)
	}
	return l, err
}

// createAlone makes a log by itself. again tells that it wanted for descriptors, and that
// files of other logs were closed since.
func (s *Store) createAlone(n NewLog) (l *Log, again bool, err error) {
	s.awaitFiles()
	if err := s.reserve(n.Name); err != nil {
		return nil, false, fmt.Errorf("logstore: create %s: %w", n.Name, err)
	}
	defer s.changes.Done()
	shed := s.counters.shedFiles.Load()
	b := s.birthOf(n)
	if b.failed == nil {
		b.failed = b.makeAlone()
	}
	if b.failed == nil {
		s.show(b.log)
		return b.log, false, nil
	}
	again = isShortage(b.failed) && s.makeRoom(shed) // first: to take away what is there needs some, too
	s.unmake([]*birth{b})
	return nil, again && isShortage(b.failed), fmt.Errorf("logstore: create %s: %w", n.Name, spaceError(b.failed))
}

// reserve takes the name, so that logs are created side by side. Close waits for
// changes.Done.
func (s *Store) reserve(tp TopicPartition) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch _, taken := s.logs[tp]; {
	case s.closed:
		return ErrClosed
	case s.opt.ReadOnly:
		return ErrReadOnly
	case s.failure() != nil:
		return s.failure()
	case taken || s.broken[tp] != nil:
		return ErrExists
	}
	s.placeLog(tp, nil)
	s.changes.Add(1)
	return nil
}

func (s *Store) setLog(tp TopicPartition, l *Log) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.placeLog(tp, l)
}

// show makes a hidden log known.
func (s *Store) show(l *Log) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l.hidden = false
}

func (s *Store) giveNameFree(tp TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.removeLog(tp)
}

// makeAlone makes the log, hidden.
func (b *birth) makeAlone() (err error) {
	l, s := b.log, b.log.store
	if err := b.makeEmptyDir(); err != nil {
		return err
	}
	if b.first, err = l.firstSegment(); err != nil {
		return err
	}
	if err := errors.Join(s.fs.SyncDir(l.dir), s.fs.SyncDir(s.path(""))); err != nil {
		return err
	}
	l.begin(b.first)
	// In memory first: a manifest that is written anew meanwhile must have the row.
	l.hidden = true
	s.setLog(b.name, l)
	if err := l.putRow(); err != nil {
		b.giveUpRow()
		return err
	}
	return nil
}

// giveUpRow lets go of a log that is the store's, and has no row.
func (b *birth) giveUpRow() {
	b.first = nil
	b.log.stop() // whoever has it from the list of those with open files
	b.log.releaseAll()
}

// noteUnmade remembers that something may be left of a log that could not be made.
func (s *Store) noteUnmade(tp TopicPartition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unmade[tp] = true
}

// removeUnmade takes away what is left of a log that could not be made, if its directory
// could not be removed then.
func (s *Store) removeUnmade(tp TopicPartition) error {
	s.mu.RLock()
	left := s.unmade[tp]
	s.mu.RUnlock()
	if !left {
		return nil
	}
	if err := errors.Join(s.removeDir(s.path(tp.String())), s.fs.SyncDir(s.path(""))); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.unmade, tp)
	return nil
}

// makeDir makes the log's directory. One that is there is as good if it is empty:
// a removal that was cut short leaves it.
func (l *Log) makeDir() error {
	fsys := l.store.fs
	err := fsys.Mkdir(l.dir, dirPerm)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if names, err := fsys.ReadDir(l.dir); err != nil || len(names) > 0 {
		return errors.Join(err, fmt.Errorf("%w: %s is not empty", ErrExists, l.dir))
	}
	return nil
}

// putRow gives a new log its row, durably if it is where the topic's id is. Of a log
// without a row the next open reads the directory, and nothing is acknowledged before
// the row is durable.
func (l *Log) putRow() error {
	l.mu.Lock()
	lsn, err := l.store.manifest.Put(l.row())
	hasID := l.idUnwritten
	l.standing.lsn = lsn
	l.mu.Unlock()
	if err == nil && hasID {
		err = l.store.syncManifest(lsn)
	}
	return err
}
